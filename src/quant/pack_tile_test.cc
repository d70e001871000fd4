#include "quant/pack_tile.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/philox.h"

namespace burin {
namespace {

TEST(PackTile, EqualsSetCodeForEveryWidthAndPadding) {
  for (const int bits : {3, 4, 6}) {
    for (const int64_t group : {32, 64, 128}) {
      for (const int64_t rows : {1, 31, 32, 77, 128, 200}) {
        for (const int64_t cols : {1, 7, 16}) {
          const MatrixShape shape{rows, cols, bits, group};
          std::vector<uint8_t> codes(static_cast<size_t>(rows * 16));
          for (size_t i = 0; i < codes.size(); ++i) {
            codes[i] = static_cast<uint8_t>(Philox(1, 2, i)[0] & ((1u << bits) - 1));
          }
          // Stale bytes must not survive.
          std::vector<uint8_t> packed(shape.CodeBytes(), 0xFF), expected(shape.CodeBytes(), 0);
          PackTile(shape, codes, cols, packed);
          for (int64_t row = 0; row < rows; ++row) {
            for (int64_t col = 0; col < cols; ++col) {
              SetCode(shape, expected, row, col, codes[static_cast<size_t>(row * 16 + col)]);
            }
          }
          ASSERT_EQ(packed, expected) << bits << " " << group << " " << rows << " " << cols;
        }
      }
    }
  }
}

TEST(PackTile, PutsEachCodeWhereTheFormatSays) {
  // One block of 3-bit codes; column 2 has the codes 1, 2, 3, ... 7, 0, 1, ... over its rows.
  const MatrixShape shape{32, 16, 3, 32};
  std::vector<uint8_t> codes(32 * 16, 0), packed(192);
  for (size_t row = 0; row < 32; ++row) codes[row * 16 + 2] = static_cast<uint8_t>((row + 1) % 8);
  PackTile(shape, codes, 16, packed);
  // Lane 2 * 4 + 1 holds rows 1, 5, 9, ... 29: codes 2, 6, 2, 6, 2, 6, 2, 6.
  // Vector 0: codes 0 and 1 of them, bit 0 of codes 6 (2) and 7 (6); vector 1: bit 1; vector 2:
  // bit 2.
  EXPECT_EQ(packed[9], 2 | 6 << 4);
  EXPECT_EQ(packed[64 + 9], (2 | 6 << 4) | 1 << 3 | 1 << 7);
  EXPECT_EQ(packed[128 + 9], (2 | 6 << 4) | 1 << 7);
}

}  // namespace
}  // namespace burin
