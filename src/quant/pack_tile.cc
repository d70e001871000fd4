#include "quant/pack_tile.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace burin {
namespace {

constexpr size_t kLanes = 64;
constexpr size_t kQuads = 8;  // of four rows, in a block

// Eight 3-bit codes a lane into three bytes a lane; `shift` selects the bits of the code.
void PackThree(const uint8_t* lanes, int shift, uint8_t* out) {
  for (size_t vector = 0; vector < 3; ++vector) {
    const uint8_t* even = lanes + 2 * vector * kLanes;
    const uint8_t *six = lanes + 6 * kLanes, *seven = lanes + 7 * kLanes;
    const int bit = shift + static_cast<int>(vector);
    for (size_t lane = 0; lane < kLanes; ++lane) {
      const unsigned low = (even[lane] >> shift) & 7u, high = (even[lane + kLanes] >> shift) & 7u;
      const unsigned spread = ((six[lane] >> bit) & 1u) << 3 | ((seven[lane] >> bit) & 1u) << 7;
      out[vector * kLanes + lane] = static_cast<uint8_t>(low | high << 4 | spread);
    }
  }
}

void PackFour(const uint8_t* lanes, uint8_t* out) {
  for (size_t vector = 0; vector < 4; ++vector) {
    const uint8_t* even = lanes + 2 * vector * kLanes;
    for (size_t lane = 0; lane < kLanes; ++lane) {
      out[vector * kLanes + lane] = static_cast<uint8_t>(even[lane] | even[lane + kLanes] << 4);
    }
  }
}

void PackBlock(int bits, const uint8_t* lanes, uint8_t* out) {
  if (bits == 4) return PackFour(lanes, out);
  if (bits == 3) return PackThree(lanes, 0, out);
  PackThree(lanes, 3, out);
  PackThree(lanes, 0, out + 3 * kLanes);
}

}  // namespace

void PackLanes(const MatrixShape& shape, std::span<const uint8_t> lanes,
               std::span<uint8_t> packed) {
  const auto blocks = static_cast<size_t>(shape.blocks());
  const auto block_bytes = static_cast<size_t>(shape.BlockBytes());
  BURIN_CHECK(lanes.size() >= blocks * kQuads * kLanes && packed.size() == blocks * block_bytes);
  for (size_t block = 0; block < blocks; ++block) {
    PackBlock(shape.bits, lanes.data() + block * kQuads * kLanes,
              packed.data() + block * block_bytes);
  }
}

void PackTile(const MatrixShape& shape, std::span<const uint8_t> codes, int64_t columns,
              std::span<uint8_t> packed) {
  BURIN_CHECK(static_cast<int64_t>(codes.size()) >= shape.rows * kTileColumns);
  BURIN_CHECK(static_cast<int64_t>(packed.size()) == shape.TileBytes());
  for (int64_t block = 0; block < shape.blocks(); ++block) {
    std::array<uint8_t, kQuads * kLanes> lanes{};
    const int64_t first = block * kBlockRows;
    const int64_t rows = std::min(kBlockRows, shape.rows - first);
    for (int64_t row = 0; row < rows; ++row) {
      const uint8_t* source = codes.data() + (first + row) * kTileColumns;
      uint8_t* lane = lanes.data() + row / 4 * static_cast<int64_t>(kLanes) + row % 4;
      for (int64_t col = 0; col < columns; ++col) lane[4 * col] = source[col];
    }
    PackBlock(shape.bits, lanes.data(), packed.data() + block * shape.BlockBytes());
  }
}

}  // namespace burin
