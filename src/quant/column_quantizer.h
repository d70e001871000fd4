// The seam at which quantizers are exchanged: floats of a matrix in, codes and scale bytes out. Who
// calls it (engrave.cc) owns reading, folding, packing, writing and resuming.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "numeric/packed_matrix.h"

namespace burin {

// The 6-bit codebook: 8 * c[hi] + c[lo] gives every odd level of -63..63.
inline constexpr std::array<int8_t, 16> kSixBitCodebook = {-7, -5, -3, -1, 1, 3, 5, 7};

// What is chosen once a matrix.
struct MatrixFit {
  int exponent = 0;                   // T
  std::array<int8_t, 16> codebook{};  // rising; kSixBitCodebook for 6 bits
};

// What a fit sees: some columns of the matrix, evenly spread, the same for any thread count.
struct FitSample {
  MatrixShape shape;                  // of the whole matrix
  int64_t columns = 0;                // of the sample, a multiple of kTileColumns
  std::span<const float> weights;     // [columns / 16][rows][16]; columns past the matrix are 0
  std::span<const float> importance;  // [rows] mean square of each input; >= 0, not all zero
  float largest = 0;                  // |weight| over the whole matrix
};

// One tile of a matrix.
struct TileInput {
  MatrixShape shape;
  int64_t columns = kTileColumns;     // columns of the matrix in this tile; the rest are zeros
  std::span<const float> weights;     // [rows][16]
  std::span<const float> importance;  // [rows]
};
struct TileOutput {
  std::span<uint8_t> codes;   // [rows][16]
  std::span<uint8_t> scales;  // [groups][16]
};

// Sums over the weights of a tile: importance * (weight - stored weight)^2 and importance *
// weight^2.
struct TileError {
  double error = 0;
  double energy = 0;
};

// A quantizer is const while it runs: both functions may be called from many threads and must give
// the same bits each time. A next one (error feedback over rows, rotation before) needs no more
// than this: a tile has all rows of its columns, in order, so that the error of a row can be
// carried to later rows.
class ColumnQuantizer {
 public:
  virtual ~ColumnQuantizer() = default;
  // Its name in the cartridge's metadata.
  virtual std::string_view name() const = 0;
  virtual MatrixFit Fit(const FitSample& sample) const = 0;
  // Writes every code and scale of `output`, those of unused columns too (the caller clears them).
  virtual TileError QuantizeTile(const TileInput& input, const MatrixFit& fit,
                                 const TileOutput& output) const = 0;
};

}  // namespace burin
