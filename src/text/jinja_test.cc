// Templates against what Jinja2 3.1 (as Hugging Face sets it up) prints. tests/text compares many
// more with Jinja2 itself and with @huggingface/jinja.
#include <gmock/gmock.h>

#include "text/jinja/from_json.h"
#include "text/jinja/template.h"
#include "text/test_support.h"

namespace burin::jinja {
namespace {

constexpr const char* kVariables =
    R"({"messages": [{"role": "user", "content": " Hé "}, {"role": "tool", "content": "x"}],)"
    R"( "n": 3, "f": 1.5, "yes": true, "nothing": null, "d": {"b": [1, 2.0], "a": "\"<é>"}})";

Result<MarkedText> Render(const std::string& source, const Limits& limits = {}) {
  BURIN_ASSIGN(const Template parsed, Template::Parse(source, "test"));
  return parsed.Render(*Unwrap(FromJson(kVariables, "variables")).AsDict(), limits);
}

std::string Text(const std::string& source) {
  const auto text = Render(source);
  return text ? text->text() : "ERROR " + text.error().ToString();
}

TEST(Jinja, WhiteSpace) {
  EXPECT_EQ(Text("a\n  {% if yes %}  \n  b\n  {% endif %}\nc\n"), "a\n  \n  b\nc");
  EXPECT_EQ(Text("a\n  {%+ if yes %}\nb{% endif %}"), "a\n  b");
  EXPECT_EQ(Text("a \n {{- n -}} \n b"), "a3b");
  EXPECT_EQ(Text("a\n  {# note #}\nb{#- x -#} c"), "a\nbc");
  EXPECT_EQ(Text("{% raw %}{{ x }}{% endraw %}!"), "{{ x }}!");
  EXPECT_EQ(Text("a\r\nb\r\n\n"), "a\nb\n");
  EXPECT_EQ(Text("{{ {'a': {'b': n}}['a']['b'] }}"), "3");
}

TEST(Jinja, Expressions) {
  EXPECT_EQ(Text("{{ 1 + 2 * 3 ** 2 - -4 // 3 % 5 }}"), "16");
  EXPECT_EQ(Text("{{ 7 / 2 }} {{ -7 // 2 }} {{ -7 % 3 }} {{ 1e20 }} {{ 2 ** -1 }}"),
            "3.5 -4 2 1e+20 0.5");
  EXPECT_EQ(Text("{{ 'a' ~ n ~ none ~ true }}"), "a3NoneTrue");
  EXPECT_EQ(Text("{{ 1 < 2 < 3 }} {{ 'b' in 'abc' }} {{ 2 not in [1] }} {{ not n == 3 }}"),
            "True True True False");
  EXPECT_EQ(Text("{{ 'x' if n > 2 else 'y' }}{{ 'x' if n > 3 }}"), "x");
  EXPECT_EQ(Text("{{ messages[-1].role }} {{ messages[1:][0]['role'] }} {{ 'abcd'[::-2] }}"),
            "tool tool db");
  EXPECT_EQ(Text("{{ d }} {{ (1,) }} {{ [none, 'it\\'s'] }}"),
            "{'b': [1, 2.0], 'a': '\"<é>'} (1,) [None, \"it's\"]");
  EXPECT_EQ(Text("{{ n is defined and n is not none and x is undefined }}"), "True");
  EXPECT_EQ(Text("{{ n is divisibleby 3 }} {{ n is odd }} {{ d is mapping }}"), "True True True");
}

TEST(Jinja, Statements) {
  EXPECT_EQ(Text("{% for m in messages if m.role == 'tool' %}{{ loop.index }}{{ loop.length }}"
                 "{{ loop.first }}{{ m.content }}{% else %}none{% endfor %}"),
            "11Truex");
  EXPECT_EQ(Text("{% for i in range(5) %}{% if i == 1 %}{% continue %}{% endif %}"
                 "{% if i == 3 %}{% break %}{% endif %}{{ i }}{% endfor %}"),
            "02");
  EXPECT_EQ(Text("{% set x = 1 %}{% for i in [1, 2] %}{% set x = x + i %}{% endfor %}{{ x }}"),
            "1");
  EXPECT_EQ(Text("{% set ns = namespace(x=1) %}{% for i in [1, 2] %}{% set ns.x = ns.x + i %}"
                 "{% endfor %}{{ ns.x }}"),
            "4");
  EXPECT_EQ(Text("{% macro f(a, b='B') %}{{ a }}{{ b }}{% endmacro %}{{ f(1) }}{{ f(b=2, a=3) }}"),
            "1B32");
  EXPECT_EQ(Text("{% set x %}a{{ n }}{% endset %}{{ x | upper }}"), "A3");
  EXPECT_EQ(Text("{% for k, v in d.items() %}{{ k }}={{ v | tojson }};{% endfor %}"),
            "b=[1, 2.0];a=\"\\\"<é>\";");
  EXPECT_EQ(Text("{% macro w() %}<{{ caller() }}>{% endmacro %}{% call w() %}x{% endcall %}"),
            "<x>");
  EXPECT_EQ(Text("{% filter upper %}a{% endfilter %}{% with y = 2 %}{{ y }}{% endwith %}{{ y }}"),
            "A2");
}

