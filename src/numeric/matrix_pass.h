// The matrix pass of the fabric: codebook levels times block-floating activations
// (docs/numerics.md, section 4).
#pragma once

#include <cstdint>
#include <span>

#include "numeric/block_float.h"
#include "numeric/packed_matrix.h"

namespace burin {

// The exact sum of one group: sum over its rows of level * mantissa. |result| <= 128 * 63 * 127 =
// 1,024,128.
int32_t GroupSum(const PackedMatrix& matrix, const int8_t* mantissas, int64_t group, int64_t col);

// What a group adds to its column: RoundShift(sum * mantissa, 15 - shift + distance + drop), the
// shift limited to 31. `distance` = E - exponent of the block >= 0. |sum * mantissa| < 2^25, so
// nothing here overflows 32 bits.
int32_t GroupTerm(int32_t sum, uint8_t scale, int distance, int drop);

// The raw sum of a column for token t: the group terms added up. |result| < 2^31 by the choice of
// DropBits. Its unit is 2^MatrixExponent.
int32_t ColumnSum(const PackedMatrix& matrix, const BlockFloatBatch& x, int64_t t, int64_t col);

// E + T + D.
inline int MatrixExponent(const PackedMatrix& matrix, const BlockFloatBatch& x, int64_t t) {
  return x.CommonExponent(t) + matrix.exponent + matrix.shape.DropBits();
}

// Raw sums of columns [16 * tile_begin, min(cols, 16 * tile_end)) for all tokens of x, to y[t *
// stride + col].
void MultiplyTiles(const PackedMatrix& matrix, const BlockFloatBatch& x, int64_t tile_begin,
                   int64_t tile_end, int32_t* y, int64_t stride);

// The weights of column `col` as fixed point with `fraction` bits: the embedding of token `col`.
// out has shape.rows values, saturated.
void ReadColumn(const PackedMatrix& matrix, int64_t col, int fraction, std::span<int32_t> out);

}  // namespace burin
