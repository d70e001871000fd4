// Stored order and the matrix pass: docs/numerics.md, sections 3 and 4.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/philox.h"
#include "numeric/fixed.h"
#include "numeric/matrix_pass.h"
#include "numeric/packed_matrix.h"

namespace burin {
namespace {

using testing::Each;
using testing::ElementsAre;

// A matrix with its own bytes.
struct OwnedMatrix {
  explicit OwnedMatrix(const MatrixShape& shape)
      : codes(shape.CodeBytes()), scales(shape.ScaleBytes()) {
    matrix.shape = shape;
    matrix.codes = codes;
    matrix.scales = scales;
  }
  void Set(int64_t row, int64_t col, uint32_t code) {
    SetCode(matrix.shape, codes, row, col, code);
  }
  void SetScale(int64_t group, int64_t col, int mantissa, int shift) {
    scales[static_cast<size_t>(ScaleIndex(matrix.shape, group, col))] =
        static_cast<uint8_t>(shift << 4 | (mantissa - 16));
  }
  std::vector<uint8_t> codes, scales;
  PackedMatrix matrix;
};

TEST(PackedMatrixTest, SizesArePaddedToTilesAndGroups) {
  const MatrixShape shape{.rows = 172, .cols = 130, .bits = 3, .group = 128};
  EXPECT_EQ(shape.groups(), 2);
  EXPECT_EQ(shape.tiles(), 9);
  EXPECT_EQ(shape.blocks(), 8);
  EXPECT_EQ(shape.CodeBytes(), 9u * 8 * 192);
  EXPECT_EQ(shape.ScaleBytes(), 9u * 2 * 16);
}

TEST(PackedMatrixTest, EveryCodeHasItsOwnBits) {
  for (const int bits : {3, 4, 6}) {
    OwnedMatrix m({.rows = 64, .cols = 32, .bits = bits, .group = 32});
    const auto code = [&](int64_t r, int64_t c) {
      return Philox(1, static_cast<uint64_t>(r), static_cast<uint64_t>(c))[0] & ((1u << bits) - 1);
    };
    for (int64_t r = 0; r < 64; ++r) {
      for (int64_t c = 0; c < 32; ++c) m.Set(r, c, code(r, c));
    }
    for (int64_t r = 0; r < 64; ++r) {
      for (int64_t c = 0; c < 32; ++c) ASSERT_EQ(GetCode(m.matrix, r, c), code(r, c)) << bits;
    }
    m.Set(37, 21, 0);
    EXPECT_EQ(GetCode(m.matrix, 37, 21), 0u);
    EXPECT_EQ(GetCode(m.matrix, 36, 21), code(36, 21));
    EXPECT_EQ(GetCode(m.matrix, 37, 20), code(37, 20));
  }
}

TEST(PackedMatrixTest, BitsLieWhereTheFormatSays) {
  OwnedMatrix three({.rows = 32, .cols = 16, .bits = 3, .group = 32});
  three.Set(1, 2, 5);   // quad 0: low bits of vector 0, lane 2 * 4 + 1
  three.Set(25, 2, 5);  // quad 6: bit 3 of vectors 0 and 2
  three.Set(29, 2, 2);  // quad 7: bit 7 of vector 1
  EXPECT_EQ(three.codes[9], 0x0d);
  EXPECT_EQ(three.codes[64 + 9], 0x80);
  EXPECT_EQ(three.codes[128 + 9], 0x08);
  OwnedMatrix four({.rows = 32, .cols = 16, .bits = 4, .group = 32});
  four.Set(15, 3, 11);  // row 15 is in rows 12..15: high nibble of vector 1, lane 3 * 4 + 3
  EXPECT_EQ(four.codes[64 + 15], 0xb0);
  OwnedMatrix six({.rows = 32, .cols = 16, .bits = 6, .group = 32});
  six.Set(4, 0, 8 * 6 + 1);  // quad 1: bits 4-6 of vector 0 of each plane
  EXPECT_EQ(six.codes[0], 0x60);
  EXPECT_EQ(six.codes[192], 0x10);
}

TEST(PackedMatrixTest, AWeightIsLevelTimesScale) {
  OwnedMatrix m({.rows = 32, .cols = 16, .bits = 6, .group = 32});
  m.matrix.codebook = {-7, -5, -3, -1, 1, 3, 5, 7};
  m.matrix.exponent = -8;
  m.Set(3, 5, 8 * 7 + 2);  // 8 * 7 - 3 = 53
  m.SetScale(0, 5, 24, 14);
  EXPECT_EQ(Level(m.matrix, 8 * 7 + 2), 53);
  EXPECT_EQ(Level(m.matrix, 63), 63);
  EXPECT_EQ(Level(m.matrix, 0), -63);
  EXPECT_EQ(WeightValue(m.matrix, 3, 5), 53 * 24 * 0x1p-9);
  std::vector<int32_t> column(32);
  ReadColumn(m.matrix, 5, 20, column);
  EXPECT_EQ(column[3], 53 * 24 << 11);
  ReadColumn(m.matrix, 5, 8, column);
  EXPECT_EQ(column[3], 53 * 12);
  ReadColumn(m.matrix, 5, 40, column);
  EXPECT_EQ(column[3], std::numeric_limits<int32_t>::max());
}

TEST(MatrixPassTest, GroupTermsRoundHalfUp) {
  EXPECT_EQ(GroupTerm(1, 0xf0, 0, 0), 16);     // shift 15: no bits dropped
  EXPECT_EQ(GroupTerm(3, 0xf0 | 1, 5, 0), 2);  // 51 / 32 = 1.59
  EXPECT_EQ(GroupTerm(-1, 0xb0, 1, 0), 0);     // -16 / 32 = -0.5
  EXPECT_EQ(GroupTerm(1, 0xb0, 0, 1), 1);      // 16 / 32 = 0.5
  EXPECT_EQ(GroupTerm(1'024'128, 0xff, 0, 0), 1'024'128 * 31);
  EXPECT_EQ(GroupTerm(-1'024'128, 0xff, 0, 0), -1'024'128 * 31);
  EXPECT_EQ(GroupTerm(-1'024'128, 0x0f, 127, 9), 0);
}

// A batch of one token with all mantissas `m` and all exponents 0.
BlockFloatBatch Constant(int64_t rows, int64_t group, int8_t m) {
  BlockFloatBatch x;
  x.Resize(1, rows, group);
  for (int64_t i = 0; i < rows; ++i) x.TokenMantissas(0)[i] = m;
  for (int64_t g = 0; g < x.groups; ++g) x.TokenExponents(0)[g] = 0;
  return x;
}

TEST(MatrixPassTest, TheLargestSumsFit32Bits) {
  // The most groups for each number of dropped bits, the largest levels, scales and mantissas.
  for (const int64_t groups : {1, 63, 64, 65, 128, 129, 300}) {
    OwnedMatrix m({.rows = groups * 128, .cols = 1, .bits = 4, .group = 128});
    m.matrix.codebook[1] = 63;
    for (int64_t r = 0; r < groups * 128; ++r) m.Set(r, 0, 1);
    for (int64_t g = 0; g < groups; ++g) m.SetScale(g, 0, 31, 15);
    const int drop = m.matrix.shape.DropBits();
    EXPECT_EQ(drop, groups <= 64 ? 0 : groups <= 128 ? 1 : groups <= 256 ? 2 : 3);
    for (const int sign : {1, -1}) {
      const BlockFloatBatch x = Constant(groups * 128, 128, static_cast<int8_t>(127 * sign));
      int64_t expected = 0;
      for (int64_t g = 0; g < groups; ++g) {
        expected += GroupTerm(sign * 1'024'128, 0xff, 0, drop);
      }
      EXPECT_LT(std::abs(expected), int64_t{1} << 31);
      EXPECT_EQ(ColumnSum(m.matrix, x, 0, 0), expected);
    }
  }
}

TEST(MatrixPassTest, FollowsTheFormula) {
  for (const int bits : {3, 4, 6}) {
    OwnedMatrix m({.rows = 172, .cols = 20, .bits = bits, .group = 32});
    m.matrix.codebook = bits == 6 ? std::array<int8_t, 16>{-7, -5, -3, -1, 1, 3, 5, 7}
                                  : std::array<int8_t, 16>{-31, -9, -4, -1, 0, 2, 7, 29, 3, 5};
    m.matrix.exponent = -9;
    const auto random = [&](uint64_t stream, int64_t i) {
      return Philox(static_cast<uint64_t>(bits), stream, static_cast<uint64_t>(i))[0];
    };
    for (int64_t r = 0; r < 172; ++r) {
      for (int64_t c = 0; c < 20; ++c) {
        m.Set(r, c, random(1, r * 20 + c) & ((1u << bits) - 1));
      }
    }
    for (size_t i = 0; i < m.scales.size(); ++i) {
      m.scales[i] = static_cast<uint8_t>(random(2, static_cast<int64_t>(i)));
    }
    BlockFloatBatch x;
    x.Resize(1, 172, 32);
    std::vector<int32_t> values;
    for (int64_t r = 0; r < 172; ++r) {
      values.push_back(static_cast<int32_t>(random(3, r)) >> (r / 32));
    }
    QuantizeToken(values, 30, x, 0);
    std::vector<int32_t> y(20, 7);
    MultiplyTiles(m.matrix, x, 0, 2, y.data(), 20);
    for (int64_t c = 0; c < 20; ++c) {
      double expected = 0;
      for (int64_t r = 0; r < 172; ++r) {
        expected += WeightValue(m.matrix, r, c) *
                    std::ldexp(x.TokenMantissas(0)[r], x.TokenExponents(0)[r / 32]);
      }
      // Half a unit a group.
      const double unit = std::ldexp(1, MatrixExponent(m.matrix, x, 0));
      EXPECT_NEAR(y[static_cast<size_t>(c)] * unit, expected, 3 * unit) << bits << " " << c;
    }
  }
}

TEST(MatrixPassTest, AZeroTokenGivesZero) {
  OwnedMatrix m({.rows = 64, .cols = 16, .bits = 3, .group = 32});
  m.matrix.codebook = {31, 31, 31, 31, 31, 31, 31, 31};
  BlockFloatBatch x;
  x.Resize(1, 64, 32);
  QuantizeToken(std::vector<int32_t>(64, 0), 16, x, 0);
  std::vector<int32_t> y(16, 7);
  MultiplyTiles(m.matrix, x, 0, 1, y.data(), 16);
  EXPECT_THAT(y, Each(0));
  EXPECT_EQ(x.CommonExponent(0), kZeroBlockExponent);
}

}  // namespace
}  // namespace burin
