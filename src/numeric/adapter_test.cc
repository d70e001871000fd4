// Adapters: docs/numerics.md, section 11.
#include "numeric/adapter.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/philox.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

using testing::Each;
using testing::ElementsAre;

struct OwnedAdapter {
  OwnedAdapter(int64_t inputs, int64_t outputs, int64_t rank)
      : a(static_cast<size_t>(rank * inputs)),
        b(static_cast<size_t>(rank * outputs)),
        exponents(static_cast<size_t>(outputs)) {
    matrix = {inputs, outputs, rank, a, b, exponents};
  }
  std::vector<int8_t> a, b, exponents;
  AdapterMatrix matrix;
};

class Numbers {
 public:
  explicit Numbers(uint64_t seed) : seed_(seed) {}
  int64_t In(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Philox(seed_, 0, index_++)[0] %
                                      static_cast<uint64_t>(high - low + 1));
  }

 private:
  uint64_t seed_, index_ = 0;
};

OwnedAdapter RandomAdapter(int64_t inputs, int64_t outputs, int64_t rank, Numbers& numbers) {
  OwnedAdapter owned(inputs, outputs, rank);
  for (int8_t& v : owned.a) v = static_cast<int8_t>(numbers.In(-127, 127));
  for (int8_t& v : owned.b) v = static_cast<int8_t>(numbers.In(-127, 127));
  for (int8_t& v : owned.exponents) v = static_cast<int8_t>(numbers.In(-20, -10));
  return owned;
}

BlockFloatBatch RandomBatch(int64_t tokens, int64_t rows, int64_t group, Numbers& numbers) {
  BlockFloatBatch x;
  x.Resize(tokens, rows, group);
  std::vector<int32_t> values(static_cast<size_t>(rows));
  for (int64_t t = 0; t < tokens; ++t) {
    for (int64_t i = 0; i < rows; ++i) {
      // Groups of very different size, some of them zero.
      const int64_t size = (i / group * 7 + t) % 20;
      values[static_cast<size_t>(i)] =
          size == 0 ? 0
                    : static_cast<int32_t>(numbers.In(-(int64_t{1} << size), int64_t{1} << size));
    }
    QuantizeToken(std::span<const int32_t>(values), 16, x, t);
  }
  return x;
}

TEST(AdapterTest, ACaseComputedByHand) {
  // Two groups of 32: mantissas 100 and 3 with exponents 2 and -1.
  BlockFloatBatch x;
  x.Resize(1, 33, 32);
  x.TokenMantissas(0)[0] = 100;
  x.TokenMantissas(0)[32] = 3;
  x.TokenExponents(0)[0] = 2;
  x.TokenExponents(0)[1] = -1;
  OwnedAdapter owned(33, 2, 2);
  owned.a[0] = 5, owned.a[32] = -7;       // row 0: 500 and -21
  owned.a[33] = -127, owned.a[65] = 127;  // row 1: -12700 and 381
  owned.b = {10, 127, -1, 127};
  owned.exponents = {-3, 0};
  // E = 2, the second group is shifted by 3: -21 / 8 -> -3 (-2.625), 381 / 8 -> 48 (47.625).
  EXPECT_EQ(AdapterGroupSum(owned.matrix, x.TokenMantissas(0), 32, 1, 1), 381);
  EXPECT_EQ(AdapterRankSum(owned.matrix, x, 0, 0), 497);
  EXPECT_EQ(AdapterRankSum(owned.matrix, x, 0, 1), -12652);
  // 12652 has 14 bits: shift 7. 497 / 128 = 3.88 -> 4, -12652 / 128 = -98.84 -> -99.
  int8_t t[2];
  EXPECT_EQ(AdapterRankVector(owned.matrix, x, 0, t), 2 + 7);
  EXPECT_THAT(t, ElementsAre(4, -99));
  // Output 0: 40 + 99 = 139 * 2^(9 - 3 - 8) = 34.75 -> 35; output 1: -95 * 127 * 2^(9 - 8) =
  // -24130.
  std::vector<int32_t> y = {1000, std::numeric_limits<int32_t>::min() + 5};
  AddAdapterOutputs(owned.matrix, t, 9, -8, 0, 2, y);
  EXPECT_THAT(y, ElementsAre(1035, std::numeric_limits<int32_t>::min()));
}

