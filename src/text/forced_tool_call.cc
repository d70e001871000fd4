#include <nlohmann/json.hpp>

#include "text/definition.h"
#include "text/json_depth.h"
#include "text/tool_calls.h"

namespace burin {
namespace {

using Json = nlohmann::ordered_json;

// Parameters stand inside of a larger schema: references into them get its path in front.
void MoveReferences(const std::string& path, Json& schema) {
  if (schema.is_object()) {
    for (auto& [key, value] : schema.items()) {
      if (key == "$ref" && value.is_string() && value.get<std::string>().starts_with('#')) {
        value = "#" + path + value.get<std::string>().substr(1);
      } else {
        MoveReferences(path, value);
      }
    }
  } else if (schema.is_array()) {
    for (Json& item : schema) MoveReferences(path, item);
  }
}

// {"name": one of the functions, KEY: its arguments}. The texts are checked JSON (ChatTemplate does
// the same with them); depth is bounded by the schema reader.
Result<Json> CallSchema(const std::vector<std::string>& tools, std::string_view name,
                        const char* arguments_key) {
  Json calls = Json::array();
  for (size_t i = 0; i < tools.size(); ++i) {
    const Json tool = Json::parse(tools[i]);
    const std::string place = fmt::format("tools[{}]", i);
    if (!tool.is_object() || !tool.contains("function") || !tool["function"].is_object()) {
      return BadInput(place, "no function", R"({"type": "function", "function": {...}})");
    }
    const Json& function = tool["function"];
    if (!function.contains("name") || !function["name"].is_string()) {
      return BadInput(place + ".function.name", "no text", "the function's name");
    }
    if (!name.empty() && function["name"] != std::string(name)) continue;
    Json parameters = {
        {"type", "object"}, {"properties", Json::object()}, {"additionalProperties", false}};
    if (function.contains("parameters") && !function["parameters"].is_null()) {
      parameters = function["parameters"];
    }
    MoveReferences(fmt::format("/anyOf/{}/properties/{}", calls.size(), arguments_key), parameters);
    Json call = {{"type", "object"}, {"additionalProperties", false}};
    call["properties"]["name"]["const"] = function["name"];
    call["properties"][arguments_key] = std::move(parameters);
    call["required"] = {"name", arguments_key};
    calls.push_back(std::move(call));
  }
  if (calls.empty()) {
    return BadInput("tool_choice", name.empty() ? "no tools" : "no tool called " + Quoted(name),
                    "one of the tools");
  }
  return Json{{"anyOf", std::move(calls)}};
}

}  // namespace

Result<ForcedToolCall> ForceToolCall(ToolSyntax syntax, const std::vector<std::string>& tools,
                                     std::string_view name, const Tokenizer& tokenizer,
                                     const ConstraintVocabulary& vocabulary) {
  const bool bare = syntax == ToolSyntax::kBare || syntax == ToolSyntax::kNone;
  const std::string prefix = bare                             ? ""
                             : syntax == ToolSyntax::kMistral ? "[TOOL_CALLS]"
                                                              : "<tool_call>\n";
  Json schema;
  try {
    for (size_t i = 0; i < tools.size(); ++i) {
      if (NestsDeeperThan(tools[i], 64))
        return BadInput(fmt::format("tools[{}]", i), "too much nesting");
    }
    BURIN_ASSIGN(schema, CallSchema(tools, name, bare ? "parameters" : "arguments"));
  } catch (const nlohmann::json::exception& error) {
    return BadInput("tools", error.what(), "correct JSON");
  }
  if (syntax == ToolSyntax::kMistral) {
    BURIN_ASSIGN(Constraint constraint,
                 Constraint::FromJsonSchemaBetween(" [", schema.dump(), "]", vocabulary));
    return ForcedToolCall{prefix, tokenizer.Encode(MarkedText(prefix)), std::move(constraint)};
  }
  const auto close = tokenizer.TokenId("</tool_call>");
  const bool says_close = !bare && !(close && tokenizer.IsSpecial(*close));
  BURIN_ASSIGN(Constraint constraint,
               Constraint::FromJsonSchemaBetween("", schema.dump(),
                                                 says_close ? "\n</tool_call>" : "", vocabulary));
  return ForcedToolCall{prefix, tokenizer.Encode(MarkedText(prefix)), std::move(constraint)};
}

}  // namespace burin
