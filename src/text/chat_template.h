// Conversations as token ids, by the model's own chat template (Jinja, docs/chat-templates.md) or,
// for a model without one, by a known one that fits its special tokens (known_templates.h).
//
// What a message holds is never read as a mark: special tokens are read in the template's own text
// only. The names of roles are the template's: system, developer, user, assistant and tool.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/marked_text.h"
#include "text/tokenizer.h"

namespace burin {

struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;  // JSON text, as OpenAI has it
};

// A message as in OpenAI's API.
struct ChatMessage {
  std::string role;                       // system, developer, user, assistant or tool
  std::optional<std::string> content;     // nullopt: null
  std::vector<std::string> parts = {};    // content as text parts; then `content` is not looked at
  std::vector<ToolCall> tool_calls = {};  // assistant
  std::string tool_call_id = {};          // tool
  std::string name = {};                  // tool: the function's; others: the participant's
};

struct Conversation {
  std::vector<ChatMessage> messages;
  std::vector<std::string> tools = {};  // JSON text of each, {"type": "function", "function": {}}
  // The last message is an answer that goes on: what the template writes behind it is left out.
  bool continue_last = false;
  bool add_generation_prompt = true;  // end with the marks after which the model answers
  // JSON text of an object with further variables (chat_template_kwargs); empty: none.
  std::string variables = {};
  // What strftime_now sees, seconds since 1970, UTC. Without it the template has no clock, and the
  // same conversation gives the same ids on any day.
  std::optional<int64_t> now = {};
};

// How the model writes calls of tools.
enum class ToolSyntax : uint8_t {
  kNone,     // the template knows no tools
  kTagged,   // <tool_call>{"name": ..., "arguments": {...}}</tool_call>: Qwen, Hermes, SmolLM2
  kBare,     // {"name": ..., "parameters": {...}} as the whole answer: Llama 3.1, 3.2
  kMistral,  // [TOOL_CALLS] [{"name": ..., "arguments": {...}}]
};

// Const once made: may be used by many threads. Copies share everything.
class ChatTemplate {
 public:
  // The tokenizer's own template, or nothing if it has none and its special tokens are of no known
  // family. Tries out what the template can do.
  // Errors: kBadInput for a template that is not understood, with the line.
  static Result<std::optional<ChatTemplate>> Create(const Tokenizer& tokenizer);
  // The same for another template than the tokenizer's; `name` stands in errors.
  static Result<ChatTemplate> FromText(const Tokenizer& tokenizer, std::string_view text,
                                       const std::string& name);

  // The ids of a conversation, BOS included if the template writes it.
  // Errors: kBadInput: a conversation that the template refuses, tools that it does not know,
  // wrong JSON in tools, arguments or variables, an unknown role, a limit of the sandbox.
  Result<std::vector<int32_t>> Encode(const Conversation& conversation) const;
  // The same as text.
  Result<MarkedText> Render(const Conversation& conversation) const;

  // "Jinja" for the model's own; else the known one: "ChatML", "Llama 3", "role marks".
  std::string_view name() const;
  // The tokenizer's end ids and the mark that ends an answer.
  const std::vector<int32_t>& stop_ids() const;
  ToolSyntax tool_syntax() const;
  // False: the system message is put in front of the first user message instead.
  bool knows_system() const;

 private:
  struct State;
  explicit ChatTemplate(std::shared_ptr<const State> state) : state_(std::move(state)) {}
  std::shared_ptr<const State> state_;
};

}  // namespace burin
