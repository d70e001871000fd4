// Each operation of the contract against hand-computed cases and its formula in double.
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "base/philox.h"
#include "base/sha256.h"
#include "numeric/attention.h"
#include "numeric/block_float.h"
#include "numeric/fixed.h"
#include "numeric/tables.h"
#include "numeric/vector_ops.h"

namespace burin {
namespace {

using testing::Each;
using testing::ElementsAre;

constexpr int32_t kMin = std::numeric_limits<int32_t>::min();
constexpr int32_t kMax = std::numeric_limits<int32_t>::max();

// Values of all sizes: a random number shifted right by a random amount.
std::vector<int32_t> RandomValues(uint64_t seed, size_t count, int max_shift = 31) {
  std::vector<int32_t> values;
  for (size_t i = 0; i < count; ++i) {
    const auto words = Philox(seed, 0, i);
    values.push_back(static_cast<int32_t>(words[0]) >>
                     (words[1] % static_cast<uint32_t>(max_shift + 1)));
  }
  return values;
}

// ---- 1: integers -------------------------------------------------------------------------------

TEST(FixedTest, RoundShiftRoundsHalfUp) {
  EXPECT_EQ(RoundShift(5, 0), 5);
  EXPECT_EQ(RoundShift(1, 1), 1);    // 0.5
  EXPECT_EQ(RoundShift(-1, 1), 0);   // -0.5
  EXPECT_EQ(RoundShift(-3, 1), -1);  // -1.5
  EXPECT_EQ(RoundShift(-5, 2), -1);  // -1.25
  EXPECT_EQ(RoundShift(-6, 2), -1);  // -1.5
  EXPECT_EQ(RoundShift(-7, 2), -2);  // -1.75
  EXPECT_EQ(RoundShift(int64_t{1} << 62, 62), 1);
  EXPECT_EQ(RoundShift(-(int64_t{1} << 62), 62), -1);
  EXPECT_EQ(RoundShift(int64_t{1} << 61, 62), 1);
  EXPECT_EQ(RoundShift(-(int64_t{1} << 61), 62), 0);
  EXPECT_EQ(RoundShift(-(int64_t{1} << 62), 63), 0);
  EXPECT_EQ(RoundShift(123, 1000), 0);
}

TEST(FixedTest, LengthsAndMagnitudes) {
  EXPECT_THAT((std::vector<int>{BitLength(0), BitLength(1), BitLength(2), BitLength(255),
                                BitLength(~uint64_t{0})}),
              ElementsAre(0, 1, 2, 8, 64));
  EXPECT_THAT((std::vector<int>{CeilLog2(1), CeilLog2(2), CeilLog2(3), CeilLog2(64), CeilLog2(65)}),
              ElementsAre(0, 1, 2, 6, 7));
  EXPECT_EQ(Magnitude(-7), 7u);
  EXPECT_EQ(Magnitude(std::numeric_limits<int64_t>::min()), uint64_t{1} << 63);
}

TEST(FixedTest, ScaleToInt32Saturates) {
  EXPECT_EQ(ScaleToInt32(3, 4), 48);
  EXPECT_EQ(ScaleToInt32(-3, -1), -1);
  EXPECT_EQ(ScaleToInt32(-1, 31), kMin);
  EXPECT_EQ(ScaleToInt32(1, 31), kMax);
  EXPECT_EQ(ScaleToInt32(1, 30), 1 << 30);
  EXPECT_EQ(ScaleToInt32(-3, 31), kMin);
  EXPECT_EQ(ScaleToInt32(0, 1000), 0);
  EXPECT_EQ(ScaleToInt32(1, 1000), kMax);
  EXPECT_EQ(ScaleToInt32(-(int64_t{1} << 62), 5), kMin);
  EXPECT_EQ(ScaleToInt32(int64_t{1} << 62, -31), kMax);
  EXPECT_EQ(ScaleToInt32(int64_t{1} << 62, -1000), 0);
  EXPECT_EQ(SaturatingAdd(kMax, 1), kMax);
  EXPECT_EQ(SaturatingAdd(kMin, -1), kMin);
  EXPECT_EQ(SaturatingAdd(kMin, kMax), -1);
}

// ---- 2: block floating point -------------------------------------------------------------------

TEST(BlockFloatTest, HandCases) {
  int8_t m[4];
  const auto quantize = [&](std::vector<int32_t> v, int fraction) {
    const int exponent = QuantizeBlock(std::span<const int32_t>(v), fraction, m);
    return std::vector<int>{exponent, m[0], m[1], m[2], m[3]};
  };
  EXPECT_THAT(quantize({0, 0, 0, 0}, 16), ElementsAre(kZeroBlockExponent, 0, 0, 0, 0));
  EXPECT_THAT(quantize({127, -127, 1, 0}, 16), ElementsAre(-16, 127, -127, 1, 0));
  // 128 has 8 bits: shift 1. 3 / 2 = 1.5 -> 2, -3 / 2 = -1.5 -> -1.
  EXPECT_THAT(quantize({128, 3, -3, 1}, 16), ElementsAre(-15, 64, 2, -1, 1));
  // 255 / 2 = 127.5 -> 128, saturated; so is -255 / 2 -> -127.
  EXPECT_THAT(quantize({255, -255, 254, 0}, 0), ElementsAre(1, 127, -127, 127, 0));
  // 2^31 has 32 bits: shift 25.
  EXPECT_THAT(quantize({kMin, kMax, 1 << 24, -(1 << 24)}, 20), ElementsAre(5, -64, 64, 1, 0));
}

TEST(BlockFloatTest, WideValues) {
  int8_t m[2];
  const std::vector<int64_t> v = {int64_t{1} << 62, -(int64_t{1} << 61)};
  EXPECT_EQ(QuantizeBlock(std::span<const int64_t>(v), 32, m), 56 - 32);
  EXPECT_EQ(m[0], 64);
  EXPECT_EQ(m[1], -32);
}

TEST(BlockFloatTest, TheErrorIsHalfAUnitUnlessSaturated) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    const std::vector<int32_t> v = RandomValues(seed, 32);
    int8_t m[32];
    const int exponent = QuantizeBlock(std::span<const int32_t>(v), 16, m);
    for (size_t i = 0; i < v.size(); ++i) {
      const double error = std::ldexp(v[i], -16) - std::ldexp(m[i], exponent);
      const double limit = std::abs(m[i]) == 127 ? 1 : 0.5;
      EXPECT_LE(std::abs(error), std::ldexp(limit, exponent));
    }
  }
}

