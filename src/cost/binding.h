// Which limit binds a chip: what a designer would have to move next.
#pragma once

#include <string>

#include "cost/chip_model.h"

namespace burin {

struct Binding {
  std::string limit;   // "latency", "attention", "link", "power", "area"
  std::string reason;  // a sentence
  std::string change;  // what the nearest change would buy; empty if none helps, or nobody looked
};

// Without `change`. The first that holds: a die larger than one exposure; more watts than cooling
// takes; else what one user's token waits for most.
Binding LimitOf(const ChipModel& model);

// Whether a die is made by one exposure: its area, and the sides of its floorplan, which are taken
// in proportion to that area. An outline without floorplan has only its area.
bool FitsExposure(const Estimate& e, const TechFacts& tech);

// Whether cooling takes a card with one user.
bool CanBeCooled(const Estimate& e, const Constants& constants);

}  // namespace burin
