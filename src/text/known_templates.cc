#include "text/known_templates.h"

#include <algorithm>
#include <initializer_list>

namespace burin {
namespace {

constexpr const char* kRoleMarks =
    "{% for message in messages %}{{ '<|' + message.role + '|>' + message.content + '<|end|>' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}";
constexpr const char* kChatMl =
    "{% for message in messages %}"
    "{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";
constexpr const char* kLlama3 =
    "{% for message in messages %}{{ '<|start_header_id|>' + message.role + "
    "'<|end_header_id|>\\n\\n' + message.content | trim + '<|eot_id|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|start_header_id|>assistant<|end_header_id|>\\n\\n' }}"
    "{% endif %}";

}  // namespace

std::optional<KnownTemplate> FindKnownTemplate(const Tokenizer& tokenizer) {
  const auto has = [&tokenizer](std::initializer_list<std::string_view> marks) {
    return std::all_of(marks.begin(), marks.end(), [&](std::string_view mark) {
      const auto id = tokenizer.TokenId(mark);
      return id && tokenizer.IsSpecial(*id);
    });
  };
  const auto begin = tokenizer.Encode("");
  const std::string bos =
      !begin.empty() && begin.front() == tokenizer.bos_id() ? "{{ bos_token }}" : "";
  if (has({"<|im_start|>", "<|im_end|>"})) return KnownTemplate{"ChatML", bos + kChatMl};
  if (has({"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"})) {
    return KnownTemplate{"Llama 3", bos + kLlama3};
  }
  if (has({"<|user|>", "<|assistant|>", "<|end|>"})) {
    return KnownTemplate{"role marks", bos + kRoleMarks};
  }
  return std::nullopt;
}

}  // namespace burin