TEST(BlockFloatTest, ATokenIsPaddedWithZerosAndSummed) {
  BlockFloatBatch batch;
  batch.Resize(2, 40, 32);
  std::vector<int32_t> v(40, -3);
  v[33] = 0;
  QuantizeToken(v, 16, batch, 1);
  EXPECT_EQ(batch.groups, 2);
  EXPECT_THAT(std::vector<int>(batch.TokenSums(1), batch.TokenSums(1) + 2),
              ElementsAre(-3 * 32, -3 * 7));
  for (int i = 40; i < 64; ++i) EXPECT_EQ(batch.TokenMantissas(1)[i], 0);
  std::fill(v.begin() + 32, v.end(), 0);
  QuantizeToken(v, 16, batch, 0);
  EXPECT_THAT(std::vector<int>(batch.TokenExponents(0), batch.TokenExponents(0) + 2),
              ElementsAre(-16, kZeroBlockExponent));
  EXPECT_EQ(batch.CommonExponent(0), -16);
}

// ---- 5: tables ---------------------------------------------------------------------------------

void Hash(Sha256& hash, std::span<const int32_t> values) {
  for (const int32_t value : values) {
    std::array<std::byte, 4> bytes;  // little-endian on any machine
    for (size_t i = 0; i < 4; ++i) {
      bytes[i] = static_cast<std::byte>(static_cast<uint32_t>(value) >> (8 * i));
    }
    hash.Update(bytes);
  }
}

TEST(TablesTest, Digest) {
  const Tables& tables = ContractTables();
  Sha256 hash;
  Hash(hash, tables.exp2);
  Hash(hash, tables.sigmoid);
  Hash(hash, tables.rsqrt);
  Hash(hash, tables.reciprocal);
  EXPECT_EQ(ToHex(hash.Finish()),
            "c756b0746fc8b7bc21147107a5543316205f5e0dce4633f73b830bf9195c8987");
  // The rotary table of head_dim 8, theta 10000, 512 positions.
  std::vector<double> frequencies;
  for (int i = 0; i < 4; ++i) frequencies.push_back(std::pow(10000.0, -i / 4.0));
  Sha256 rotary;
  const std::vector<int16_t> values = MakeRotaryTable(frequencies, 512);
  Hash(rotary, std::vector<int32_t>(values.begin(), values.end()));
  EXPECT_EQ(ToHex(rotary.Finish()),
            "a79c6c52e6672721d8face9975c6cfe8ca3816169edb83dea52bc47b16121cb2");
}

