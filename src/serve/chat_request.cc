#include "serve/chat_request.h"

#include <fmt/format.h>

#include <algorithm>

#include "serve/json_writer.h"
#include "text/tool_calls.h"

namespace burin {
namespace {

constexpr size_t kMostMessages = 4096, kMostTools = 128, kMostParts = 1024;

bool IsToolName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '-' || c == '.';
  });
}

void ReadParts(const JsonView& parts, std::vector<std::string>& out) {
  if (!parts.RequireArray(1, kMostParts)) return;
  for (size_t i = 0; i < parts.size(); ++i) {
    const JsonView part = parts[i];
    if (!part.RequireObject()) return;
    std::string type;
    part["type"].Require();
    part["type"].Read(type);
    if (type != "text" && part["type"].is_text()) {
      part["type"].Fail(
          fmt::format("Content of type '{}' is not supported: the model reads text.", type),
          "unsupported_content_type");
    }
    part["text"].Require();
    part["text"].Read(out.emplace_back());
  }
}

void ReadToolCalls(const JsonView& calls, std::vector<ToolCall>& out) {
  if (!calls.exists() || !calls.RequireArray(0, kMostTools)) return;
  for (size_t i = 0; i < calls.size(); ++i) {
    ToolCall call;
    std::string type;
    calls[i]["id"].Read(call.id, 256);
    calls[i]["type"].ReadChoice(type, {"function"});
    const JsonView function = calls[i]["function"];
    if (!function.RequireObject()) return;
    function["name"].Require();
    function["name"].Read(call.name, 64);
    const JsonView arguments = function["arguments"];
    if (arguments.is_object()) {  // some clients send the object itself
      call.arguments = arguments.Dump();
    } else {
      arguments.Require();
      arguments.Read(call.arguments);
    }
    out.push_back(std::move(call));
  }
}

void ReadMessage(const JsonView& message, ChatMessage& out) {
  if (!message.RequireObject()) return;
  message["role"].Require();
  message["role"].ReadChoice(out.role, {"system", "developer", "user", "assistant", "tool"});
  message["name"].Read(out.name, 256);
  message["tool_call_id"].Read(out.tool_call_id, 256);
  ReadToolCalls(message["tool_calls"], out.tool_calls);
  if (!out.tool_calls.empty() && out.role != "assistant") {
    message["tool_calls"].Fail("Only messages of the assistant have 'tool_calls'.");
  }
  const JsonView content = message["content"];
  if (content.is_array()) {
    ReadParts(content, out.parts);
    out.content.emplace();
  } else if (content.exists() || out.role != "assistant") {
    content.Require();
    content.Read(out.content.emplace());
  }
  if (out.role == "assistant" && !content.exists() && out.tool_calls.empty()) {
    content.Fail("A message of the assistant needs 'content' or 'tool_calls'.");
  }
}

void ReadTools(const JsonView& tools, std::vector<std::string>& out) {
  if (!tools.exists() || !tools.RequireArray(0, kMostTools)) return;
  for (size_t i = 0; i < tools.size(); ++i) {
    std::string type, name, description;
    if (!tools[i].RequireObject()) return;
    tools[i]["type"].Require();
    tools[i]["type"].ReadChoice(type, {"function"});
    const JsonView function = tools[i]["function"];
    if (!function.RequireObject()) return;
    function["name"].Require();
    function["name"].Read(name, 64);
    if (function["name"].is_text() && !IsToolName(name)) {
      function["name"].Fail("A function's name is 1 to 64 letters, digits, '_', '-' or '.'.");
    }
    function["description"].Read(description);
    if (function["parameters"].exists()) function["parameters"].RequireObject();
    out.push_back(tools[i].Dump());
  }
}

// The schema of a function's arguments.
std::string ParametersOf(const JsonView& function) {
  return function["parameters"].exists() ? function["parameters"].Dump() : R"({"type":"object"})";
}

std::string RequiredCallSchema(const JsonView& tools) {
  JsonWriter json;
  json.BeginObject().Key("anyOf").BeginArray();
  for (size_t i = 0; i < tools.size(); ++i) {
    std::string name;
    tools[i]["function"]["name"].Read(name);
    json.BeginObject().Field("type", "object").Key("properties").BeginObject();
    json.Key("name").BeginObject().Field("const", name).EndObject();
    json.Key("arguments").Raw(ParametersOf(tools[i]["function"])).EndObject();
    json.Key("required").BeginArray().String("name").String("arguments").EndArray();
    json.Field("additionalProperties", false).EndObject();
  }
  json.EndArray().EndObject();
  return json.Take();
}

