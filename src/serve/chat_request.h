// The fields of a chat request: messages, tools, and what they become for the model.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "serve/app.h"
#include "serve/generation_fields.h"
#include "serve/json_view.h"
#include "text/chat_template.h"

namespace burin {

// What the answer may do with tools.
struct ToolUse {
  enum class Mode : uint8_t {
    kNone,      // text only
    kAuto,      // the model decides, in its template's syntax
    kRequired,  // one call of some tool: the text is {"name": ..., "arguments": ...}
    kNamed,     // a call of the tool `name`: the text is its arguments
  };
  Mode mode = Mode::kNone;
  std::string name = {};
};

struct ChatFields {
  GenerationFields common;
  Conversation conversation;
  std::optional<std::string> prefix;  // continue_final_message: the answer so far
  ToolUse tools;
};

// messages, tools, chat_template_kwargs. Mistakes go to the document.
void ReadConversation(const JsonView& root, Conversation& out);

// All fields of POST /v1/chat/completions. A forced tool becomes the form of the output.
void ReadChat(const JsonView& root, const App& app, ChatFields& out);

// The ids of the conversation by the model's template. Errors: 400 for what the template refuses,
// or a model without one.
ApiResult<std::vector<int32_t>> EncodeConversation(const App& app,
                                                   const Conversation& conversation);

}  // namespace burin
