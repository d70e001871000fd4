// Numbers within bounds as languages of their decimal forms.
#pragma once

#include <optional>
#include <string>

#include "text/constraint/expression.h"

namespace burin::constraint {

// A bound as decimal text: "-12", "0.5". Digits only, no exponent.
struct NumberBound {
  std::string decimal;
  bool exclusive = false;
};

// JSON integers, or numbers, between the bounds. Without bounds a number has at most 16 digits
// before and behind the point and an exponent of at most two; with bounds it has at most 15 digits
// in all and no exponent, so that rounding to a double never leaves the range.
Expr NumberBetween(bool integer, const std::optional<NumberBound>& low,
                   const std::optional<NumberBound>& high);

// `number` without an exponent: the shortest decimal that is read back as the same double.
std::string PlainDecimal(double number);

}  // namespace burin::constraint