TEST(TablesTest, Exp2NegativeIsWithinAUnit) {
  EXPECT_EQ(Exp2Negative(0), 32767);  // 2^15 does not fit 15 bits
  EXPECT_EQ(Exp2Negative(1 << 16), 16384);
  EXPECT_EQ(Exp2Negative(15 << 16), 1);
  EXPECT_EQ(Exp2Negative(16 << 16), 0);
  EXPECT_EQ(Exp2Negative(~0u), 0);
  double worst = 0;
  int32_t before = 32767;
  for (uint32_t x = 0; x < 17u << 16; ++x) {
    const int32_t y = Exp2Negative(x);
    EXPECT_LE(y, before);
    before = y;
    worst = std::max(worst, std::abs(y - 32768 * std::exp2(-static_cast<double>(x) * 0x1p-16)));
  }
  EXPECT_LE(worst, 1.01);
}

TEST(TablesTest, SigmoidIsWithinTwoUnitsAndSymmetric) {
  EXPECT_EQ(Sigmoid(0), 32768);
  EXPECT_EQ(Sigmoid(kMax), 65536);
  EXPECT_EQ(Sigmoid(kMin), 0);
  EXPECT_EQ(Sigmoid(16 << 16), 65536);
  double worst = 0;
  for (int32_t x = 0; x < 17 << 16; x += 7) {
    const int32_t y = Sigmoid(x);
    EXPECT_EQ(Sigmoid(-x), 65536 - y);
    worst = std::max(worst, std::abs(y - 65536 / (1 + std::exp(-x * 0x1p-16))));
  }
  EXPECT_LE(worst, 2);
}

// The largest relative error of f over x of all sizes and over the edges of table cells.
template <typename Function>
double WorstRelativeError(Function f) {
  double worst = 0;
  const auto check = [&](uint64_t x) {
    if (x >= 1) worst = std::max(worst, std::abs(f(x)));
  };
  for (uint64_t x = 1; x < 70000; ++x) check(x);
  for (int shift = 8; shift < 62; ++shift) {
    for (uint64_t cell = 64; cell < 512; ++cell) {
      const uint64_t x = cell << shift >> 8;
      check(x - 1);
      check(x);
      check(x + 1);
    }
  }
  for (uint64_t i = 0; i < 200000; ++i) {
    const auto w = Philox(1, 0, i);
    check((uint64_t{w[0]} << 32 | w[1]) >> (w[2] % 63));
  }
  return worst;
}

TEST(TablesTest, ReciprocalRootIsWithinItsBound) {
  EXPECT_LT(WorstRelativeError([](uint64_t x) {
              const RootResult r = ReciprocalRoot(x);
              EXPECT_GE(r.mantissa, (1 << 23) - 16);
              EXPECT_LE(r.mantissa, 1 << 24);
              return std::ldexp(r.mantissa, r.exponent - 23) * std::sqrt(static_cast<double>(x)) -
                     1;
            }),
            0x1p-15);
}

TEST(TablesTest, ReciprocalIsWithinItsBound) {
  EXPECT_LT(WorstRelativeError([](uint64_t x) {
              const RootResult r = Reciprocal(x);
              EXPECT_GE(r.mantissa, (1 << 23) - 32);
              EXPECT_LE(r.mantissa, 1 << 24);
              return std::ldexp(r.mantissa, r.exponent - 23) * static_cast<double>(x) - 1;
            }),
            0x1p-16);
}

