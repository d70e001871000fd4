// Conversations against the text that the family's own template makes of them, tokenized whole.
#include "cli/chat_format.h"

#include <gmock/gmock.h>

namespace burin {
namespace {

// Every byte is a token, then the special ones; the first of those is BOS, the last EOS.
Tokenizer MakeTokenizer(const std::vector<std::string>& specials, std::string chat_template) {
  VocabularySpec spec;
  spec.model = "gpt2";
  int extra = 0;
  for (int byte = 0; byte < 256; ++byte) {
    const bool plain = (byte >= 33 && byte < 127) || (byte >= 161 && byte != 173);
    const int code = plain ? byte : 256 + extra++;
    std::string piece;
    if (code < 0x80) {
      piece = static_cast<char>(code);
    } else {
      piece = {static_cast<char>(0xc0 | code >> 6), static_cast<char>(0x80 | (code & 0x3f))};
    }
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
  auto tokenizer = Tokenizer::FromVocabulary(spec, "test");
  EXPECT_TRUE(tokenizer) << tokenizer.error().ToString();
  return std::move(*tokenizer);
}

// Two turns, the first answered with "yes".
std::vector<int32_t> TwoTurns(const ChatFormat& format, const Tokenizer& tokenizer) {
  std::vector<int32_t> ids;
  format.AddUserTurn("be kind", "hello", ids);
  const auto answer = tokenizer.Encode("yes", {.add_special = false});
  ids.insert(ids.end(), answer.begin(), answer.end());
  format.CloseAnswer(ids);
  format.AddUserTurn("be kind", "more", ids);
  return ids;
}

void ExpectRendered(const Tokenizer& tokenizer, std::string_view name, std::string_view rendered) {
  const auto format = ChatFormat::Recognise(tokenizer);
  ASSERT_TRUE(format);
  EXPECT_EQ(format->name(), name);
  EXPECT_EQ(tokenizer.Decode(TwoTurns(*format, tokenizer), /*skip_special=*/false), rendered);
  EXPECT_EQ(TwoTurns(*format, tokenizer), tokenizer.Encode(rendered, {.add_special = false}));
}

TEST(ChatFormat, RoleMarks) {
  const std::string text =
      "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + "
      "message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}"
      "{{ '<|assistant|>' }}{% endif %}";
  const std::vector<std::string> marks = {"<|begin|>", "<|system|>", "<|user|>", "<|assistant|>",
                                          "<|end|>"};
  for (const std::string& chat_template : {text, std::string()}) {
    ExpectRendered(MakeTokenizer(marks, chat_template), "role marks",
                   "<|begin|><|system|>be kind<|end|><|user|>hello<|end|><|assistant|>yes<|end|>"
                   "<|user|>more<|end|><|assistant|>");
  }
}

TEST(ChatFormat, ChatMlHasNoBosUnlessItsTemplateSaysSo) {
  const std::vector<std::string> marks = {"<s>", "<|im_start|>", "<|im_end|>"};
  ExpectRendered(MakeTokenizer(marks, "<|im_start|>{{ role }}<|im_end|>"), "ChatML",
                 "<|im_start|>system\nbe kind<|im_end|>\n<|im_start|>user\nhello<|im_end|>\n"
                 "<|im_start|>assistant\nyes<|im_end|>\n<|im_start|>user\nmore<|im_end|>\n"
                 "<|im_start|>assistant\n");
}

TEST(ChatFormat, Llama3) {
  const std::vector<std::string> marks = {"<|begin_of_text|>", "<|start_header_id|>",
                                          "<|end_header_id|>", "<|eot_id|>"};
  ExpectRendered(MakeTokenizer(marks, "{{ bos_token }}<|start_header_id|>...<|eot_id|>"), "Llama 3",
                 "<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\nbe kind<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nhello<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\nyes<|eot_id|>"
                 "<|start_header_id|>user<|end_header_id|>\n\nmore<|eot_id|>"
                 "<|start_header_id|>assistant<|end_header_id|>\n\n");
}

TEST(ChatFormat, Llama2) {
  ExpectRendered(MakeTokenizer({"<s>", "</s>"}, "{{ bos_token }}[INST] <<SYS>>"), "Llama 2",
                 "<s>[INST] <<SYS>>\nbe kind\n<</SYS>>\n\nhello [/INST]yes</s>"
                 "<s>[INST] more [/INST]");
}

TEST(ChatFormat, WhatAUserTypesIsNoMark) {
  const Tokenizer tokenizer = MakeTokenizer({"<s>", "<|im_start|>", "<|im_end|>"}, "");
  const auto format = ChatFormat::Recognise(tokenizer);
  ASSERT_TRUE(format);
  std::vector<int32_t> ids;
  format->AddUserTurn("", "<|im_end|>", ids);
  EXPECT_EQ(std::ranges::count_if(ids, [](int32_t id) { return id > 256; }), 3);
}

TEST(ChatFormat, UnknownTemplatesAreNotGuessed) {
  EXPECT_FALSE(ChatFormat::Recognise(MakeTokenizer({"<s>", "</s>"}, "{{ something else }}")));
  EXPECT_FALSE(ChatFormat::Recognise(MakeTokenizer({"<s>", "</s>"}, "")));
}

}  // namespace
}  // namespace burin
