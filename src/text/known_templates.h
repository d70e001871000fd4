// Chat templates for models whose tokenizer brings none, chosen by its special tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "text/tokenizer.h"

namespace burin {

struct KnownTemplate {
  std::string_view name;  // "ChatML"
  std::string text;       // Jinja
};

// Nothing when the special tokens are of no known family. BOS is written if the tokenizer puts one
// before a text.
std::optional<KnownTemplate> FindKnownTemplate(const Tokenizer& tokenizer);

}  // namespace burin