TEST(TablesTest, RotaryAnglesAreTurnsOfTurns) {
  const std::vector<double> frequencies = {1.0, 0.1, 0.01, 0.001};
  const std::vector<int16_t> values = MakeRotaryTable(frequencies, 1000);
  const RotaryTable table = ViewRotaryTable(values, 4, 1000);
  double worst = 0;
  for (int64_t position = 0; position < 1000; ++position) {
    std::vector<int32_t> angles(8);
    RotaryAngles(table, position, angles.data());
    for (size_t i = 0; i < 4; ++i) {
      const double angle = frequencies[i] * static_cast<double>(position);
      worst = std::max(worst, std::abs(angles[2 * i] - 16384 * std::cos(angle)));
      worst = std::max(worst, std::abs(angles[2 * i + 1] - 16384 * std::sin(angle)));
    }
  }
  // Half a unit of each of four table entries times cos or sin, and of the result.
  EXPECT_LE(worst, 0.5 * 2 * std::numbers::sqrt2 + 0.5);
  std::vector<int32_t> origin(8);
  RotaryAngles(table, 0, origin.data());
  EXPECT_THAT(origin, ElementsAre(16384, 0, 16384, 0, 16384, 0, 16384, 0));
}

// ---- 6 to 8: the vector unit -------------------------------------------------------------------

// The largest |out - formula| of RmsNorm, relative to the largest |formula|.
double NormError(const std::vector<int32_t>& v, double epsilon, int fraction) {
  const auto n = static_cast<double>(v.size());
  const RmsNormConstants constants =
      MakeRmsNormConstants(static_cast<int64_t>(v.size()), epsilon, fraction);
  std::vector<int32_t> out(v.size());
  RmsNorm(v, constants, out);
  double squares = 0, worst = 0, largest = 0;
  for (const int32_t x : v) squares += std::pow(std::ldexp(x, -fraction), 2);
  const double factor = 1 / std::sqrt(squares / n + epsilon);
  for (size_t i = 0; i < v.size(); ++i) {
    const double expected = std::ldexp(v[i], kNormFraction - fraction) * factor;
    worst = std::max(worst, std::abs(out[i] - expected));
    largest = std::max(largest, std::abs(expected));
  }
  return largest == 0 ? worst : (worst - 0.5) / largest;
}

TEST(VectorOpsTest, RmsNormFollowsTheFormula) {
  for (const size_t width : {1, 2, 64, 96, 1000, 4096}) {
    for (uint64_t seed = 0; seed < 8; ++seed) {
      EXPECT_LT(NormError(RandomValues(seed, width), 1e-5, 20), 0x1p-13) << width;
      EXPECT_LT(NormError(RandomValues(seed, width, 8), 1e-6, 16), 0x1p-13) << width;
    }
  }
}

TEST(VectorOpsTest, RmsNormOfSmallVectorsIsRuledByEpsilon) {
  for (const int32_t x : {1, 2, 5, 100, 3000, 20000}) {
    std::vector<int32_t> v(64, x);
    v[3] = -x;
    EXPECT_LT(NormError(v, 1e-5, 20), 0x1p-13) << x;
    EXPECT_LT(NormError(v, 1e-5, 16), 0x1p-13) << x;
  }
}

TEST(VectorOpsTest, RmsNormOfExtremes) {
  EXPECT_LT(NormError(std::vector<int32_t>(32768, kMin), 1e-5, 20), 0x1p-13);
  EXPECT_LT(NormError(std::vector<int32_t>(32768, kMax), 1e-5, 20), 0x1p-13);
  std::vector<int32_t> spike(32768, 0);
  spike[5] = kMin;
  EXPECT_LT(NormError(spike, 1e-5, 20), 0x1p-13);
  std::vector<int32_t> out(64, 7);
  RmsNorm(std::vector<int32_t>(64, 0), MakeRmsNormConstants(64, 1e-5, 20), out);
  EXPECT_THAT(out, Each(0));
  RmsNorm(std::vector<int32_t>(64, 0), MakeRmsNormConstants(64, 0, 20), out);
  EXPECT_THAT(out, Each(0));
}

TEST(VectorOpsTest, GainsKeepFourteenBits) {
  const std::vector<float> gains = {1.0F, -0.5F, 0.25F, 1.9F, 0.0F};
  std::vector<int16_t> mantissas(5);
  const int exponent = QuantizeGains(gains, mantissas);
  EXPECT_EQ(exponent, -14);
  EXPECT_THAT(mantissas, ElementsAre(16384, -8192, 4096, 31130, 0));
  std::vector<int32_t> v = {1 << 20, 1 << 20, -(1 << 20), kMax, kMin};
  ApplyGain(v, {mantissas, exponent}, 16);
  EXPECT_THAT(v, ElementsAre(65536, -32768, -16384, testing::Gt(255 << 20 >> 4), 0));
  std::vector<int32_t> extreme = {kMin};
  const std::vector<int16_t> large = {32767};
  ApplyGain(extreme, {large, 0}, 20);
  EXPECT_THAT(extreme, ElementsAre(kMin));
  const std::vector<float> none = {0, 0};
  EXPECT_EQ(QuantizeGains(none, std::span(mantissas).first(2)), 0);
}

