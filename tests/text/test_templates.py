#!/usr/bin/env python3
"""Chat templates beside Jinja2 itself (set up as Hugging Face does) and @huggingface/jinja."""
import functools
import json
import unittest

from peers import HEARTH, HERE, SHARED, missing_npm, node, probe

try:
    import jinja2
    import jinja2.ext
    import jinja2.sandbox
except ImportError:
    jinja2 = None

WEATHER = {"type": "function", "function": {
    "name": "get_weather", "description": "The weather at a place.\nNow, \"outside\" <only>.",
    "parameters": {"type": "object", "properties": {
        "place": {"type": "string", "description": "Ort, z. B. Zürich"},
        "unit": {"enum": ["c", "f"], "type": "string"},
        "days": {"type": "array", "items": {"type": "number"}}}, "required": ["place"]}}}
CLOCK = {"type": "function", "function": {"name": "clock", "description": "", "parameters": {"type": "object", "properties": {}}}}


def call(name, arguments, identifier="abcde1234"):
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}}


def user(text):
    return {"role": "user", "content": text}


def assistant(text, **more):
    return {"role": "assistant", "content": text, **more}


SYSTEM = {"role": "system", "content": " You are brief. \n"}
CONVERSATIONS = [
    [user("hello")],
    [user("  spaces around \n")],
    [SYSTEM, user("hello")],
    [user("a"), assistant("b"), user("c")],
    [SYSTEM, user("a"), assistant(" b\n"), user("c"), assistant("d")],
    [user("Grüße, 世界 🌍 'quotes' \"double\" <|im_end|> {{ not a tag }} {% raw %} \\ back")],
    [user("")],
    [user("\u00a0nbsp\u3000"), assistant("<think>\nhm\n</think>\n\nyes"), user("more")],
    [user("a"), user("b")],
    [SYSTEM],
    [user("weather?"), assistant("", tool_calls=[call("get_weather", {"place": "Zürich", "days": [1, 2.5, -3e-7], "x": None})]),
     {"role": "tool", "name": "get_weather", "tool_call_id": "abcde1234", "content": "{\"t\": 7}"}],
    [SYSTEM, user("two"), assistant("I look.", tool_calls=[call("clock", {}), call("get_weather", {"place": "a\"b\n", "ok": True}, "zzzzz9999")]),
     {"role": "tool", "tool_call_id": "abcde1234", "content": "12:00"}, {"role": "tool", "tool_call_id": "zzzzz9999", "content": "rain"},
     assistant("Noon, rain."), user("thanks")],
    [user("bad id"), assistant("", tool_calls=[call("clock", {}, "short")])],
]
EXTRAS = [{}, {"add_generation_prompt": False}, {"tools": [WEATHER]}, {"tools": [WEATHER, CLOCK], "tools_in_user_message": False},
          {"enable_thinking": False, "builtin_tools": ["clock", "code_interpreter"], "date_string": "1 Jan 2026"}]


def templates():
    found = {path.stem: path.read_text() for path in sorted((HERE / "templates").glob("*.jinja"))}
    for folder in (HEARTH, SHARED / "tokenizer-qwen2"):
        if (folder / "tokenizer_config.json").exists():
            found[folder.name] = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    return found


def requests():
    for name, template in templates().items():
        for number, messages in enumerate(CONVERSATIONS):
            for extra in EXTRAS:
                variables = {"messages": messages, "tools": None, "add_generation_prompt": True, "bos_token": "<s>",
                             "eos_token": "</s>", **extra}
                yield f"{name}, conversation {number}, {extra}", {"render": template, "variables": variables}


def raise_exception(message):
    raise jinja2.exceptions.TemplateError(message)


def tojson(value, ensure_ascii=False, indent=None, separators=None, sort_keys=False):
    return json.dumps(value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys)


@functools.lru_cache
def compiled(template):
    environment = jinja2.sandbox.ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True,
                                                               extensions=[jinja2.ext.loopcontrols])
    environment.filters["tojson"] = tojson
    environment.globals["raise_exception"] = raise_exception
    return environment.from_string(template)


