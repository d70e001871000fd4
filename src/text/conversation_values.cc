#include "text/conversation_values.h"

#include <algorithm>
#include <ctime>

#include "base/sha256.h"
#include "text/definition.h"
#include "text/jinja/from_json.h"
#include "text/jinja/interpreter.h"

namespace burin {
namespace {

using jinja::Dict;
using jinja::List;
using jinja::Value;

Value Foreign(std::string text) { return Value(MarkedText(std::move(text), /*foreign=*/true)); }
void Put(Dict& dict, std::string name, Value value) {
  dict.Set(Value::Own(std::move(name)), std::move(value));
}

constexpr std::string_view kRoles[] = {"system", "developer", "user", "assistant", "tool"};

Status CheckRole(const ChatMessage& message, size_t index) {
  if (std::find(std::begin(kRoles), std::end(kRoles), message.role) != std::end(kRoles)) return {};
  return BadInput(fmt::format("messages[{}].role", index), Quoted(message.role),
                  "system, developer, user, assistant or tool");
}

// Text parts as one text, as vLLM joins them.
std::string ContentText(const ChatMessage& message) {
  if (message.parts.empty()) return message.content.value_or("");
  std::string text;
  for (size_t i = 0; i < message.parts.size(); ++i) {
    text += (i > 0 ? "\n" : "") + message.parts[i];
  }
  return text;
}

Value ContentValue(const ChatMessage& message, const TemplateHabits& habits) {
  if (!habits.parts_as_list) return Foreign(ContentText(message));
  std::vector<std::string> parts = message.parts;
  if (parts.empty()) parts.push_back(message.content.value_or(""));
  List list;
  for (std::string& part : parts) {
    Dict dict;
    Put(dict, "type", Value::Own("text"));
    Put(dict, "text", Foreign(std::move(part)));
    list.items.emplace_back(std::move(dict));
  }
  return Value(std::move(list));
}

// Nine letters and digits that depend on `id` only; an id that is so already stays.
std::string ShortId(const std::string& id) {
  const auto plain = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
  };
  if (id.size() == 9 && std::all_of(id.begin(), id.end(), plain)) return id;
  Sha256 hash;
  hash.Update(std::as_bytes(std::span(id.data(), id.size())));
  return ToHex(hash.Finish()).substr(0, 9);
}

Result<Value> CallsValue(const ChatMessage& message, const TemplateHabits& habits, size_t index) {
  List calls;
  for (size_t i = 0; i < message.tool_calls.size(); ++i) {
    const ToolCall& call = message.tool_calls[i];
    Dict function, dict;
    Put(function, "name", Foreign(call.name));
    Value arguments = Foreign(call.arguments);
    if (!habits.arguments_as_text) {
      const std::string place =
          fmt::format("messages[{}].tool_calls[{}].function.arguments", index, i);
      BURIN_ASSIGN(arguments,
                   jinja::FromJson(call.arguments.empty() ? "{}" : call.arguments, place));
    }
    Put(function, "arguments", std::move(arguments));
    Put(dict, "id", Foreign(habits.short_call_ids ? ShortId(call.id) : call.id));
    Put(dict, "type", Value::Own("function"));
    Put(dict, "function", Value(std::move(function)));
    calls.items.emplace_back(std::move(dict));
  }
  return Value(std::move(calls));
}

Result<Value> MessageValue(const ChatMessage& message, const TemplateHabits& habits, size_t index) {
  BURIN_TRY(CheckRole(message, index));
  Dict dict;
  const bool as_system = message.role == "developer" && !habits.knows_developer;
  Put(dict, "role", Value::Own(as_system ? "system" : message.role));
  Put(dict, "content", ContentValue(message, habits));
  if (!message.tool_calls.empty()) {
    BURIN_ASSIGN(Value calls, CallsValue(message, habits, index));
    Put(dict, "tool_calls", std::move(calls));
  }
  if (!message.tool_call_id.empty()) {
    Put(dict, "tool_call_id",
        Foreign(habits.short_call_ids ? ShortId(message.tool_call_id) : message.tool_call_id));
  }
  if (!message.name.empty()) Put(dict, "name", Foreign(message.name));
  return Value(std::move(dict));
}

Value Clock(int64_t now) {
  return Value(jinja::Callable{
      "strftime_now", [now](jinja::Interpreter& run, const jinja::Arguments& arguments) {
        const Value* format = arguments.Find(0, "format");
        if (format == nullptr || format->AsText() == nullptr || format->AsText()->size() > 100) {
          return run.Fail("strftime_now without a format", "a short text");
        }
        const time_t seconds = now;
        std::tm parts{};
        if (::gmtime_r(&seconds, &parts) == nullptr) return run.Fail("a time out of range");
        char text[1024];
        return Value::Own(std::string(
            text, std::strftime(text, sizeof text, format->AsText()->text().c_str(), &parts)));
      }});
}

// What a model is told whose template knows no tools.
std::string ToolInstructions(const std::vector<std::string>& tools) {
  std::string text =
      "You can call these functions. To call one, answer with nothing but a JSON object "
      "{\"name\": FUNCTION, \"parameters\": {ARGUMENTS}}.\n";
  for (const std::string& tool : tools) text += "\n" + tool;
  return text;
}

// Puts `text` in front of the first message of `role`.
void PutInFront(std::vector<ChatMessage>& messages, std::string_view role, std::string text) {
  for (ChatMessage& message : messages) {
    if (message.role != role) continue;
    message.content = text + "\n\n" + ContentText(message);
    message.parts.clear();
    return;
  }
  messages.insert(messages.begin(), ChatMessage{std::string(role), std::move(text)});
}

void WriteCallsAsText(std::vector<ChatMessage>& messages) {
  for (ChatMessage& message : messages) {
    for (const ToolCall& call : message.tool_calls) {
      std::string text = ContentText(message);
      message.parts.clear();
      message.content = text + (text.empty() ? "" : "\n") + "{\"name\": \"" + call.name +
                        "\", \"parameters\": " + (call.arguments.empty() ? "{}" : call.arguments) +
                        "}";
    }
    message.tool_calls.clear();
    if (message.role != "tool") continue;
    message.role = "user";
    message.content = "The function's result:\n" + ContentText(message);
    message.parts.clear();
  }
}

}  // namespace

