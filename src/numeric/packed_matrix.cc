#include "numeric/packed_matrix.h"

#include <algorithm>
#include <cmath>

#include "numeric/fixed.h"

namespace burin {
namespace {

// Reads or writes the 3-bit code k (0..7) of a lane: `lane` points to the byte in the first of
// three 64-byte vectors.
uint32_t Get3(const uint8_t* lane, int64_t k) {
  if (k < 6) return (lane[64 * (k / 2)] >> (4 * (k % 2))) & 7u;
  const int bit = k == 6 ? 3 : 7;
  return ((lane[0] >> bit) & 1u) | ((lane[64] >> bit) & 1u) << 1 | ((lane[128] >> bit) & 1u) << 2;
}

void SetBits(uint8_t& byte, int shift, uint32_t mask, uint32_t value) {
  byte = static_cast<uint8_t>((byte & ~(mask << shift)) | (value & mask) << shift);
}

void Set3(uint8_t* lane, int64_t k, uint32_t code) {
  if (k < 6) {
    SetBits(lane[64 * (k / 2)], static_cast<int>(4 * (k % 2)), 7, code);
    return;
  }
  for (int64_t i = 0; i < 3; ++i) SetBits(lane[64 * i], k == 6 ? 3 : 7, 1, code >> i);
}

struct Place {
  int64_t offset;  // of the lane in the block's first vector
  int64_t quad;    // (row in block) / 4
};

Place PlaceOf(const MatrixShape& shape, int64_t row, int64_t col) {
  const int64_t block = col / kTileColumns * shape.blocks() + row / kBlockRows;
  return {block * shape.BlockBytes() + col % kTileColumns * 4 + row % 4, row % kBlockRows / 4};
}

}  // namespace

int MatrixShape::DropBits() const {
  return std::max(0, CeilLog2(static_cast<uint64_t>(groups())) - kHeadroomGroupsLog2);
}

uint32_t GetCode(const PackedMatrix& matrix, int64_t row, int64_t col) {
  const Place place = PlaceOf(matrix.shape, row, col);
  const uint8_t* lane = matrix.codes.data() + place.offset;
  switch (matrix.shape.bits) {
    case 4:
      return (lane[64 * (place.quad / 2)] >> (4 * (place.quad % 2))) & 15u;
    case 6:
      return Get3(lane, place.quad) << 3 | Get3(lane + 192, place.quad);
    default:
      return Get3(lane, place.quad);
  }
}

void SetCode(const MatrixShape& shape, std::span<uint8_t> codes, int64_t row, int64_t col,
             uint32_t code) {
  const Place place = PlaceOf(shape, row, col);
  uint8_t* lane = codes.data() + place.offset;
  switch (shape.bits) {
    case 4:
      SetBits(lane[64 * (place.quad / 2)], static_cast<int>(4 * (place.quad % 2)), 15, code);
      break;
    case 6:
      Set3(lane, place.quad, code >> 3);
      Set3(lane + 192, place.quad, code & 7);
      break;
    default:
      Set3(lane, place.quad, code);
  }
}

int Level(const PackedMatrix& matrix, uint32_t code) {
  if (matrix.shape.bits == 6) return 8 * matrix.codebook[code >> 3] + matrix.codebook[code & 7];
  return matrix.codebook[code];
}

double WeightValue(const PackedMatrix& matrix, int64_t row, int64_t col) {
  const uint8_t scale =
      matrix.scales[static_cast<size_t>(ScaleIndex(matrix.shape, row / matrix.shape.group, col))];
  return std::ldexp(Level(matrix, GetCode(matrix, row, col)) * ScaleMantissa(scale),
                    ScaleShift(scale) - kMaxScaleShift + matrix.exponent);
}

}  // namespace burin