// The largest sums, in groups that begin to drop bits: the exact sums in 64 bits must agree.
TEST(AdapterTest, NothingOverflowsAtTheLargestMantissas) {
  for (const int64_t groups : {1, 1024, 1025, 3000}) {
    BlockFloatBatch x;
    x.Resize(1, groups * 128, 128);
    for (int64_t i = 0; i < x.rows; ++i) x.TokenMantissas(0)[i] = i % 2 == 0 ? 127 : -127;
    for (int64_t g = 0; g < groups; ++g) x.TokenExponents(0)[g] = -7;
    OwnedAdapter owned(x.rows, 1, 2);
    for (int64_t i = 0; i < x.rows; ++i) {
      owned.a[static_cast<size_t>(i)] = i % 2 == 0 ? 127 : -127;
      owned.a[static_cast<size_t>(x.rows + i)] = i % 2 == 0 ? -127 : 127;
    }
    const int drop = AdapterDropBits(groups);
    EXPECT_EQ(drop, groups <= 1024 ? 0 : groups == 1025 ? 1 : 2);
    const int64_t exact = groups * RoundShift(int64_t{128} * 127 * 127, drop);
    EXPECT_EQ(AdapterRankSum(owned.matrix, x, 0, 0), exact);
    EXPECT_EQ(AdapterRankSum(owned.matrix, x, 0, 1), groups * RoundShift(-128 * 127 * 127, drop));
  }
  OwnedAdapter widest(1, 1, kMaxAdapterRank);
  for (int8_t& b : widest.b) b = 127;
  const std::vector<int8_t> t(kMaxAdapterRank, 127);
  std::vector<int32_t> y = {0};
  AddAdapterOutputs(widest.matrix, t.data(), 0, 0, 0, 1, y);
  EXPECT_THAT(y, ElementsAre(256 * 127 * 127));
}

TEST(AdapterTest, SaturatesAtBothRails) {
  OwnedAdapter owned(1, 3, 1);
  owned.b = {1, -1, 1};
  owned.exponents = {127, 127, -128};
  const int8_t t[] = {1};
  std::vector<int32_t> y = {5, 5, 5};
  AddAdapterOutputs(owned.matrix, t, 30, 16, 0, 3, y);
  EXPECT_THAT(y, ElementsAre(std::numeric_limits<int32_t>::max(),
                             std::numeric_limits<int32_t>::min() + 5, 5));
}

TEST(AdapterTest, AZeroTokenAndAnEmptyAdapterAddNothing) {
  Numbers numbers(1);
  OwnedAdapter owned = RandomAdapter(70, 9, 5, numbers);
  BlockFloatBatch x;
  x.Resize(1, 70, 64);
  QuantizeToken(std::span<const int32_t>(std::vector<int32_t>(70)), 20, x, 0);
  std::vector<int32_t> y(9, 77);
  AddAdapter(owned.matrix, x, 0, 16, y);
  EXPECT_THAT(y, Each(77));
  AddAdapter(AdapterMatrix{}, x, 0, 16, y);
  EXPECT_THAT(y, Each(77));
}

TEST(AdapterTest, AnOutputDoesNotDependOnTheCut) {
  Numbers numbers(2);
  const OwnedAdapter owned = RandomAdapter(200, 50, 8, numbers);
  const BlockFloatBatch x = RandomBatch(3, 200, 32, numbers);
  for (int64_t t = 0; t < 3; ++t) {
    std::vector<int32_t> whole(50, 3), parts(50, 3);
    AddAdapter(owned.matrix, x, t, 16, whole);
    int8_t mantissas[8];
    const int exponent = AdapterRankVector(owned.matrix, x, t, mantissas);
    AddAdapterOutputs(owned.matrix, mantissas, exponent, 16, 31, 50, parts);
    AddAdapterOutputs(owned.matrix, mantissas, exponent, 16, 0, 31, parts);
    EXPECT_EQ(whole, parts);
  }
}

// The bound of section 11.4 for the arithmetic alone: B and A as stored.
TEST(AdapterTest, IsWithinTheBoundOfTheExactProduct) {
  Numbers numbers(3);
  for (const int64_t rank : {1, 3, 8, 64, 256}) {
    for (const int64_t group : {32, 64, 128}) {
      const int64_t inputs = 300, outputs = 20;
      const OwnedAdapter owned = RandomAdapter(inputs, outputs, rank, numbers);
      const BlockFloatBatch x = RandomBatch(2, inputs, group, numbers);
      for (int64_t t = 0; t < 2; ++t) {
        std::vector<int8_t> mantissas(static_cast<size_t>(rank));
        const int exponent = AdapterRankVector(owned.matrix, x, t, mantissas.data());
        const double unit_u = std::ldexp(1, x.CommonExponent(t)), unit_t = std::ldexp(1, exponent);
        std::vector<double> exact_t(static_cast<size_t>(rank));
        for (int64_t r = 0; r < rank; ++r) {
          for (int64_t i = 0; i < inputs; ++i) {
            exact_t[static_cast<size_t>(r)] +=
                std::ldexp(owned.a[static_cast<size_t>(r * inputs + i)] * x.TokenMantissas(t)[i],
                           x.TokenExponents(t)[i / group]);
          }
        }
        std::vector<int32_t> y(outputs, 0);
        AddAdapter(owned.matrix, x, t, 16, y);
        for (int64_t n = 0; n < outputs; ++n) {
          double exact = 0, columns = 0;
          const double unit_b = std::ldexp(1, owned.exponents[static_cast<size_t>(n)]);
          for (int64_t r = 0; r < rank; ++r) {
            const double b = owned.b[static_cast<size_t>(r * outputs + n)] * unit_b;
            exact += b * exact_t[static_cast<size_t>(r)];
            columns += std::abs(b);
          }
          const double bound =
              columns * (static_cast<double>(x.groups) / 2 * unit_u + unit_t) + 0.5 / 65536;
          EXPECT_LE(std::abs(y[static_cast<size_t>(n)] / 65536.0 - exact), bound);
        }
      }
    }
  }
}

}  // namespace
}  // namespace burin
