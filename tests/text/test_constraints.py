#!/usr/bin/env python3
"""Constrained decoding beside ajv: what random legal walks write is valid, and known valid documents are accepted."""
import json
import re
import unittest

from peers import HEARTH, SHARED, missing_npm, node, probe

NODE = {"$defs": {"node": {"type": "object", "properties": {
    "value": {"type": "integer", "minimum": -9, "maximum": 1000}, "children": {"type": "array", "items": {"$ref": "#/$defs/node"}}},
    "required": ["value"], "additionalProperties": False}}, "$ref": "#/$defs/node"}

# (schema, documents that must be accepted, documents that must not)
CASES = [
    ({"type": "object"}, [{}, {"a": [1, {"b": None}]}], [[], 1]),
    (True, [None, [], {"x": "\u20ac\n"}, -1.5, "a\"b\\"], []),
    ({"type": "string"}, ["", "hé\t", "\U0001f600"], [1, None]),
    ({"type": "string", "minLength": 2, "maxLength": 4}, ["ab", "éééé", "\U0001f600\U0001f600"], ["a", "abcde"]),
    ({"type": "string", "pattern": "^[A-Z]{2}-\\d{3,}$"}, ["AB-123", "ZZ-000000"], ["ab-123", "AB-12"]),
    ({"type": "string", "pattern": "b+\"?"}, ["abc", "b\"", "xb"], ["ac"]),
    ({"type": "string", "pattern": "^a.*z$", "maxLength": 5}, ["az", "abz"], ["a", "abbbbz"]),
    ({"type": "string", "format": "date"}, ["2024-02-29", "1999-12-31"], ["2023-02-29", "x"]),
    ({"type": "string", "format": "time"}, ["23:59:59Z", "00:00:00.25+02:00"], ["24:00:00Z"]),
    ({"type": "string", "format": "date-time"}, ["2024-02-29T23:59:59Z"], ["2024-02-29"]),
    ({"type": "string", "format": "uuid"}, ["123e4567-e89b-12d3-a456-426614174000"], ["123"]),
    ({"type": "string", "format": "ipv4"}, ["192.168.0.255"], ["256.1.1.1"]),
    ({"type": "string", "format": "email"}, ["ann.lee@mail.example.org"], ["@x"]),
    ({"type": "integer"}, [0, -7, 123456], [1.5, "1"]),
    ({"type": "number"}, [0.5, -1e-7, 3], ["1"]),
    ({"type": "integer", "minimum": -12, "maximum": 345}, [-12, 345, 0, 99], [-13, 346]),
    ({"type": "integer", "exclusiveMinimum": 99}, [100, 999, 12345], [99, -100]),
    ({"type": "integer", "maximum": -5}, [-5, -10, -99999], [-4, 0]),
    ({"type": "number", "minimum": 0.25, "exclusiveMaximum": 7.5}, [0.25, 7.49, 1], [0.24, 7.5, -1]),
    ({"type": "number", "exclusiveMinimum": -1.05, "maximum": 0}, [-1.04, 0, -0.5], [-1.05, 0.1]),
    ({"type": "number", "minimum": 1e3, "maximum": 1e21}, [1000, 123456.75], [999.9]),
    ({"type": "boolean"}, [True, False], [None]),
    ({"enum": ["a", 1, None, [1, 2], {"k": "v"}, "é\""]}, ["a", 1, None, [1, 2], {"k": "v"}, "é\""], ["b", 2]),
    ({"const": {"a": [1, "x"]}}, [{"a": [1, "x"]}], [{}]),
    ({"type": ["integer", "null"]}, [1, None], ["x"]),
    ({"type": "array", "items": {"type": "integer"}, "minItems": 1, "maxItems": 3}, [[1], [1, 2, 3]], [[], [1, 2, 3, 4]]),
    ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}], "items": {"type": "null"}, "minItems": 1},
     [["a"], ["a", 1], ["a", 1, None, None]], [[], [1], ["a", 1, 2]]),
    ({"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer"}, "c": {"type": "boolean"}},
      "required": ["b"], "additionalProperties": False},
     [{"b": 1}, {"a": "x", "b": 1}, {"b": 1, "c": True}, {"a": "", "b": 2, "c": False}], [{}, {"a": "x"}, {"b": 1, "d": 1}]),
    ({"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id", "name"],
      "additionalProperties": {"type": ["string", "number"]}}, [{"id": 1, "name": "x"}, {"id": 1, "name": 2, "é": "y"}], [{"id": 1}]),
    ({"type": "object", "additionalProperties": {"type": "array", "items": {"type": "boolean"}}},
     [{}, {"x": [True]}, {"x": [], "y": [False, True]}], [{"x": 1}]),
    ({"type": "object", "properties": {}, "additionalProperties": False}, [{}], [{"a": 1}]),
    (NODE, [{"value": 1}, {"value": 0, "children": [{"value": 2, "children": []}]}], [{}, {"value": 1, "children": [1]}]),
    ({"anyOf": [{"type": "integer", "minimum": 5}, {"type": "string", "maxLength": 2}]}, [5, "ab"], [4, "abc"]),
    ({"type": "object", "properties": {"x": {"type": "integer"}}, "required": ["x"],
      "anyOf": [{"properties": {"y": {"const": 1}}, "required": ["y"]}, {"properties": {"z": {"const": 2}}, "required": ["z"]}]},
     [{"x": 1, "y": 1}, {"x": 1, "z": 2}], [{"x": 1}, {"y": 1}]),
    ({"oneOf": [{"type": "object", "properties": {"kind": {"const": "circle"}, "r": {"type": "number", "minimum": 0}},
                 "required": ["kind", "r"]},
                {"type": "object", "properties": {"kind": {"const": "square"}, "side": {"type": "number"}},
                 "required": ["kind", "side"]}]},
     [{"kind": "circle", "r": 1.5}, {"kind": "square", "side": 2}], [{"kind": "circle", "side": 2}]),
    ({"allOf": [{"$ref": "#/definitions/base"}, {"properties": {"b": {"minimum": 3}}, "required": ["b"]}],
      "definitions": {"base": {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "integer", "maximum": 9}},
                               "required": ["a"]}}}, [{"a": "x", "b": 3}], [{"a": "x", "b": 2}, {"b": 5}]),
    ({"$defs": {"e": {"anyOf": [{"type": "integer"}, {"type": "object", "properties": {
        "op": {"enum": ["+", "*"]}, "left": {"$ref": "#/$defs/e"}, "right": {"$ref": "#/$defs/e"}},
        "required": ["op", "left", "right"], "additionalProperties": False}]}}, "$ref": "#/$defs/e"},
     [1, {"op": "+", "left": 1, "right": {"op": "*", "left": 2, "right": 3}}], [{"op": "+"}]),
    ({"title": "Order", "description": "d", "$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object",
      "properties": {"when": {"type": "string", "format": "date-time", "examples": []},
                     "lines": {"type": "array", "minItems": 1, "items": {"type": "object", "properties": {
                         "sku": {"type": "string", "pattern": "^[a-z]+$"}, "count": {"type": "integer", "minimum": 1, "default": 1},
                         "price": {"type": "number", "minimum": 0, "maximum": 9999.99}}, "required": ["sku", "count"]}},
                     "note": {"anyOf": [{"type": "string", "maxLength": 20}, {"type": "null"}]}}, "required": ["lines", "note"]},
     [{"lines": [{"sku": "abc", "count": 2, "price": 1.25}], "note": None},
      {"when": "2024-01-01T00:00:00Z", "lines": [{"sku": "z", "count": 1}], "note": "ok"}], [{"lines": [], "note": None}]),
]
PATTERNS = ["(ab|a)*c{2,3}", "[^\\W\\d]+(-\\w{1,3})?", "x[é-ü]{1,2}y|\\u65e5.", "(\\d{1,3}\\.){3}\\d{1,3}", "[\\s\\S]{0,3}!"]


