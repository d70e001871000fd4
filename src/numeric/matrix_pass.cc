#include "numeric/matrix_pass.h"

#include <algorithm>

#include "numeric/fixed.h"

namespace burin {

int32_t GroupSum(const PackedMatrix& matrix, const int8_t* mantissas, int64_t group, int64_t col) {
  const int64_t begin = group * matrix.shape.group;
  const int64_t end = std::min(begin + matrix.shape.group, matrix.shape.rows);
  int32_t sum = 0;
  for (int64_t row = begin; row < end; ++row) {
    sum += Level(matrix, GetCode(matrix, row, col)) * mantissas[row];
  }
  return sum;
}

int32_t GroupTerm(int32_t sum, uint8_t scale, int distance, int drop) {
  const int shift = std::min(31, kMaxScaleShift - ScaleShift(scale) + distance + drop);
  return static_cast<int32_t>(RoundShift(int64_t{sum} * ScaleMantissa(scale), shift));
}

int32_t ColumnSum(const PackedMatrix& matrix, const BlockFloatBatch& x, int64_t t, int64_t col) {
  const int32_t common = x.CommonExponent(t);
  const int drop = matrix.shape.DropBits();
  int32_t total = 0;
  for (int64_t g = 0; g < matrix.shape.groups(); ++g) {
    const uint8_t scale = matrix.scales[static_cast<size_t>(ScaleIndex(matrix.shape, g, col))];
    total += GroupTerm(GroupSum(matrix, x.TokenMantissas(t), g, col), scale,
                       common - x.TokenExponents(t)[g], drop);
  }
  return total;
}

void MultiplyTiles(const PackedMatrix& matrix, const BlockFloatBatch& x, int64_t tile_begin,
                   int64_t tile_end, int32_t* y, int64_t stride) {
  const int64_t end = std::min(matrix.shape.cols, tile_end * kTileColumns);
  for (int64_t t = 0; t < x.tokens; ++t) {
    for (int64_t col = tile_begin * kTileColumns; col < end; ++col) {
      y[t * stride + col] = ColumnSum(matrix, x, t, col);
    }
  }
}

void ReadColumn(const PackedMatrix& matrix, int64_t col, int fraction, std::span<int32_t> out) {
  for (int64_t row = 0; row < matrix.shape.rows; ++row) {
    const int64_t index = ScaleIndex(matrix.shape, row / matrix.shape.group, col);
    const uint8_t scale = matrix.scales[static_cast<size_t>(index)];
    const int product = Level(matrix, GetCode(matrix, row, col)) * ScaleMantissa(scale);
    out[static_cast<size_t>(row)] =
        ScaleToInt32(product, ScaleShift(scale) - kMaxScaleShift + matrix.exponent + fraction);
  }
}

}  // namespace burin