TEST(VectorOpsTest, RotationKeepsLengthsAndSaturates) {
  const std::vector<int32_t> quarter = {0, 16384, 11585, 11585};  // 90 and 45 degrees
  std::vector<int32_t> head = {1000, 1000, 500, 0};
  RotateHead(head, quarter.data());
  EXPECT_THAT(head, ElementsAre(-500, 707, 1000, 707));
  std::vector<int32_t> extreme = {kMin, kMin, kMax, kMin};
  RotateHead(extreme, quarter.data());
  EXPECT_THAT(extreme, ElementsAre(-kMax, 0, kMin, kMin));
}

TEST(VectorOpsTest, SwiGluFollowsTheFormulaAndFits) {
  EXPECT_EQ(SwiGlu(0, 12345), 0);
  EXPECT_EQ(SwiGlu(kMin, kMin), 0);                     // silu(-32768) = 0
  EXPECT_EQ(SwiGlu(kMax, kMin), int64_t{kMax} * kMin);  // silu(x) = x
  EXPECT_EQ(SwiGlu(16 << 16, 3), int64_t{16 << 16} * 3);
  for (int32_t gate = -20 << 16; gate < 20 << 16; gate += 1237) {
    const double x = gate * 0x1p-16, silu = x / (1 + std::exp(-x));
    // Two units of the sigmoid times |x|, and half a unit of the rounding.
    EXPECT_NEAR(static_cast<double>(SwiGlu(gate, 1 << 16)) * 0x1p-32, silu,
                (2 * std::abs(x) + 0.5) * 0x1p-16);
  }
}

TEST(VectorOpsTest, OutputsOfAMatrixSaturate) {
  const std::vector<int32_t> raw = {kMin, -3, -2, 0, 2, 3, kMax};
  std::vector<int32_t> out(raw.size());
  MatrixToFixed(raw, -17, 16, out);
  EXPECT_THAT(out, ElementsAre(-(1 << 30), -1, -1, 0, 1, 2, 1 << 30));
  MatrixToFixed(raw, 0, 16, out);
  EXPECT_THAT(out, ElementsAre(kMin, -3 << 16, -2 << 16, 0, 2 << 16, 3 << 16, kMax));
  std::vector<int32_t> residual = {-5, kMin, 10, 0, kMax, kMax, 1};
  AddToResidual(raw, -20, 20, residual);
  EXPECT_THAT(residual, ElementsAre(kMin, kMin, 8, 0, kMax, kMax, kMax));
  MatrixToFixed(raw, -200, 16, out);
  EXPECT_THAT(out, Each(0));
}

// ---- 9: attention ------------------------------------------------------------------------------

TEST(AttentionTest, ScoresAreLimited) {
  EXPECT_EQ(Score(100, -8, -8), 100);
  EXPECT_EQ(Score(3, -9, -8), 2);  // 1.5
  EXPECT_EQ(Score(-3, -9, -8), -1);
  EXPECT_EQ(Score(127 * 127 * 128, 9, 9), 1 << 30);
  EXPECT_EQ(Score(-127 * 127 * 128, 9, 9), -(1 << 30));
  EXPECT_EQ(Score(127 * 127, kZeroBlockExponent, 9), 0);
}

TEST(AttentionTest, SoftmaxOfEqualAndFarScores) {
  std::vector<int32_t> p(3);
  EXPECT_EQ(SoftmaxNumerators(std::vector<int32_t>{7, 7, 7}, p), 3u * 32767);
  EXPECT_EQ(SoftmaxNumerators(std::vector<int32_t>{1 << 30, -(1 << 30), (1 << 30) - (1 << 16)}, p),
            32767u + 16384);
  EXPECT_THAT(p, ElementsAre(32767, 0, 16384));
}

TEST(AttentionTest, ProbabilitiesTakeTheExponentOfTheirValue) {
  EXPECT_EQ(AlignedProbability(32767, -9, -9), 32767);
  EXPECT_EQ(AlignedProbability(3, -9, -10), 2);  // 1.5
  EXPECT_EQ(AlignedProbability(32767, 9, kZeroBlockExponent), 0);
}