class Constraints(unittest.TestCase):
    def test_documents(self):
        requests, wanted = [], []
        for schema, good, bad in CASES:
            texts = [json.dumps(value, ensure_ascii=False, separators=separators, indent=indent) for value in [*good, *bad]
                     for separators, indent in (((",", ":"), None), ((", ", ": "), None), ((",", ": "), 2))]
            requests.append({"json_schema": schema, "texts": texts})
            wanted.append([True] * (3 * len(good)) + [False] * (3 * len(bad)))
        for request, answer, expected in zip(requests, probe(requests), wanted):
            with self.subTest(json.dumps(request["json_schema"])):
                self.assertNotIn("error", answer)
                self.assertEqual(answer["accepts"], expected, list(zip(request["texts"], expected)))

    def walks(self, tokenizer, count):
        requests = [{"json_schema": schema, "walks": count, "seed": seed} for seed, (schema, _, _) in enumerate(CASES)]
        answers = probe(requests, tokenizer)
        for request, answer in zip(requests, answers):
            self.assertNotIn("error", answer, request)
        self.assertGreater(sum(len(answer["texts"]) for answer in answers), 0.8 * count * len(CASES))
        return [{"json_schema": case[0], "texts": answer["texts"]} for case, answer in zip(CASES, answers)]

    def check_walks(self, tokenizer, count):
        why = missing_npm()
        if why:
            self.skipTest(why)
        walks = self.walks(tokenizer, count)
        for walk, answer in zip(walks, node("validate.mjs", walks)):
            with self.subTest(json.dumps(walk["json_schema"])):
                wrong = [text for text, accepted in zip(walk["texts"], answer["accepts"]) if not accepted]
                self.assertEqual(wrong, [])

    def test_walks_are_valid(self):
        self.check_walks(HEARTH, 40)

    def test_walks_of_other_vocabularies_are_valid(self):
        if not SHARED.exists():
            self.skipTest("skipped: no ../shared")
        for name in ("tokenizer-qwen2", "tokenizer-llama2", "tokenizer-smollm2"):
            with self.subTest(name):
                self.check_walks(SHARED / name, 3)

    def test_walks_of_patterns_match(self):
        requests = [{"regex": pattern, "walks": 50, "seed": 1} for pattern in PATTERNS]
        for pattern, answer in zip(PATTERNS, probe(requests)):
            self.assertGreater(len(answer["texts"]), 20, pattern)
            for text in answer["texts"]:
                self.assertTrue(re.fullmatch(pattern, text, re.ASCII), (pattern, text))


if __name__ == "__main__":
    unittest.main()
