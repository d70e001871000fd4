// Cuts a template into text and tokens, as Jinja2 does with trim_blocks and lstrip_blocks on
// (Hugging Face renders chat templates so).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace burin::jinja {

struct Token {
  enum class Kind : uint8_t {
    kText,        // outside of tags; white space is trimmed already
    kOutputOpen,  // {{
    kOutputClose,
    kTagOpen,  // {%
    kTagClose,
    kName,
    kString,  // escapes are resolved
    kInteger,
    kFloat,
    kOperator,
    kEnd,
  };
  Kind kind = Kind::kEnd;
  std::string text;
  int64_t integer = 0;
  double number = 0;
  int line = 0;
};

// Errors: kBadInput, with `object` and the line.
Result<std::vector<Token>> Tokenize(std::string_view source, const std::string& object);

// The error of a template at a line.
tl::unexpected<Error> TemplateError(const std::string& object, int line, std::string found,
                                    std::string expected = {}, std::string advice = {});

}  // namespace burin::jinja
