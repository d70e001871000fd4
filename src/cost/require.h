// The smallest change of a chip that meets a wish, or the limit that binds and the nearest chip
// that can be made. Tries knobs one at a time, then few together, by placing the model anew each
// time.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cost/chip_model.h"

namespace burin {

// What a wish may name.
enum class Quantity {
  kTokensPerS,  // one user, at least
  kAggregate,   // all users, at least
  kFirstToken,  // seconds, at most
  kContext,     // positions of one user, at least
  kArea,        // mm2 of a die, at most
  kPower,       // W of a card, with the system factor, at most
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

// "tokens_per_s=17000,context=6144". Errors: another form, an unknown key (with the near ones), a
// value that is no positive number, a key given twice.
Result<std::vector<Wish>> ParseWishes(const std::string& text);

struct Change {
  std::string knob, from, to;
};

// A chip that was tried.
struct Design {
  ChipSpec chip;
  std::vector<Change> changes;
  Estimate estimate;
  int64_t dies = 1, max_context = 0;
  double ValueOf(Quantity quantity) const;
  // Sum over the wishes of the logarithm of what is missing; 0: all are met.
  double Shortfall(const std::vector<Wish>& wishes) const;
};

struct Answer {
  Design as_it_is;
  // Meets the wishes and fits one exposure with the fewest changes and then the least area;
  // `as_it_is` if nothing is to be changed.
  std::optional<Design> smallest;
  // Otherwise the nearest chip that can be made, and what keeps it from the wishes.
  Design nearest;
  std::vector<Wish> missed;  // by `nearest`
  std::string limit;         // a sentence
  int64_t tried = 0;
};

// `fabric` is the chip as it is with its model. Errors: a context that the model itself has not.
Result<Answer> Require(const ChipModel& model, const std::vector<Wish>& wishes);

// The chip with one knob changed, placed and estimated; none if that cannot be placed. What a
// report says a change would buy.
std::optional<Design> TryKnob(const ChipModel& model, const std::string& knob, double factor);

}  // namespace burin
