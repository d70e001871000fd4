#include "text/chat_template.h"

#include <algorithm>

#include "text/conversation_values.h"
#include "text/jinja/template.h"
#include "text/known_templates.h"

namespace burin {
namespace {

constexpr const char* kProbe = "burin_probe";
constexpr const char* kProbeTool =
    R"({"type": "function", "function": {"name": "burin_probe_tool", "description": "d", )"
    R"("parameters": {"type": "object", "properties": {"burin_argument": {"type": "integer", )"
    R"("description": "d"}}, "required": ["burin_argument"]}}})";

ChatMessage Message(std::string role, std::string content) {
  ChatMessage message;
  message.role = std::move(role);
  message.content = std::move(content);
  return message;
}

Conversation CallProbe() {
  Conversation probe;
  probe.messages = {Message("user", "u"), Message("assistant", "")};
  probe.messages[1].tool_calls = {
      {"call_burin_probe", "burin_probe_tool", "{\"burin_argument\": 1}"}};
  probe.tools = {kProbeTool};
  probe.add_generation_prompt = false;
  return probe;
}

}  // namespace

struct ChatTemplate::State {
  State(const Tokenizer& the_tokenizer, jinja::Template parsed)
      : tokenizer(the_tokenizer), jinja(std::move(parsed)) {}

  std::string family = "Jinja";
  Tokenizer tokenizer;
  jinja::Template jinja;
  TemplateHabits habits;
  std::vector<int32_t> stop_ids;

