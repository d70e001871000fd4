#include "serve/test_tokenizer.h"

#include "base/check.h"
#include "text/utf8.h"

namespace burin {

Tokenizer ByteTokenizer() {
  VocabularySpec spec;
  spec.model = "gpt2";
  spec.pre = "gpt-2";
  char32_t extra = 256;
  for (char32_t byte = 0; byte < 256; ++byte) {
    const bool plain =
        (byte >= 33 && byte < 127) || (byte >= 161 && byte < 173) || (byte >= 174 && byte < 256);
    AppendUtf8(spec.tokens.emplace_back(), plain ? byte : extra++);
    spec.token_types.push_back(1);
  }
  for (const char* special : {"<|begin|>", "<|end|>", "<|user|>", "<|assistant|>", "<|system|>"}) {
    spec.tokens.emplace_back(special);
    spec.token_types.push_back(3);
  }
  spec.bos_id = 256;
  spec.eos_id = 257;
  spec.add_bos = true;
  spec.chat_template =
      "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' + "
      "message['content'] + '<|end|>' }}{% endfor %}{% if add_generation_prompt %}"
      "{{ '<|assistant|>' }}{% endif %}";
  auto tokenizer = Tokenizer::FromVocabulary(spec, "test");
  BURIN_CHECK(tokenizer);
  return *tokenizer;
}

}  // namespace burin