void ReadToolChoice(const JsonView& root, ToolUse& out) {
  const JsonView choice = root["tool_choice"], tools = root["tools"];
  out.mode = tools.size() > 0 ? ToolUse::Mode::kAuto : ToolUse::Mode::kNone;
  if (!choice.exists()) return;
  std::string word;
  if (choice.is_text()) {
    choice.ReadChoice(word, {"none", "auto", "required"});
  } else if (choice.RequireObject()) {
    choice["type"].ReadChoice(word, {"function"});
    choice["function"]["name"].Require();
    choice["function"]["name"].Read(out.name, 64);
    out.mode = ToolUse::Mode::kNamed;
  }
  if (word == "none") out.mode = ToolUse::Mode::kNone;
  if (word == "required") out.mode = ToolUse::Mode::kRequired;
  if (tools.size() == 0 && word != "none" && word != "auto") {
    choice.Fail("'tool_choice' is given without 'tools'.");
  }
}

// The form of the output that a forced tool asks for.
void ForceTool(const JsonView& root, const ToolUse& use, OutputFormat& format) {
  if (use.mode != ToolUse::Mode::kRequired && use.mode != ToolUse::Mode::kNamed) return;
  const JsonView tools = root["tools"];
  if (format.kind != OutputFormat::Kind::kText) {
    return root["tool_choice"].Fail(
        fmt::format("'{}' and a forced tool both say what the text must be.", format.param));
  }
  format.kind = OutputFormat::Kind::kJsonSchema;
  format.param = "tools";
  if (use.mode == ToolUse::Mode::kRequired) {
    format.text = RequiredCallSchema(tools);
    return;
  }
  for (size_t i = 0; i < tools.size(); ++i) {
    std::string name;
    tools[i]["function"]["name"].Read(name);
    if (name != use.name) continue;
    format.text = ParametersOf(tools[i]["function"]);
    format.param = tools[i].path() + ".function.parameters";
    return;
  }
  root["tool_choice"]["function"]["name"].Fail(
      fmt::format("There is no tool '{}' among 'tools'.", use.name));
}

void ReadLogprobs(const JsonView& root, GenerationFields& out) {
  bool wanted = false;
  int64_t top = 0;
  root["logprobs"].Read(wanted);
  root["top_logprobs"].Read(top, 0, 20);
  if (top > 0 && !wanted) {
    root["top_logprobs"].Fail("'top_logprobs' is given without 'logprobs': true.");
  }
  if (wanted) out.logprobs = top;
}

}  // namespace

void ReadConversation(const JsonView& root, Conversation& out) {
  const JsonView messages = root["messages"];
  if (messages.RequireArray(1, kMostMessages)) {
    for (size_t i = 0; i < messages.size(); ++i)
      ReadMessage(messages[i], out.messages.emplace_back());
  }
  ReadTools(root["tools"], out.tools);
  const JsonView variables = root["chat_template_kwargs"];
  if (variables.exists() && variables.RequireObject()) out.variables = variables.Dump();
  root["add_generation_prompt"].Read(out.add_generation_prompt);
}

void ReadChat(const JsonView& root, const App& app, ChatFields& out) {
  ReadGeneration(root, {app.model.generation, app.model.config.vocab}, out.common);
  ReadLogprobs(root, out.common);
  ReadConversation(root, out.conversation);
  ReadToolChoice(root, out.tools);
  ForceTool(root, out.tools, out.common.format);
  // Templates without tools can still be made to call one: the form of the output sees to it.
  const bool forced =
      out.tools.mode == ToolUse::Mode::kRequired || out.tools.mode == ToolUse::Mode::kNamed;
  const bool knows = app.chat && app.chat->tool_syntax() != ToolSyntax::kNone;
  if (out.tools.mode == ToolUse::Mode::kNone || (forced && !knows)) out.conversation.tools.clear();
  if (out.tools.mode == ToolUse::Mode::kAuto && !knows) {
    root["tools"].Fail(
        "The model's chat template knows no tools. 'tool_choice' \"required\" or a "
        "named function makes it call one all the same.",
        "unsupported_parameter");
  }
  if (out.tools.mode == ToolUse::Mode::kAuto && knows) {
    for (const std::string& mark : ToolCallParser::Marks(app.chat->tool_syntax())) {
      const auto id = app.tokenizer.TokenId(mark);
      if (id && app.tokenizer.IsSpecial(*id)) out.common.shown_ids.push_back(*id);
    }
  }
  bool go_on = false;
  root["continue_final_message"].Read(go_on);
  if (!go_on || out.conversation.messages.empty()) return;
  ChatMessage& last = out.conversation.messages.back();
  if (last.role != "assistant" || !last.content || !last.tool_calls.empty()) {
    root["continue_final_message"].Fail("The last message is not a text of the assistant.");
    return;
  }
  out.prefix = *last.content;
  out.conversation.add_generation_prompt = true;
  for (const std::string& part : last.parts) *out.prefix += part;
  out.conversation.messages.pop_back();
}

ApiResult<std::vector<int32_t>> EncodeConversation(const App& app,
                                                   const Conversation& conversation) {
  if (!app.chat) {
    return Refuse(BadField("messages", "The model has no chat template. Use /v1/completions.",
                           "no_chat_template"));
  }
  auto ids = app.chat->Encode(conversation);
  if (!ids) return Refuse(BadField("messages", ids.error().ToString(), "chat_template_refused"));
  return std::move(*ids);
}

}  // namespace burin
