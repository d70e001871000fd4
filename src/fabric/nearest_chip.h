// Which of the known chips hold a model.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fabric/placed_fabric.h"

namespace burin {

struct ChipFit {
  std::string chip;
  int64_t dies = 0;
  int64_t banks = 0;        // in use
  int64_t max_context = 0;  // positions
};

// Those of data/chips on which Place succeeds, the smallest first (cells of all dies).
std::vector<ChipFit> ChipsThatHold(const ModelPlan& plan);

// An error of Place with the nearest chips that would do, for a person: the error as it is and
// "Chips that hold it: hc1 (1 die), hc2 (1 die)." or that none does.
Error WithNearestChips(Error error, const ModelPlan& plan);

}  // namespace burin
