// Conversations against the text that the family's own template makes of them, tokenized whole.
#include "text/chat_template.h"

#include <gmock/gmock.h>

#include "text/test_support.h"
#include "text/utf8.h"

namespace burin {
namespace {

// Every byte is a token, then the special ones; the first of those is BOS, the last EOS.
Tokenizer MakeTokenizer(const std::vector<std::string>& specials, std::string chat_template) {
  VocabularySpec spec;
  spec.model = "gpt2";
  char32_t extra = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool plain = (byte >= 33 && byte < 127) || (byte >= 161 && byte != 173);
    std::string piece;
    AppendUtf8(piece, plain ? byte : extra++);
    spec.tokens.push_back(piece);
    spec.token_types.push_back(1);
  }
  for (const std::string& special : specials) {
    spec.tokens.push_back(special);
    spec.token_types.push_back(3);
  }
  spec.bos_id = 256;
  spec.eos_id = static_cast<int32_t>(spec.tokens.size()) - 1;
  spec.add_bos = true;
  spec.chat_template = std::move(chat_template);
  return Unwrap(Tokenizer::FromVocabulary(spec, "test"));
}

ChatTemplate MakeTemplate(const Tokenizer& tokenizer) {
  return Unwrap(ChatTemplate::Create(tokenizer)).value();
}

Conversation Talk(const std::vector<std::pair<std::string, std::string>>& messages) {
  Conversation conversation;
  for (const auto& [role, content] : messages) {
    conversation.messages.push_back({role, content});
  }
  return conversation;
}

// What Create finds for `tokenizer` makes `rendered` of a system message and two turns.
void ExpectRendered(const Tokenizer& tokenizer, std::string_view name, std::string_view rendered) {
  const ChatTemplate made = MakeTemplate(tokenizer);
  EXPECT_EQ(made.name(), name);
  const auto ids = Unwrap(made.Encode(
      Talk({{"system", "be kind"}, {"user", "hello"}, {"assistant", "yes"}, {"user", "more"}})));
  EXPECT_EQ(tokenizer.Decode(ids, /*skip_special=*/false), rendered);
  EXPECT_EQ(ids, tokenizer.Encode(rendered, {.add_special = false}));
}

const char* const kRoleMarks =
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + "
    "message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}"
    "{{ '<|assistant|>' }}{% endif %}";

TEST(ChatTemplate, RoleMarks) {
  const std::vector<std::string> marks = {"<|begin|>", "<|system|>", "<|user|>", "<|assistant|>",
                                          "<|end|>"};
  for (const std::string& chat_template : {std::string(kRoleMarks), std::string()}) {
    ExpectRendered(MakeTokenizer(marks, chat_template),
                   chat_template.empty() ? "role marks" : "Jinja",
                   "<|begin|><|system|>be kind<|end|><|user|>hello<|end|><|assistant|>yes<|end|>"
                   "<|user|>more<|end|><|assistant|>");
  }
}

TEST(ChatTemplate, KnownChatMl) {
  ExpectRendered(MakeTokenizer({"<s>", "<|im_start|>", "<|im_end|>"}, ""), "ChatML",
                 "<s><|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n"
                 "<|im_start|>assistant\nyes<|im_end|>\n<|im_start|>user\nmore<|im_end|>\n"
                 "<|im_start|>assistant\n");
}

TEST(ChatTemplate, KnownLlama3) {
  const std::vector<std::string> marks = {"<|begin_of_text|>", "<|start_header_id|>",
                                          "<|end_header_id|>", "<|eot_id|>"};
  ExpectRendered(MakeTokenizer(marks, ""), "Llama 3",
                 "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nbe kind<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nhello<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\nyes<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nmore<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatTemplate, UnknownFamiliesAreNotGuessed) {
  EXPECT_FALSE(Unwrap(ChatTemplate::Create(MakeTokenizer({"<s>", "</s>"}, ""))).has_value());
  EXPECT_FALSE(ChatTemplate::Create(MakeTokenizer({"<s>", "</s>"}, "{{ something else }}")));
}

TEST(ChatTemplate, WhatAUserTypesIsNoMark) {
  const std::vector<std::string> marks = {"<|begin|>", "<|system|>", "<|user|>", "<|assistant|>",
                                          "<|end|>"};
  const Tokenizer tokenizer = MakeTokenizer(marks, kRoleMarks);
  const ChatTemplate made = MakeTemplate(tokenizer);
  // A whole mark, one that the template's next text would complete, and one begun by it.
  for (const std::string content : {"a<|end|>b", "<|user", "|>", "<|end|", "", "<|<|end|>"}) {
    const auto ids = Unwrap(made.Encode(Talk({{"system", content}, {"user", content}})));
    std::vector<int32_t> special;
    for (const int32_t id : ids) {
      if (id >= 256) special.push_back(id);
    }
    EXPECT_EQ(special, (std::vector<int32_t>{256, 257, 260, 258, 260, 259})) << content;
    EXPECT_EQ(tokenizer.Decode(ids, false), "<|begin|><|system|>" + content + "<|end|><|user|>" +
                                                content + "<|end|><|assistant|>");
  }
}

TEST(ChatTemplate, FindsTheMarkThatEndsAnAnswer) {
  const Tokenizer tokenizer = MakeTokenizer(
      {"<s>", "<|im_end|>", "</s>"},
      "{% for m in messages %}{{ m.role + ':' + m.content + ' <|im_end|>' }}{% endfor %}");
  EXPECT_THAT(MakeTemplate(tokenizer).stop_ids(), testing::ElementsAre(258, 257));
}

TEST(ChatTemplate, SystemMessagesThatATemplateRefusesGoToTheUser) {
  const Tokenizer tokenizer = MakeTokenizer(
      {"<s>", "</s>"},
      "{% if messages[0].role == 'system' %}{{ raise_exception('No system role') }}{% endif %}"
      "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}");
  const ChatTemplate made = MakeTemplate(tokenizer);
  EXPECT_FALSE(made.knows_system());
  EXPECT_EQ(Unwrap(made.Render(Talk({{"developer", "be kind"}, {"user", "hello"}}))).text(),
            "[user]be kind\n\nhello");
}

TEST(ChatTemplate, PartsAreJoinedOrGivenAsAList) {
  Conversation conversation = Talk({{"user", ""}});
  conversation.messages[0].parts = {"one", "two"};
  const Tokenizer strings =
      MakeTokenizer({"<s>"}, "{% for m in messages %}{{ m.role + m.content }}{% endfor %}");
  EXPECT_EQ(Unwrap(MakeTemplate(strings).Render(conversation)).text(), "userone\ntwo");
  const Tokenizer lists = MakeTokenizer(
      {"<s>"},
      "{% for m in messages %}{% for p in m.content %}{{ '(' + p.text + ')' }}{% endfor %}"
      "{% endfor %}");
  EXPECT_EQ(Unwrap(MakeTemplate(lists).Render(conversation)).text(), "(one)(two)");
}

TEST(ChatTemplate, ContinuesTheLastAnswer) {
  const Tokenizer tokenizer = MakeTokenizer({"<s>", "<|end|>"},
                                            "{% for m in messages %}<{{ m.role }}>{{ m.content }}"
                                            "<|end|>{% endfor %}");
  Conversation conversation = Talk({{"user", "count"}, {"assistant", "one, two, "}});
  conversation.add_generation_prompt = false;
  conversation.continue_last = true;
  EXPECT_EQ(Unwrap(MakeTemplate(tokenizer).Render(conversation)).text(),
            "<user>count<|end|><assistant>one, two, ");
}

TEST(ChatTemplate, ToolsOfATemplateWithoutThemStandInTheSystemMessage) {
  const Tokenizer tokenizer =
      MakeTokenizer({"<s>"}, "{% for m in messages %}[{{ m.role }}]{{ m.content }}{% endfor %}");
  const ChatTemplate made = MakeTemplate(tokenizer);
  EXPECT_EQ(made.tool_syntax(), ToolSyntax::kNone);
  Conversation conversation = Talk({{"user", "hi"}, {"assistant", ""}, {"tool", "7"}});
  conversation.messages[1].tool_calls = {{"1", "f", "{\"x\": 1}"}};
  conversation.tools = {"{\"type\": \"function\"}"};
  const std::string text = Unwrap(made.Render(conversation)).text();
  EXPECT_THAT(text, testing::HasSubstr("{\"type\": \"function\"}"));
  EXPECT_THAT(text, testing::EndsWith("[user]hi[assistant]{\"name\": \"f\", \"parameters\": "
                                      "{\"x\": 1}}[user]The function's result:\n7"));
}

TEST(ChatTemplate, ErrorsNameThePlace) {
  const Tokenizer tokenizer = MakeTokenizer(
      {"<s>"}, "{% for m in messages %}{{ m.content }}{{ m.tool_calls }}{% endfor %}");
  const ChatTemplate made = MakeTemplate(tokenizer);
  const auto error = [&](const Conversation& conversation) {
    const auto text = made.Render(conversation);
    return text ? std::string() : text.error().ToString();
  };
  EXPECT_THAT(error(Talk({{"user", "x"}, {"wizard", "x"}})),
              testing::HasSubstr("messages[1].role"));
  Conversation conversation = Talk({{"user", "x"}});
  conversation.tools = {"{}", "{"};
  EXPECT_THAT(error(conversation), testing::HasSubstr("tools[1]"));
  conversation.tools = {};
  conversation.variables = "[1]";
  EXPECT_THAT(error(conversation), testing::HasSubstr("chat_template_kwargs"));
}

TEST(ChatTemplate, BorderOfContentAndTemplateMergesAsInTheWholeText) {
  BURIN_NEED_SHARED();
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromFolder(SharedData() / "tokenizer-qwen2"));
  const ChatTemplate made = MakeTemplate(tokenizer);
  EXPECT_EQ(made.tool_syntax(), ToolSyntax::kTagged);
  for (const std::string content : {"hello", "\n\n", "x\n", " 12", "é", "日本", "don't"}) {
    const auto conversation = Talk({{"system", content}, {"user", content}});
    const std::string text = Unwrap(made.Render(conversation)).text();
    EXPECT_EQ(Unwrap(made.Encode(conversation)), tokenizer.Encode(text, {.add_special = false}));
  }
}

TEST(ChatTemplate, NormalizedMarksOfLlama2AreReadInTheTemplateOnly) {
  BURIN_NEED_SHARED();
  const Tokenizer tokenizer = Unwrap(Tokenizer::FromFolder(SharedData() / "tokenizer-llama2"));
  const ChatTemplate made = Unwrap(ChatTemplate::FromText(
      tokenizer,
      "{{ '<s>' }}{% for m in messages %}{{ '[INST] ' + m.content + ' [/INST] </s>' }}{% endfor %}",
      "test"));
  const auto plain = Talk({{"user", "so it is"}});
  EXPECT_EQ(Unwrap(made.Encode(plain)),
            tokenizer.Encode("<s>[INST] so it is [/INST] </s>", {.add_special = false}));
  const auto ids = Unwrap(made.Encode(Talk({{"user", "a </s>b <s>"}})));
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 1), 1);
  EXPECT_EQ(std::count(ids.begin(), ids.end(), 2), 1);
}

}  // namespace
}  // namespace burin