def with_jinja2(request):
    try:
        return {"text": compiled(request["render"]).render(**request["variables"])}
    except (jinja2.exceptions.TemplateError, TypeError, ArithmeticError, LookupError) as error:
        return {"error": str(error)}


# Expressions and statements one by one; what each prints is Jinja2's business.
SNIPPETS = """
{{ 7 // -2 }}|{{ -7 % 3 }}|{{ 7.5 // 2 }}|{{ 2 ** 10 }}|{{ 1 / 3 }}|{{ 1e16 }}|{{ 1e-5 }}|{{ 123456789.125 }}|{{ -0.0 }}
{{ [1, 'a', 2.0, none, true, (1,), {'k': "it's"}] }}|{{ 'a\\nb' }}|{{ ['a\\n\\t"\\''] }}
{{ 'abc'[1:] }}|{{ 'abc'[::-1] }}|{{ 'äöü'[1] }}|{{ [1,2,3,4][-3:-1] }}|{{ [1,2,3][5:] }}|{{ 'abc'[-2:] }}
{{ 'a,b,,c'.split(',') }}|{{ '  a b  c '.split() }}|{{ 'a b c'.rsplit(' ', 1) }}|{{ ' x '.split(' ') }}|{{ ' a b c '.split(None, 1) }}
{{ 'xxabcxx'.strip('x') }}|{{ ' a '.lstrip() }}|{{ 'abca'.replace('a', 'z', 1) }}|{{ 'aaa'.count('a') }}|{{ 'abc'.find('c') }}
{{ 'hello world'.title() }}|{{ 'hELLO'.capitalize() }}|{{ "it's a dog-house" | title }}|{{ 'ß'.lower() }}|{{ 'Ab'.swapcase() }}
{{ 'a'.zfill(3) }}|{{ '-4'.zfill(5) }}|{{ 'ab'.center(7, '*') }}|{{ 'ab'.ljust(4) }}|{{ 'x' | center(6) }}|{{ 'a-b'.partition('-') }}
{{ 'abc' is string }}|{{ 1 is number }}|{{ true is number }}|{{ true is integer }}|{{ 1.0 is float }}|{{ [] is sequence }}|{{ {} is mapping }}|{{ 'a' is iterable }}
{{ none is none }}|{{ x is defined }}|{{ 3 is odd }}|{{ 4 is divisibleby(2) }}|{{ 'A' is upper }}|{{ 1 is eq 1 }}|{{ 2 is in [1,2] }}|{{ 5 is not gt 7 }}
{{ [3,1,2]|sort }}|{{ [3,1,2]|sort(reverse=true) }}|{{ ['b','A']|sort }}|{{ [1,1,2]|unique|list }}|{{ [1,2,3]|sum }}|{{ [1,5,2]|max }}|{{ []|max }}
{{ 'abc'|reverse }}|{{ [1,2]|reverse|list }}|{{ [1,2,3]|first }}|{{ 'xyz'|last }}|{{ [1,2,3,4,5]|batch(2, 0)|list }}|{{ 3.14159|round(2) }}|{{ 2.5|round }}|{{ 2.4|round(method='ceil') }}
{{ '3'|int + 1 }}|{{ 'x'|int(5) }}|{{ '2.5'|float }}|{{ 3.9|int }}|{{ 'a b c'|wordcount }}|{{ '<a&"\\'>'|e }}|{{ -3|abs }}|{{ 'a/b c?é'|urlencode }}
{{ 'line1\\nline2\\n\\nx'|indent }}|{{ 'a\\nb'|indent(2, true) }}|{{ 'a\\n\\nb'|indent(1, blank=true) }}|{{ 'the quick brown fox jumps'|truncate(12) }}|{{ 'abc def'|truncate(5, true, '') }}
{{ {'b':1,'a':[1,{'c':none}]}|tojson }}|{{ {'b':1,'a':[]}|tojson(indent=2) }}|{{ [1.5, true, 'é"\\u0001']|tojson }}|{{ {'b':1,'a':2}|tojson(sort_keys=true) }}|{{ {}|tojson(indent=4) }}
{{ {'a':1}.get('b') }}|{{ {'a':1}.get('b', 2) }}|{{ {'a':1,'b':2}.keys()|list }}|{{ {'a':1}.values()|list }}|{{ {'a':1}.items()|list }}|{{ dict(a=1, b=2) }}|{{ {'a':1}|items|list }}
{% for a, b in [(1, 2), (3, 4)] %}{{ a + b }}{{ loop.index }}{{ loop.last }},{% endfor %}{% for x in [] %}a{% else %}empty{% endfor %}
{% for i in range(3) %}{{ loop.cycle('a', 'b') }}{{ loop.previtem|default('-') }}{{ loop.nextitem|default('-') }}{% endfor %}
{% set a, b = 1, 2 %}{{ a }}{{ b }}{% set t = 1, %}{{ t }}{{ 1, 2 }}
{% macro f(x, y=2) %}[{{ x }}{{ y }}]{% endmacro %}{{ f(1) }}{{ f(1, y=3) }}{{ f() }}
{% set x = namespace(a=1) %}{% set x.b = x.a + 1 %}{{ x.a + x.b }}{% set y %}block {{ 1 }}{% endset %}{{ y|length }}
{{ 'a' if false }}|{{ 'a' ~ 1 ~ none ~ 2.0 ~ [1] }}|{{ 1 if x else 2 if y else 3 }}|{{ not true or true and false }}|{{ 1 == 1.0 }}|{{ 'a' < 'b' }}|{{ 1 < 2 > 1 }}
{{ 'abc' in ['abc'] }}|{{ 'k' in {'k': 1} }}|{{ 2 in [1] }}|{{ 'b' not in 'abc' }}|{{ [1,2] == [1,2] }}|{{ {'a':1} == {'a':1.0} }}|{{ (1,) == [1] }}|{{ true == 1 }}
{{ '%s is %d' % ('a', 3) }}|{{ '{} and {x}'.format(1, x=2) }}|{{ '%s' | format('q') }}|{{ 'a' * 3 }}|{{ [0] * 2 + [1] }}
{{ x }}|{{ x.y is defined }}
{{ none.y is defined }}|{{ [1].foo is defined }}|{{ ''.y is defined }}|{{ {}['a'] is defined }}|{{ [][0] is defined }}
{{ x|default('d') }}|{{ x|length }}|{% for i in x %}{{ i }}{% endfor %}|{{ x ~ 'a' }}|{{ [x]|length }}|{{ x == y }}|{{ x or 'o' }}
{{ x + 1 }}
{{ none + 'a' }}
{{ 1 + 'a' }}
{{ {}.a.b }}
{{ 'a'.foo() }}
{{ [1].append(2) }}
{{ nope() }}
{{ 1 // 0 }}
{{ [3, 'a']|sort }}
{{ x < 1 }}
{{ 1 in none }}
{{ 'a' | nofilter }}
{{ 'a' is notest }}
{{ [1,2,3]|select('odd')|list }}|{{ [0,1,'']|select|list }}|{{ [0,1]|reject|list }}|{{ [{'a':1},{'a':0},{}]|selectattr('a')|list }}|{{ [{'a':1},{'b':2}]|rejectattr('a', 'defined')|list }}
{{ [{'a':{'b':1}},{'a':{'b':2}}]|map(attribute='a.b')|list }}|{{ [{}]|map(attribute='z', default=9)|list }}|{{ ['a ','b']|map('trim')|map('upper')|join('+') }}|{{ [1,2]|map('string')|join }}
{{ [{'a':2},{'a':1}]|sort(attribute='a')|map(attribute='a')|list }}|{{ [{'t':'x','v':1},{'t':'y','v':2},{'t':'x','v':3}]|groupby('t')|map(attribute=0)|list }}
{{ 'abc'.startswith(('x', 'a')) }}|{{ 'abc'.endswith('bc') }}|{{ 'a\\nb\\r\\nc'.splitlines() }}|{{ '12'.isdigit() }}|{{ 'ab'.isalpha() }}|{{ ' '.isspace() }}|{{ 'AB'.isupper() }}|{{ 'x.y'.removesuffix('.y') }}
{{- 1 -}}   x   {{- 2 }}   {#- c -#}   y
{% if true -%}   a   {%- endif %}  b
{%- for i in range(2) -%} {{ i }} {%- endfor %}|{{ range(5, 0, -2)|list }}
{{ "a" "b" }}|{{ 1_000 }}|{{ 'é\\u00e9\\x41' }}|{{ (1 + 2) * 3 }}|{{ -2 ** 2 }}|{{ 2 ** 3 ** 2 }}|{{ -1|abs }}
{% with a = 1, b = 2 %}{{ a + b }}{% endwith %}{{ a is defined }}|{% filter upper %}abc{% endfilter %}
{% macro outer() %}<{{ caller() }}>{% endmacro %}{% call outer() %}in{% endcall %}|{% raw %}{{ x }}{% endraw %}
{% for i in [1,2,3] if i != 2 %}{{ i }}{{ loop.index }}{% endfor %}|{% for c in 'ab' %}{{ c }}.{% endfor %}|{% for k in {'x':1} %}{{ k }}{% endfor %}
{% for i in range(9) %}{% if i is even %}{% continue %}{% endif %}{% if i > 6 %}{% break %}{% endif %}{{ i }}{% endfor %}
{% set x = 1 %}{% if true %}{% set x = 2 %}{% endif %}{{ x }}{% for i in [1] %}{% set x = 3 %}{{ x }}{% endfor %}{{ x }}
{{ true and 'a' }}|{{ '' or none }}|{{ [] and 1 }}|{{ 0 or 0.0 }}|{{ true }}|{{ True }}|{{ None }}
""".strip().split("\n")


