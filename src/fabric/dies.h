// Which layers lie on which die. Internal to placement.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "fabric/placed_fabric.h"

namespace burin {

// A run of matrices that stays on one die: the embedding, a layer, the head.
struct Unit {
  int32_t first_matrix = 0, end_matrix = 0;
  int64_t layers = 0;  // 0 or 1
  int64_t blocks = 0;
  int64_t largest_step = 0;  // blocks that work at the same time
};

// The units of a model in token order.
std::vector<Unit> UnitsOf(const ModelPlan& plan, const std::vector<PlacedMatrix>& matrices,
                          const Program& program);

// Units [begin, end) on one die, and the banks they need there.
struct DieShare {
  size_t begin = 0, end = 0;
  int64_t layers = 0;
  int64_t banks = 0;
};

// The fewest dies that hold all units in order, and of all such cuts one whose fullest die has the
// fewest banks. Errors: what does not fit, and the nearest knob that would do.
Result<std::vector<DieShare>> CutIntoDies(const ModelPlan& plan, const ChipSpec& chip,
                                          const std::vector<Unit>& units);

// The least number of banks with which `dies` dies hold the units, 0 if there are fewer units.
int64_t LeastBanksOf(const std::vector<Unit>& units, int64_t fold, int64_t dies);

}  // namespace burin