  Result<MarkedText> Render(const Conversation& conversation, const TemplateHabits& wanted) const;
  // The text, or the empty one where the template refuses.
  std::string Try(const Conversation& conversation, const TemplateHabits& wanted) const {
    const auto text = Render(conversation, wanted);
    return text ? text->text() : std::string();
  }
  void FindHabits(std::string_view source);
  void FindToolSyntax(std::string_view source);
  void FindStopIds();
};

Result<MarkedText> ChatTemplate::State::Render(const Conversation& conversation,
                                               const TemplateHabits& wanted) const {
  BURIN_ASSIGN(jinja::Dict variables, ToVariables(conversation, wanted, tokenizer));
  return jinja.Render(variables);
}

void ChatTemplate::State::FindHabits(std::string_view source) {
  habits.knows_developer = source.find("developer") != std::string_view::npos;
  Conversation probe;
  probe.messages = {Message("user", kProbe)};
  TemplateHabits lists = habits;
  lists.parts_as_list = true;
  if (Try(probe, habits).find(kProbe) == std::string::npos &&
      Try(probe, lists).find(kProbe) != std::string::npos) {
    habits.parts_as_list = true;
  }
  probe.messages = {Message("system", kProbe), Message("user", "u")};
  habits.knows_system = Try(probe, habits).find(kProbe) != std::string::npos;
  FindToolSyntax(source);
  FindStopIds();
}

void ChatTemplate::State::FindToolSyntax(std::string_view source) {
  Conversation probe;
  probe.messages = {Message("user", "u")};
  probe.tools = {kProbeTool};
  if (Try(probe, habits).find("burin_probe_tool") == std::string::npos) return;
  std::string text;
  for (const bool short_ids : {false, true}) {
    for (const bool as_text : {false, true}) {
      TemplateHabits wanted = habits;
      wanted.short_call_ids = short_ids;
      wanted.arguments_as_text = as_text;
      text = Try(CallProbe(), wanted);
      if (text.find("\"burin_argument\": 1") != std::string::npos ||
          text.find("\"burin_argument\":1") != std::string::npos) {
        habits = wanted;
        break;
      }
      text.clear();
    }
    if (!text.empty()) break;
  }
  const auto has = [&](std::string_view mark) {
    return (text.empty() ? source : std::string_view(text)).find(mark) != std::string_view::npos;
  };
  if (has("[TOOL_CALLS]")) {
    habits.tools = ToolSyntax::kMistral;
  } else if (has("<tool_call>")) {
    habits.tools = ToolSyntax::kTagged;
  } else {
    habits.tools = ToolSyntax::kBare;
  }
}

// The special token that the template writes behind an answer.
void ChatTemplate::State::FindStopIds() {
  stop_ids = tokenizer.eos_ids();
  Conversation probe;
  probe.messages = {Message("user", "u"), Message("assistant", kProbe)};
  probe.add_generation_prompt = false;
  const auto text = Render(probe, habits);
  if (!text) return;
  const size_t hit = text->text().rfind(kProbe);
  if (hit == std::string::npos) return;
  const size_t behind = hit + std::string_view(kProbe).size();
  for (const int32_t id : tokenizer.Encode(text->Slice(behind, text->size()))) {
    if (tokenizer.IsSpecial(id)) {
      const bool known = std::find(stop_ids.begin(), stop_ids.end(), id) != stop_ids.end();
      if (!known && tokenizer.bos_id() != id) stop_ids.push_back(id);
      return;
    }
    const std::string_view piece = tokenizer.TokenText(id);
    if (piece.find_first_not_of(" \t\r\n") != std::string_view::npos) return;
  }
}

Result<ChatTemplate> ChatTemplate::FromText(const Tokenizer& tokenizer, std::string_view text,
                                            const std::string& name) {
  BURIN_ASSIGN(jinja::Template parsed, jinja::Template::Parse(text, name));
  auto state = std::make_shared<State>(tokenizer, std::move(parsed));
  state->FindHabits(text);
  return ChatTemplate(std::move(state));
}

Result<std::optional<ChatTemplate>> ChatTemplate::Create(const Tokenizer& tokenizer) {
  if (!tokenizer.chat_template().empty()) {
    BURIN_ASSIGN(ChatTemplate made,
                 FromText(tokenizer, tokenizer.chat_template(), "the chat template"));
    return std::optional(std::move(made));
  }
  const auto known = FindKnownTemplate(tokenizer);
  if (!known) return std::optional<ChatTemplate>();
  BURIN_ASSIGN(jinja::Template parsed,
               jinja::Template::Parse(known->text, std::string(known->name)));
  auto state = std::make_shared<State>(tokenizer, std::move(parsed));
  state->family = known->name;
  state->FindHabits(known->text);
  return std::optional(ChatTemplate(std::move(state)));
}

Result<MarkedText> ChatTemplate::Render(const Conversation& conversation) const {
  BURIN_ASSIGN(const Conversation simple, Simplified(conversation, state_->habits));
  BURIN_ASSIGN(MarkedText text, state_->Render(simple, state_->habits));
  if (!conversation.continue_last || simple.messages.empty()) return text;
  // As Hugging Face's continue_final_message: what stands behind the last content is cut off.
  const ChatMessage& last = simple.messages.back();
  const std::string content = last.parts.empty() ? last.content.value_or("") : last.parts.back();
  const size_t first = content.find_first_not_of(" \t\r\n");
  if (first == std::string::npos) {
    return BadInput("messages: the last one", "no content", "the begin of an answer to go on with");
  }
  const std::string stripped =
      content.substr(first, content.find_last_not_of(" \t\r\n") + 1 - first);
  const size_t hit = text.text().rfind(stripped);
  if (hit == std::string::npos) {
    return BadInput("messages: the last one", "a content that the template changes",
                    "one that it prints as it is");
  }
  const bool whole = text.text().compare(hit, content.size() - first, content, first) == 0;
  return text.Slice(0, hit + (whole ? content.size() - first : stripped.size()));
}

Result<std::vector<int32_t>> ChatTemplate::Encode(const Conversation& conversation) const {
  BURIN_ASSIGN(const MarkedText text, Render(conversation));
  return state_->tokenizer.Encode(text);
}

std::string_view ChatTemplate::name() const { return state_->family; }
const std::vector<int32_t>& ChatTemplate::stop_ids() const { return state_->stop_ids; }
ToolSyntax ChatTemplate::tool_syntax() const { return state_->habits.tools; }
bool ChatTemplate::knows_system() const { return state_->habits.knows_system; }

}  // namespace burin