class Templates(unittest.TestCase):
    def compare(self, names, ours, theirs):
        for name, one, other in zip(names, ours, theirs):
            with self.subTest(name):
                if "error" in other:
                    self.assertIn("error", one, f"the other one refuses: {other['error']}")
                else:
                    self.assertEqual(one.get("text", one.get("error")), other["text"])

    def test_jinja2(self):
        if jinja2 is None:
            self.skipTest("skipped: no python3-jinja2")
        names, wanted = zip(*requests())
        self.assertGreater(len(wanted), 600)
        ours = probe(wanted)
        self.compare(names, ours, map(with_jinja2, wanted))
        self.assertGreater(sum("text" in answer for answer in ours), 400)

    def test_snippets_of_jinja2(self):
        if jinja2 is None:
            self.skipTest("skipped: no python3-jinja2")
        wanted = [{"render": snippet, "variables": {}} for snippet in SNIPPETS]
        self.compare(SNIPPETS, probe(wanted), map(with_jinja2, wanted))

    def test_huggingface_jinja(self):
        why = missing_npm()
        if why:
            self.skipTest(why)
        names, wanted = zip(*[(name, json.loads(json.dumps(request).replace("-3e-07", "-0.25"))) for name, request in requests()])
        for request in wanted:  # its clock is always there
            request["variables"].setdefault("date_string", "1 Jan 2026")
        # Where the two differ, Jinja2 is right: it is what models were trained with. JavaScript has one kind of number and
        # another idea of white space, and what it refuses is another set (test_jinja2 compares that).
        ours, theirs = probe(wanted), node("render.mjs", wanted)
        same = [(name, one, other) for name, one, other in zip(names, ours, theirs) if "text" in one and "text" in other]
        self.assertGreater(len(same), 400)
        self.compare(*zip(*[item for item in same if "macros" not in item[0]]))


if __name__ == "__main__":
    unittest.main()
