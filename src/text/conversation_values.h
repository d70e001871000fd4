// A conversation as the variables that chat templates read. Internal to ChatTemplate.
#pragma once

#include "text/chat_template.h"
#include "text/jinja/value.h"

namespace burin {

// What a template wants, found by trying it out.
struct TemplateHabits {
  bool knows_system = true;
  bool knows_developer = false;
  bool parts_as_list = false;      // content must be a list of parts
  bool arguments_as_text = false;  // of tool calls: JSON text instead of a dict
  bool short_call_ids = false;     // nine letters and digits (Mistral)
  ToolSyntax tools = ToolSyntax::kNone;
};

// `conversation` made plain for a template without tools or system messages: what these say stands
// in the messages that the template knows.
Result<Conversation> Simplified(const Conversation& conversation, const TemplateHabits& habits);

// messages, tools, add_generation_prompt, bos_token, eos_token, strftime_now and the further
// variables. Errors: kBadInput, naming message and field.
Result<jinja::Dict> ToVariables(const Conversation& conversation, const TemplateHabits& habits,
                                const Tokenizer& tokenizer);

}  // namespace burin
