// A codebook-quantized matrix in stored order, and the meaning of every bit of it
// (docs/formats/cartridge.md, "codes"; docs/numerics.md, section 3).
//
// A matrix has `rows` inputs (K, word lines of the fabric) and `cols` outputs (N, columns of the
// fabric). The weight of row r and column n is
//     level(r, n) * (16 + scale(g, n) % 16) * 2^(scale(g, n) / 16 - 15 + exponent),   g = r / group
// where level is codebook[code] for 3 and 4 bits, and 8 * codebook[code / 8] + codebook[code % 8]
// for 6 bits.
//
// Stored order: tiles of 16 columns; in a tile, blocks of 32 rows, one after the other; in a block,
// vectors of 64 bytes. The lane (byte) of row r, column n in a vector is (n % 16) * 4 + r % 4, so
// that a 32-bit lane is one column and four neighbouring rows.
//   4 bits: 4 vectors; vector v holds rows 8v..8v+3 of the block in the low nibbles and rows
//   8v+4..8v+7 in the high nibbles. 3 bits: 3 vectors hold 8 codes in 3 bytes a lane. With k = (r %
//   32) / 4: for k < 6 the code is in bits 0-2 (k even) or 4-6
//           (k odd) of vector k / 2; code 6 is spread over bit 3, code 7 over bit 7, of the three
//           vectors (vector i has bit i).
//   6 bits: the 3-bit block of the high codes (code / 8), then the 3-bit block of the low codes
//   (code % 8).
// Scales: one byte a (group, column), order [tile][group][16].
// Columns and rows beyond the matrix have code 0 and scale 0; their inputs are zero or their
// outputs are not read.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace burin {

inline constexpr int64_t kTileColumns = 16;
inline constexpr int64_t kBlockRows = 32;
inline constexpr int kMaxLevel3 = 31;  // |codebook entry| of a 3-bit matrix
inline constexpr int kMaxLevel4 = 63;  // of a 4-bit matrix, and of 8 * hi + lo of a 6-bit one
inline constexpr int kMaxScaleShift = 15;
inline constexpr int kHeadroomGroupsLog2 = 6;

// Sizes of a matrix; a plain value that placement and kernels share.
struct MatrixShape {
  int64_t rows = 0;     // K >= 1
  int64_t cols = 0;     // N >= 1
  int bits = 3;         // 3, 4 or 6
  int64_t group = 128;  // 32, 64 or 128 rows a scale

  int64_t groups() const { return (rows + group - 1) / group; }
  int64_t tiles() const { return (cols + kTileColumns - 1) / kTileColumns; }
  // Blocks of 32 rows, padded to whole groups.
  int64_t blocks() const { return groups() * (group / kBlockRows); }
  int64_t BlockBytes() const { return kBlockRows * kTileColumns * bits / 8; }  // 192, 256, 384
  int64_t TileBytes() const { return blocks() * BlockBytes(); }
  uint64_t CodeBytes() const { return static_cast<uint64_t>(tiles() * TileBytes()); }
  uint64_t ScaleBytes() const { return static_cast<uint64_t>(tiles() * groups() * kTileColumns); }
  // D: bits dropped from each group's product so that the sum over groups cannot overflow 32 bits.
  int DropBits() const;
  bool operator==(const MatrixShape&) const = default;
};

// The matrix itself; codes and scales look into a mapped file or a buffer. Kernels may read only
// inside the spans.
struct PackedMatrix {
  MatrixShape shape;
  int exponent = 0;                   // T
  std::array<int8_t, 16> codebook{};  // 8 entries for 3 and 6 bits (the rest zero), 16 for 4 bits
  std::span<const uint8_t> codes;     // shape.CodeBytes(), 64-byte aligned
  std::span<const uint8_t> scales;    // shape.ScaleBytes(), 16-byte aligned
};

// Where a code lies: byte `offset` of the codes; see the file comment. For 6 bits `plane` 0 is
// high, 1 is low.
uint32_t GetCode(const PackedMatrix& matrix, int64_t row, int64_t col);
void SetCode(const MatrixShape& shape, std::span<uint8_t> codes, int64_t row, int64_t col,
             uint32_t code);

// Index of the scale of (group, column) in `scales`.
inline int64_t ScaleIndex(const MatrixShape& shape, int64_t group, int64_t col) {
  return (col / kTileColumns * shape.groups() + group) * kTileColumns + col % kTileColumns;
}

// The integer level that a code selects, in [-63, 63].
int Level(const PackedMatrix& matrix, uint32_t code);

// Mantissa (16..31) and shift (0..15) of a scale byte.
constexpr int ScaleMantissa(uint8_t scale) { return 16 + (scale & 15); }
constexpr int ScaleShift(uint8_t scale) { return scale >> 4; }

// The weight as a real number (exact in double).
double WeightValue(const PackedMatrix& matrix, int64_t row, int64_t col);

}  // namespace burin
