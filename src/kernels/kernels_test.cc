// Every kernel set equals the scalar specification: all bit widths, groups, ragged shapes, token
// counts and extreme values.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "base/philox.h"
#include "kernels/kernel_set.h"

namespace burin {
namespace {

// A stream of pseudo-random words for one test.
class Words {
 public:
  explicit Words(uint64_t seed) : seed_(seed) {}
  uint32_t Next() { return Philox(seed_, 0, index_++)[0]; }
  int64_t In(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(Next() % static_cast<uint64_t>(high - low + 1));
  }
  // Spread over all magnitudes, with both extremes now and then.
  int32_t Wide() {
    const uint32_t kind = Next() % 20;
    if (kind == 0) return INT32_MIN;
    if (kind == 1) return INT32_MAX;
    if (kind == 2) return 0;
    return static_cast<int32_t>(Next()) >> (Next() % 32);
  }

 private:
  uint64_t seed_, index_ = 0;
};

// The sets to test: all that run here, or the one that BURIN_KERNELS names.
std::vector<const KernelSet*> SetsUnderTest() {
  const char* wanted = std::getenv("BURIN_KERNELS");
  if (wanted != nullptr) {
    const auto set = FindKernelSet(wanted);
    EXPECT_TRUE(set) << wanted;
    return {*set};
  }
  return {AvailableKernelSets().begin(), AvailableKernelSets().end()};
}

const KernelSet& Spec() { return *AvailableKernelSets().front(); }

struct OwnedMatrix {
  PackedMatrix matrix;
  std::vector<uint8_t> codes, scales;
};

// Random codes and scales; `extreme` takes the largest level and scale everywhere.
OwnedMatrix MakeMatrix(const MatrixShape& shape, Words& words, bool extreme) {
  OwnedMatrix owned;
  owned.matrix.shape = shape;
  owned.matrix.exponent = -20;
  const int limit = shape.bits == 3 ? kMaxLevel3 : shape.bits == 4 ? kMaxLevel4 : 7;
  const size_t levels = shape.bits == 4 ? 16 : 8;
  for (size_t i = 0; i < levels; ++i) {
    owned.matrix.codebook[i] =
        static_cast<int8_t>(extreme ? (i % 2 ? limit : -limit) : words.In(-limit, limit));
  }
  owned.codes.resize(shape.CodeBytes());
  owned.scales.resize(shape.ScaleBytes());
  for (uint8_t& byte : owned.codes) byte = static_cast<uint8_t>(extreme ? 0 : words.Next());
  for (uint8_t& byte : owned.scales) byte = static_cast<uint8_t>(extreme ? 255 : words.Next());
  owned.matrix.codes = owned.codes;
  owned.matrix.scales = owned.scales;
  return owned;
}

BlockFloatBatch MakeBatch(const MatrixShape& shape, int64_t tokens, Words& words, bool extreme) {
  BlockFloatBatch batch;
  batch.Resize(tokens, shape.rows, shape.group);
  std::vector<int32_t> values(static_cast<size_t>(shape.rows));
  for (int64_t t = 0; t < tokens; ++t) {
    for (int32_t& v : values) v = extreme ? -127 : words.Wide();
    QuantizeToken(values, kVectorFraction, batch, t);
  }
  return batch;
}

void ExpectSameProduct(const KernelSet& set, const MatrixShape& shape, int64_t tokens,
                       bool extreme) {
  Words words(static_cast<uint64_t>(shape.rows * 131 + shape.cols * 7 + shape.bits + tokens));
  const OwnedMatrix owned = MakeMatrix(shape, words, extreme);
  const BlockFloatBatch x = MakeBatch(shape, tokens, words, extreme);
  const int64_t stride = shape.cols + 3;
  const auto size = static_cast<size_t>(tokens * stride);
  std::vector<int32_t> expected(size, -77), found(size, -77);
  Spec().multiply_tiles(owned.matrix, x, 0, shape.tiles(), expected.data(), stride);
  const int64_t middle = shape.tiles() / 2;  // in two calls, as two threads would
  set.multiply_tiles(owned.matrix, x, 0, middle, found.data(), stride);
  set.multiply_tiles(owned.matrix, x, middle, shape.tiles(), found.data(), stride);
  ASSERT_EQ(expected, found) << set.name << " rows " << shape.rows << " cols " << shape.cols
                             << " bits " << shape.bits << " group " << shape.group << " tokens "
                             << tokens;
}

TEST(Kernels, MultiplyEqualsTheSpecificationForEveryShape) {
  for (const KernelSet* set : SetsUnderTest()) {
    for (const int bits : {3, 4, 6}) {
      for (const int64_t group : {32, 64, 128}) {
        for (const int64_t rows : {1, 31, 32, 33, 64, 127, 128, 129, 172, 300}) {
          for (const int64_t cols : {1, 15, 16, 17, 40}) {
            for (const int64_t tokens : {1, 2, 5})
              ExpectSameProduct(*set, {rows, cols, bits, group}, tokens, false);
          }
        }
        ExpectSameProduct(*set, {256, 48, bits, group}, 19, false);
        ExpectSameProduct(*set, {128, 20, bits, group}, 150, false);
      }
    }
  }
}

TEST(Kernels, MultiplyDoesNotOverflowAtTheLargestLevelsScalesAndMantissas) {
  for (const KernelSet* set : SetsUnderTest()) {
    for (const int bits : {3, 4, 6}) {
      for (const int64_t rows : {128, 8192, 8320}) {
        ExpectSameProduct(*set, {rows, 16, bits, 128}, 1, true);
        ExpectSameProduct(*set, {rows, 16, bits, 128}, 3, true);
      }
    }
  }
}

TEST(Kernels, QuantizeAndSwiGluEqualTheSpecification) {
  Words words(1);
  for (const KernelSet* set : SetsUnderTest()) {
    for (int round = 0; round < 200; ++round) {
      const int64_t rows = words.In(1, 400), group = int64_t{32} << words.In(0, 2);
      std::vector<int32_t> a(static_cast<size_t>(rows)), b(a.size());
      const int narrow = static_cast<int>(words.In(0, 31));
      for (int32_t& v : a) v = words.Wide() >> narrow;
      for (int32_t& v : b) v = words.Wide();
      BlockFloatBatch expected, found;
      for (BlockFloatBatch* batch : {&expected, &found}) batch->Resize(2, rows, group);
      Spec().quantize_token(a, 20, expected, 0);
      set->quantize_token(a, 20, found, 0);
      Spec().swiglu_groups(a, b, expected, 1, 0, expected.groups);
      set->swiglu_groups(a, b, found, 1, found.groups / 2, found.groups);
      set->swiglu_groups(a, b, found, 1, 0, found.groups / 2);
      ASSERT_EQ(expected.mantissas, found.mantissas) << set->name;
      ASSERT_EQ(expected.exponents, found.exponents) << set->name;
      ASSERT_EQ(expected.sums, found.sums) << set->name;
    }
  }
}

TEST(Kernels, FixedPointStepsEqualTheSpecification) {
  Words words(2);
  for (const KernelSet* set : SetsUnderTest()) {
    for (int exponent = -90; exponent <= 40; ++exponent) {
      std::vector<int32_t> raw(67), r1(67), r2, f1(67), f2(67);
      for (int32_t& v : raw) v = words.Wide();
      for (int32_t& v : r1) v = words.Wide();
      r2 = r1;
      Spec().matrix_to_fixed(raw, exponent, 16, f1);
      set->matrix_to_fixed(raw, exponent, 16, f2);
      ASSERT_EQ(f1, f2) << set->name << " exponent " << exponent;
      Spec().add_to_residual(raw, exponent, 20, r1);
      set->add_to_residual(raw, exponent, 20, r2);
      ASSERT_EQ(r1, r2) << set->name << " exponent " << exponent;
      const RmsNormConstants constants = MakeRmsNormConstants(67, 1e-5, 20);
      Spec().rms_norm(raw, constants, f1);
      set->rms_norm(raw, constants, f2);
      ASSERT_EQ(f1, f2) << set->name;
    }
  }
}

TEST(Kernels, AdaptersEqualTheSpecification) {
  Words words(4);
  for (const KernelSet* set : SetsUnderTest()) {
    for (int round = 0; round < 300; ++round) {
      const bool extreme = round % 10 == 0;
      const int64_t rank = round % 50 == 0 ? kMaxAdapterRank : words.In(1, 20);
      const int64_t inputs = words.In(1, 400), outputs = words.In(1, 200);
      std::vector<int8_t> a(static_cast<size_t>(rank * inputs)),
          b(static_cast<size_t>(outputs * rank)), exponents(static_cast<size_t>(outputs));
      const auto mantissa = [&] {
        return static_cast<int8_t>(extreme ? 127 : words.In(-127, 127));
      };
      for (int8_t& v : a) v = mantissa();
      for (int8_t& v : b) v = mantissa();
      // Mostly shifts to the right; in some rounds all of them, so that left shifts saturate, too.
      const int64_t low = round % 3 == 0 ? -128 : -30, high = round % 3 == 0 ? 127 : -10;
      for (int8_t& e : exponents) e = static_cast<int8_t>(words.In(low, high));
      const AdapterMatrix matrix{inputs, outputs, rank, a, b, exponents};
      const BlockFloatBatch x =
          MakeBatch({inputs, 1, 3, int64_t{32} << words.In(0, 2)}, 2, words, extreme);
      std::vector<int8_t> t1(static_cast<size_t>(rank)), t2(t1);
      const int exponent = Spec().adapter_rank_vector(matrix, x, 1, t1.data());
      ASSERT_EQ(exponent, set->adapter_rank_vector(matrix, x, 1, t2.data())) << set->name;
      ASSERT_EQ(t1, t2) << set->name;
      std::vector<int32_t> y1(static_cast<size_t>(outputs)), y2;
      for (int32_t& v : y1) v = words.Wide();
      y2 = y1;
      const int64_t middle = words.In(0, outputs);
      Spec().add_adapter_outputs(matrix, t1.data(), exponent, 16, 0, outputs, y1);
      set->add_adapter_outputs(matrix, t1.data(), exponent, 16, middle, outputs, y2);
      set->add_adapter_outputs(matrix, t1.data(), exponent, 16, 0, middle, y2);
      ASSERT_EQ(y1, y2) << set->name << " round " << round;
    }
  }
}

TEST(Kernels, AttendEqualsTheSpecificationForEveryLengthAndHeadSize) {
  Words words(3);
  for (const KernelSet* set : SetsUnderTest()) {
    for (const int64_t head_dim : {2, 8, 16, 24, 32, 64, 80, 128, 256}) {
      for (const int64_t positions : {1, 2, 3, 31, 511, 512, 513, 1100}) {
        const bool flat =
            positions > 500 && head_dim == 64;  // equal scores, all values at the limit
        const auto size = static_cast<size_t>(positions * head_dim),
                   n = static_cast<size_t>(positions);
        std::vector<int8_t> q(static_cast<size_t>(head_dim)), k(size), v(size), ke(n), ve(n);
        for (int8_t& x : q) x = static_cast<int8_t>(flat ? 0 : words.In(-127, 127));
        for (int8_t& x : k) x = static_cast<int8_t>(words.In(-127, 127));
        for (int8_t& x : v) x = static_cast<int8_t>(flat ? -127 : words.In(-127, 127));
        // Narrow: scores as in models. Wide: they round to nothing or run into their limit.
        const bool wide = words.In(0, 1) == 1;
        for (int8_t& x : ke) x = static_cast<int8_t>(wide ? words.In(-40, 25) : words.In(-14, -8));
        for (int8_t& x : ve)
          x = static_cast<int8_t>(flat                  ? -10
                                  : words.In(0, 9) == 0 ? kZeroBlockExponent
                                                        : words.In(-14, -8));
        std::vector<int32_t> scratch(2 * n), expected(q.size()), found(q.size());
        const HeadVector query{q.data(), wide ? static_cast<int>(words.In(-16, 9)) : -9};
        const HeadCacheView keys{k.data(), ke.data()}, values{v.data(), ve.data()};
        Spec().attend(query, keys, values, positions, head_dim, scratch, expected);
        set->attend(query, keys, values, positions, head_dim, scratch, found);
        ASSERT_EQ(expected, found)
            << set->name << " head " << head_dim << " positions " << positions;
      }
    }
  }
}

TEST(Kernels, UnknownSetIsRefusedWithTheList) {
  const auto set = FindKernelSet("avx9000");
  ASSERT_FALSE(set);
  EXPECT_THAT(set.error().ToString(), testing::HasSubstr("scalar"));
  EXPECT_EQ((*FindKernelSet("auto"))->name, AvailableKernelSets().back()->name);
}

}  // namespace
}  // namespace burin
