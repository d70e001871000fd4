#include "text/tool_calls.h"

#include <gmock/gmock.h>

#include "text/small_tokenizers.h"
#include "text/test_support.h"

namespace burin {
namespace {

// "text|name(arguments)|..." of an output that comes in pieces of `size` bytes.
std::string Parsed(ToolSyntax syntax, const std::string& output, size_t size) {
  ToolCallParser parser(syntax);
  std::vector<OutputDelta> deltas;
  const auto add = [&](const std::vector<OutputDelta>& more) {
    deltas.insert(deltas.end(), more.begin(), more.end());
  };
  for (size_t i = 0; i < output.size(); i += size) add(parser.Push(output.substr(i, size)));
  add(parser.Finish());
  std::string text;
  int32_t calls = 0;
  for (const OutputDelta& delta : deltas) {
    switch (delta.kind) {
      case OutputDelta::Kind::kText:
        text += delta.text;
        break;
      case OutputDelta::Kind::kCall:
        EXPECT_EQ(delta.index, calls++);
        text += "|" + delta.text + ":";
        break;
      case OutputDelta::Kind::kArguments:
        EXPECT_EQ(delta.index, calls - 1);
        text += delta.text;
        break;
    }
  }
  EXPECT_EQ(parser.calls(), calls);
  return text;
}

void ExpectParsed(ToolSyntax syntax, const std::string& output, const std::string& wanted) {
  for (const size_t size : {size_t{1}, size_t{2}, size_t{7}, size_t{1000}}) {
    EXPECT_EQ(Parsed(syntax, output, size), wanted) << size;
  }
}

TEST(ToolCallParser, Tagged) {
  const auto syntax = ToolSyntax::kTagged;
  ExpectParsed(syntax, "no call < here <tool", "no call < here <tool");
  ExpectParsed(
      syntax,
      "I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"}\\\"\"}}\n</tool_call>",
      "I look.|f:{\"a\": \"}\\\"\"}");
  ExpectParsed(
      syntax,
      "<tool_call>\n{\"arguments\": {\"x\": [1, {}]}, \"id\": 3, \"name\": \"f\"}\n</tool_call>\n"
      "<tool_call>{\"name\":\"g\"}</tool_call> done",
      "|f:{\"x\": [1, {}]}|g:{} done");
  ExpectParsed(syntax,
               "<tool_call>[{\"name\": \"f\", \"arguments\": {}}, {\"name\": \"g\", \"arguments\": "
               "{}}]</tool_call>",
               "|f:{}|g:{}");
  ExpectParsed(syntax,
               "<tool_call>\n{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}\n</tool_call>",
               "|f:{\"a\": 1}");
  ExpectParsed(syntax, "x <tool_call>not json</tool_call>", "x <tool_call>not json</tool_call>");
  ExpectParsed(syntax, "<tool_call>{\"nam\": 1}</tool_call>!",
               "<tool_call>{\"nam\": 1}</tool_call>!");
  ExpectParsed(syntax, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1", "|f:{\"a\": 1");
}

TEST(ToolCallParser, Bare) {
  const auto syntax = ToolSyntax::kBare;
  ExpectParsed(syntax, " {\"name\": \"f\", \"parameters\": {\"a\": 1}}", "|f:{\"a\": 1}");
  ExpectParsed(
      syntax,
      "<|python_tag|>{\"name\": \"f\", \"parameters\": {}}; {\"name\": \"g\", \"parameters\": {}}",
      "|f:{}|g:{}");
  ExpectParsed(syntax, "{\"name\": \"Ann\", \"age\": 3} is JSON",
               "{\"name\": \"Ann\", \"age\": 3} is JSON");
  ExpectParsed(syntax, "Well: {\"name\": \"f\", \"parameters\": {}}",
               "Well: {\"name\": \"f\", \"parameters\": {}}");
  ExpectParsed(syntax, "<|python", "<|python");
}

TEST(ToolCallParser, Mistral) {
  const auto syntax = ToolSyntax::kMistral;
  ExpectParsed(syntax,
               "[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"123456789\"}, "
               "{\"name\": \"g\", \"arguments\": {}}]",
               "|f:{\"a\": 1}|g:{}");
  ExpectParsed(syntax, "ok[TOOL_CALLS]f[ARGS]{\"a\": {\"b\": 2}}[TOOL_CALLS]g[ARGS]{}",
               "ok|f:{\"a\": {\"b\": 2}}|g:{}");
  ExpectParsed(syntax, "a [TOOL list", "a [TOOL list");
}

const char* const kTools[] = {
    R"({"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{
        "n":{"$ref":"#/$defs/n"}},"required":["n"],"$defs":{"n":{"type":"integer"}}}}})",
    R"({"type":"function","function":{"name":"g"}})"};

TEST(ForceToolCall, FitsItsParser) {
  const Tokenizer tokenizer =
      Unwrap(Tokenizer::FromTokenizerJson(ByteLevelJson({}).dump(), "test"));
  const auto vocabulary = Unwrap(ConstraintVocabulary::Create(tokenizer, {257}));
  const std::vector<std::string> tools(std::begin(kTools), std::end(kTools));
  const std::pair<ToolSyntax, std::string> cases[] = {
      {ToolSyntax::kTagged, "{\"name\": \"f\", \"arguments\": {\"n\": 12}}\n</tool_call>"},
      {ToolSyntax::kBare, "{\"name\":\"f\",\"parameters\":{\"n\": 12}}"},
      {ToolSyntax::kMistral, " [{\"name\": \"f\", \"arguments\": {\"n\": 12}}]"}};
  for (const auto& [syntax, text] : cases) {
    const auto forced = Unwrap(ForceToolCall(syntax, tools, "", tokenizer, vocabulary));
    EXPECT_EQ(tokenizer.Decode(forced.prefix_ids, false), forced.prefix);
    ConstraintState state = forced.constraint.Start();
    EXPECT_TRUE(state.AdvanceText(text)) << text;
    EXPECT_TRUE(state.IsComplete());
    ExpectParsed(syntax, forced.prefix + text, "|f:{\"n\": 12}");
    EXPECT_FALSE(forced.constraint.Start().AdvanceText("x"));
  }
  const auto named = Unwrap(ForceToolCall(ToolSyntax::kNone, tools, "g", tokenizer, vocabulary));
  EXPECT_TRUE(named.constraint.Start().AdvanceText("{\"name\": \"g\", \"parameters\": {}}"));
  EXPECT_FALSE(named.constraint.Start().AdvanceText("{\"name\": \"f\""));
  EXPECT_FALSE(ForceToolCall(ToolSyntax::kBare, tools, "h", tokenizer, vocabulary));
  EXPECT_FALSE(ForceToolCall(ToolSyntax::kBare, {}, "", tokenizer, vocabulary));
  EXPECT_FALSE(ForceToolCall(ToolSyntax::kBare, {"{"}, "", tokenizer, vocabulary));
}

}  // namespace
}  // namespace burin
