#include "mask/rounding.h"

#include <algorithm>
#include <cmath>

namespace burin::mask {

RoundingError::RoundingError(const PackedMatrix& matrix) : matrix_(matrix) {
  const uint32_t codes = uint32_t{1} << matrix.shape.bits;
  std::vector<int> levels;
  for (uint32_t code = 0; code < codes; ++code) levels.push_back(Level(matrix, code));
  std::vector<int> sorted = levels;
  std::sort(sorted.begin(), sorted.end());
  sorted.erase(std::unique(sorted.begin(), sorted.end()), sorted.end());
  for (const int level : levels) {
    const auto at = std::lower_bound(sorted.begin(), sorted.end(), level);
    double below = at == sorted.begin() ? 0 : 0.5 * (level - *(at - 1));
    double above = at + 1 == sorted.end() ? 0 : 0.5 * (*(at + 1) - level);
    if (below == 0) below = above;
    if (above == 0) above = below;
    const double width = below + above;
    by_code_.push_back(width > 0 ? (std::pow(below, 3) + std::pow(above, 3)) / (3 * width) : 0);
  }
}

double RoundingError::At(int64_t row, int64_t col) const {
  const MatrixShape& shape = matrix_.shape;
  const uint8_t scale =
      matrix_.scales[static_cast<size_t>(ScaleIndex(shape, row / shape.group, col))];
  const double unit =
      std::ldexp(ScaleMantissa(scale), ScaleShift(scale) - kMaxScaleShift + matrix_.exponent);
  return unit * unit * by_code_[GetCode(matrix_, row, col)];
}

}  // namespace burin::mask