TEST(Jinja, FiltersAndMethods) {
  EXPECT_EQ(
      Text("[{{ messages[0].content.strip() }}] {{ messages[0]['content'] | trim | length }}"),
      "[Hé] 2");
  EXPECT_EQ(Text("{{ d | tojson(indent=2) }}"),
            "{\n  \"b\": [\n    1,\n    2.0\n  ],\n  \"a\": \"\\\"<é>\"\n}");
  EXPECT_EQ(Text("{{ messages | map(attribute='role') | join(', ') }}"), "user, tool");
  EXPECT_EQ(Text("{{ messages | selectattr('role', 'equalto', 'tool') | list | length }}"), "1");
  EXPECT_EQ(Text("{{ 'a-b-c'.split('-', 1) }} {{ ' a  b '.split() }}"), "['a', 'b-c'] ['a', 'b']");
  EXPECT_EQ(Text("{{ x | default('z') }} {{ '' | default('z', true) }} {{ 'héllo' | title }}"),
            "z z Héllo");
  EXPECT_EQ(Text("{{ [3, 1, 2] | sort | first }} {{ {'b': 1, 'a': 2} | dictsort }}"),
            "1 [('a', 2), ('b', 1)]");
}

TEST(Jinja, ErrorsNameTheLine) {
  EXPECT_THAT(Text("a\n{{ x.y }}"), testing::AllOf(testing::HasSubstr("test, line 2"),
                                                   testing::HasSubstr("'x' is undefined")));
  EXPECT_THAT(Text("\n\n{% if %}"), testing::HasSubstr("test, line 3"));
  EXPECT_THAT(Text("{{ raise_exception('no way') }}"), testing::HasSubstr("no way"));
  EXPECT_THAT(Text("{{ n | frobnicate }}"), testing::HasSubstr("'frobnicate'"));
  EXPECT_THAT(Text("{% include 'x' %}"), testing::HasSubstr("'include'"));
  EXPECT_THAT(Text("{{ 'a' + 1 }}"), testing::HasSubstr("'+' between str and int"));
  EXPECT_THAT(Text("{{ messages.append(1) }}"), testing::HasSubstr("changes a list"));
  EXPECT_THAT(Text("{{ 9223372036854775807 + 1 }}"), testing::HasSubstr("64 bits"));
}

std::string Nested(int depth) {
  std::string nested;
  for (int i = 0; i < depth; ++i) nested += "{% if 1 %}";
  return nested;
}

TEST(Jinja, BombsEnd) {
  const std::string bombs[] = {
      "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
      "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
      "{% macro f() %}" + Nested(100) + "{{ f() }}" +
          [] {
            std::string ends;
            for (int i = 0; i < 100; ++i) ends += "{% endif %}";
            return ends;
          }() +
          "{% endmacro %}{{ f() }}",
      "{{ 'x'.ljust(-9223372036854775807 - 1) * 9999999999 }}",
      "{% set ns = namespace(s='xxxxxxxx') %}{% for i in range(99) %}{% set ns.s = ns.s + ns.s %}"
      "{% endfor %}",
      "{% set ns = namespace(l=[]) %}{% for i in range(9999) %}{% set ns.l = [ns.l] %}{% endfor %}",
      "{% set ns = namespace() %}{% set ns.a = ns %}",
      "{% set ns = namespace(l=[1]) %}{% for i in range(60) %}{% set ns.l = [ns.l, ns.l] %}"
      "{% endfor %}{{ ns.l == ns.l }}{{ ns.l }}",
      "{{ 'x' | center(99999999999) }}",
      "{{ [1] | batch(99999999999, 0) }}",
      "{{ " + std::string(5000, '(') + "1" + std::string(5000, ')') + " }}",
      "{{ 1" +
          [] {
            std::string sum;
            for (int i = 0; i < 5000; ++i) sum += " + 1";
            return sum;
          }() +
          " }}",
      Nested(5000)};
  for (const std::string& bomb : bombs) EXPECT_THAT(Text(bomb), testing::StartsWith("ERROR"));
}

TEST(Jinja, WhatMessagesSayStaysForeign) {
  const auto foreign = [](const std::string& source) {
    const MarkedText text = Unwrap(Render(source));
    std::string marked;
    for (const ByteRange& range : text.foreign()) {
      marked += "[" + text.text().substr(range.begin, range.end - range.begin) + "]";
    }
    return marked;
  };
  EXPECT_EQ(foreign("a{{ messages[1].content }}b"), "[x]");
  EXPECT_EQ(foreign("{{ ('<' + messages[0].content | trim + '>').replace('<', '[') }}"), "[Hé]");
  EXPECT_EQ(foreign("{{ messages[0].content | upper | replace('H', '<|end|>') }}"), "[ ][É ]");
  EXPECT_EQ(foreign("{{ d | tojson }}"), "[b][a][<é>]");
  EXPECT_EQ(foreign("{{ messages | map(attribute='role') | join('|') }}"), "[user][tool]");
  EXPECT_EQ(foreign("{{ '%s-%s' % (messages[1].content, 'y') }}{{ messages[0].content[1] }}"),
            "[x][H]");
  EXPECT_EQ(foreign("{% set x %}({{ messages[1].content }}){% endset %}{{ x ~ x }}"), "[x][x]");
  EXPECT_EQ(foreign("{{ ('a' + messages[1].content).split('a') | last }}"), "[x]");
}

}  // namespace
}  // namespace burin::jinja
