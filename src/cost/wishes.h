// What a report may be asked to reach: "tokens_per_s=17000,context=6144".
#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace burin {

enum class Quantity {
  kTokensPerS,  // one user, at least
  kAggregate,   // all users, at least
  kFirstToken,  // seconds, at most
  kContext,     // positions of one user, at least
  kArea,        // mm2 of a die, at most
  kPower,       // W of a card with all users, with the system factor, at most
  kUsdPerM,     // USD a million tokens, at most
  kCardCost,    // USD, at most
};

struct Wish {
  Quantity quantity = Quantity::kTokensPerS;
  double value = 0;
};

const char* QuantityKey(Quantity quantity);   // "tokens_per_s"
const char* QuantityUnit(Quantity quantity);  // "tokens/s"
bool IsAtLeast(Quantity quantity);

// Errors: another form, an unknown key (with the near ones), a value that is no positive number, a
// key given twice.
Result<std::vector<Wish>> ParseWishes(const std::string& text);

// The value wished for a quantity; 0: none.
double WishedValue(const std::vector<Wish>& wishes, Quantity quantity);

}  // namespace burin
