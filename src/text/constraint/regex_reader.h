// Regular expressions as expressions: the regular part of JavaScript's.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/constraint/expression.h"

namespace burin::constraint {

struct RegexStyle {
  // The pattern must match the whole text; else it may match anywhere unless anchored.
  bool whole = false;
  // The text stands inside a JSON string: characters that need it are escaped.
  bool json = false;
};

// Errors: kBadInput, naming what is wrong or not supported (look-around, back references, word
// borders, properties, flags, anchors other than at the ends of an alternative).
Result<Expr> ReadRegex(std::string_view pattern, RegexStyle style, const std::string& object);

}  // namespace burin::constraint
