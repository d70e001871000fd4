// What rounding weights to the levels of a codebook moves: the yardstick for a change between two
// quantized models, because two nearly equal models differ by that much in what no one meant.
#pragma once

#include <cstdint>
#include <vector>

#include "numeric/packed_matrix.h"

namespace burin::mask {

class RoundingError {
 public:
  explicit RoundingError(const PackedMatrix& matrix);

  // Expected squared error of the weight at (row, col), if before rounding it was anywhere between
  // the midpoints to the next levels with the same probability; a cell beyond the last level is
  // taken as wide as its inner side. In squared units of WeightValue.
  double At(int64_t row, int64_t col) const;

 private:
  const PackedMatrix& matrix_;
  std::vector<double> by_code_;  // squared levels
};

}  // namespace burin::mask
