// The smallest change of a chip that meets a wish, or the limit that binds and the nearest chip
// that can be made.
//
// The search goes over sets of knobs (cost/knobs.h), smaller sets first; among the designs of the
// smallest sets that meet the wishes, lie in one exposure and can be cooled, it takes the cheapest
// card. It is exhaustive on the knobs' ladders: a set, or a part of it, is left out only when the
// wishes fail even with every open knob at its fastest (for speed) or at its smallest (for area),
// counted on outlines without wires, which are faster and smaller than the chip. Candidates are
// then placed as a whole. Nothing is drawn at random: the same question has the same answer.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "cost/chip_model.h"
#include "cost/knobs.h"
#include "cost/wishes.h"

namespace burin {

// A chip that was tried.
struct Design {
  ChipSpec chip;
  std::vector<Change> changes;
  Estimate estimate;
  int64_t dies = 1, max_context = 0;
  std::string binds;  // what limits it then: "latency: 676 steps ..."; empty for an outline
  double ValueOf(Quantity quantity) const;
  // Sum over the wishes of the logarithm of what is missing; 0: all are met.
  double Shortfall(const std::vector<Wish>& wishes) const;
};

// Of three questions, each asked only where the one before found nothing: the chip's own knobs at
// its nominal clock; a clock up to the high end of its range, too; more dies, too. The second is
// also asked where it needs fewer changes than the first.
struct Answer {
  Design as_it_is;
  std::optional<Design> smallest;  // `as_it_is` if nothing is to be changed
  std::optional<Design> with_clock;
  std::optional<Design> with_dies;
  // Where `smallest` is none: why, the nearest chip of those dies and clock, and what it misses.
  std::string limit;
  Design nearest;
  std::vector<Wish> missed;
  int64_t tried = 0;
  bool complete = true;  // false: the search ended at its limit of tries
};

// `model` is the chip as it is. Errors: a context that the model itself has not.
Result<Answer> Require(const ChipModel& model, const std::vector<Wish>& wishes);

// The chip with one knob changed, placed and estimated; none if that cannot be placed. What a
// report says a change would buy.
std::optional<Design> TryKnob(const ChipModel& model, Knob knob, int64_t value);

}  // namespace burin
