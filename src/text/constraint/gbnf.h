// Grammars in llama.cpp's GBNF: rules `name ::= ...` of literals, character classes, groups,
// alternatives and repetitions; `root` is the one that texts follow.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/constraint/expression.h"

namespace burin::constraint {

inline constexpr size_t kMaxGrammarBytes = size_t{1} << 20;

// Errors: kBadInput with the line.
Result<Grammar> ReadGbnf(std::string_view text, const std::string& object);

}  // namespace burin::constraint