TEST(AttentionTest, DivisionIsWithinItsBound) {
  for (const uint64_t total :
       {uint64_t{32767}, uint64_t{40000}, uint64_t{1} << 24, (uint64_t{1} << 35) - 1}) {
    for (const double share : {-127.0, -3.3, -0.01, 0.01, 1.0, 127.0}) {
      const auto sum = static_cast<int64_t>(share * static_cast<double>(total));
      const double expected =
          static_cast<double>(sum) / static_cast<double>(total) * 0x1p16 * 0x1p-10;
      EXPECT_NEAR(DivideByTotal(sum, -10, total), expected, std::abs(expected) * 0x1p-16 + 0.6)
          << total << " " << share;
    }
  }
  EXPECT_EQ(DivideByTotal(int64_t{127} * 32767, 25, 32767), kMax);
  EXPECT_EQ(DivideByTotal(int64_t{-127} * 32767, 25, 32767), kMin);
}

// Softmax attention in double over the same int8 vectors; the largest error of `Attend`.
double AttentionError(uint64_t seed, int64_t positions, int64_t head_dim) {
  const auto byte = [&](uint64_t stream, int64_t i) {
    return static_cast<int8_t>(Philox(seed, stream, static_cast<uint64_t>(i))[0] % 255 - 127);
  };
  std::vector<int8_t> q, k, v, ke, ve;
  for (int64_t i = 0; i < head_dim; ++i) q.push_back(byte(1, i));
  for (int64_t i = 0; i < positions * head_dim; ++i) {
    k.push_back(byte(2, i));
    v.push_back(byte(3, i));
  }
  for (int64_t j = 0; j < positions; ++j) {
    ke.push_back(static_cast<int8_t>(-7 + byte(4, j) / 64));
    ve.push_back(static_cast<int8_t>(-7 + byte(5, j) / 32));
  }
  std::vector<int32_t> scratch(static_cast<size_t>(2 * positions));
  std::vector<int32_t> out(static_cast<size_t>(head_dim));
  Attend({q.data(), -7}, {k.data(), ke.data()}, {v.data(), ve.data()}, positions, head_dim, scratch,
         out);
  std::vector<double> score;
  for (size_t j = 0; j < static_cast<size_t>(positions); ++j) {
    double dot = 0;
    for (size_t d = 0; d < q.size(); ++d) dot += q[d] * k[j * q.size() + d];
    score.push_back(std::ldexp(dot, ke[j] - 7));
  }
  const double largest = *std::max_element(score.begin(), score.end());
  double worst = 0;
  for (size_t d = 0; d < q.size(); ++d) {
    double sum = 0, total = 0;
    for (size_t j = 0; j < score.size(); ++j) {
      const double p = std::exp2(score[j] - largest);
      sum += p * std::ldexp(v[j * q.size() + d], ve[j]);
      total += p;
    }
    worst = std::max(worst, std::abs(out[d] * 0x1p-16 - sum / total));
  }
  return worst;
}

TEST(AttentionTest, AttendFollowsTheFormula) {
  // Values are at most 127 * 2^-4 = 8; a numerator is off by one unit of 2^-15 at most and an
  // aligned one by one more.
  for (uint64_t seed = 0; seed < 20; ++seed) {
    EXPECT_LT(AttentionError(seed, 1, 16), 0x1p-12) << seed;
    EXPECT_LT(AttentionError(seed, 50, 64), 0x1p-8) << seed;
  }
  EXPECT_LT(AttentionError(1, 3000, 8), 0x1p-8);
}

TEST(AttentionTest, AZeroQueryAveragesAllValues) {
  const std::vector<int8_t> q(2, 0), k = {1, 2, 3, 4, 5, 6, 7, 8}, exponents(4, -4);
  const std::vector<int8_t> v = {16, 0, 32, 0, 48, 0, 64, -16};
  std::vector<int32_t> scratch(8), out(2);
  Attend({q.data(), kZeroBlockExponent}, {k.data(), exponents.data()}, {v.data(), exponents.data()},
         4, 2, scratch, out);
  EXPECT_NEAR(out[0], 2.5 * 65536, 3);
  EXPECT_NEAR(out[1], -0.25 * 65536, 1);
}

}  // namespace
}  // namespace burin