Result<Conversation> Simplified(const Conversation& conversation, const TemplateHabits& habits) {
  Conversation simple = conversation;
  std::vector<ChatMessage>& messages = simple.messages;
  for (size_t i = 0; i < messages.size(); ++i) BURIN_TRY(CheckRole(messages[i], i));
  if (habits.tools == ToolSyntax::kNone) {
    for (size_t i = 0; i < simple.tools.size(); ++i) {
      BURIN_TRY(jinja::FromJson(simple.tools[i], fmt::format("tools[{}]", i)));
    }
    WriteCallsAsText(messages);
    if (!simple.tools.empty()) PutInFront(messages, "system", ToolInstructions(simple.tools));
    simple.tools.clear();
  }
  if (habits.knows_system) return simple;
  std::string system;
  for (const ChatMessage& message : messages) {
    if (message.role != "system" && message.role != "developer") continue;
    system += (system.empty() ? "" : "\n\n") + ContentText(message);
  }
  std::erase_if(messages, [](const ChatMessage& message) {
    return message.role == "system" || message.role == "developer";
  });
  if (!system.empty()) PutInFront(messages, "user", std::move(system));
  return simple;
}

Result<Dict> ToVariables(const Conversation& conversation, const TemplateHabits& habits,
                         const Tokenizer& tokenizer) {
  Dict variables;
  List messages, tools;
  for (size_t i = 0; i < conversation.messages.size(); ++i) {
    BURIN_ASSIGN(Value message, MessageValue(conversation.messages[i], habits, i));
    messages.items.push_back(std::move(message));
  }
  for (size_t i = 0; i < conversation.tools.size(); ++i) {
    BURIN_ASSIGN(Value tool, jinja::FromJson(conversation.tools[i], fmt::format("tools[{}]", i)));
    tools.items.push_back(std::move(tool));
  }
  Put(variables, "bos_token", Value::Own(std::string(tokenizer.bos_text())));
  Put(variables, "eos_token", Value::Own(std::string(tokenizer.eos_text())));
  Put(variables, "documents", Value(jinja::None{}));
  if (conversation.now) Put(variables, "strftime_now", Clock(*conversation.now));
  if (!conversation.variables.empty()) {
    BURIN_ASSIGN(const Value more, jinja::FromJson(conversation.variables, "chat_template_kwargs"));
    if (more.AsDict() == nullptr) {
      return BadInput("chat_template_kwargs", more.TypeName(), "an object");
    }
    for (const auto& [name, value] : more.AsDict()->items) variables.Set(name, value);
  }
  Put(variables, "messages", Value(std::move(messages)));
  Put(variables, "tools",
      conversation.tools.empty() ? Value(jinja::None{}) : Value(std::move(tools)));
  Put(variables, "add_generation_prompt", Value(conversation.add_generation_prompt));
  return variables;
}

}  // namespace burin
