import assert from "node:assert/strict";
import test from "node:test";
import { EventParser } from "../src/sse.js";

const stream = 'data: {"a":"ü"}\n\n: keep-alive\n\ndata: one\r\ndata: two\r\n\r\ndata: [DONE]\n\n';
const events = ['{"a":"ü"}', "one\ntwo", "[DONE]"];

test("events are the same for every cut of the stream", () => {
  const bytes = new TextEncoder().encode(stream);
  for (let size = 1; size <= bytes.length; ++size) {
    const parser = new EventParser();
    const found = [];
    for (let at = 0; at < bytes.length; at += size) found.push(...parser.push(bytes.subarray(at, at + size)));
    assert.deepEqual(found, events, `pieces of ${size} bytes`);
  }
});

test("an event without its empty line is not given out", () => {
  assert.deepEqual(new EventParser().push(new TextEncoder().encode("data: half\n")), []);
});
