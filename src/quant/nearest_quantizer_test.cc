#include "quant/nearest_quantizer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "quant/codebook_fit.h"
#include "quant/scale_search.h"

namespace burin {
namespace {

float Gaussian(uint64_t stream, uint64_t index) {
  float sum = 0;
  for (const uint32_t bits : Philox(11, stream, index)) {
    sum += static_cast<float>(bits >> 8) * 0x1p-24f - 0.5f;
  }
  return sum * 1.732f;
}

// A matrix of 16 columns as [rows][16].
struct Case {
  MatrixShape shape;
  std::vector<float> weights, importance;

  Case(int64_t rows, int bits, int64_t group, uint64_t seed)
      : shape{rows, 16, bits, group},
        weights(static_cast<size_t>(rows * 16)),
        importance(static_cast<size_t>(rows), 1.0f) {
    for (size_t i = 0; i < weights.size(); ++i) weights[i] = 0.02f * Gaussian(seed, i);
  }
  float Largest() const {
    float largest = 0;
    for (const float w : weights) largest = std::max(largest, std::abs(w));
    return largest;
  }
};

struct Outcome {
  MatrixFit fit;
  std::vector<uint8_t> codes, scales;
  TileError error;
  double Value(const MatrixShape& shape, int64_t row, int64_t col) const {
    const auto at = static_cast<size_t>(row * 16 + col);
    const int code = codes[at];
    const int level =
        shape.bits == 6 ? 2 * code - 63 : int{fit.codebook[static_cast<size_t>(code)]};
    const uint8_t scale = scales[static_cast<size_t>(row / shape.group * 16 + col)];
    return std::ldexp(level * ScaleMantissa(scale),
                      ScaleShift(scale) - kMaxScaleShift + fit.exponent);
  }
};

Outcome Quantized(const Case& c) {
  const NearestQuantizer quantizer;
  Outcome out;
  out.codes.resize(c.weights.size());
  out.scales.resize(static_cast<size_t>(c.shape.groups() * 16));
  out.fit = quantizer.Fit({c.shape, 16, c.weights, c.importance, c.Largest()});
  out.error = quantizer.QuantizeTile({c.shape, 16, c.weights, c.importance}, out.fit,
                                     {out.codes, out.scales});
  return out;
}

double WeightedError(const Case& c, const Outcome& out) {
  double error = 0;
  for (int64_t row = 0; row < c.shape.rows; ++row) {
    for (int64_t col = 0; col < 16; ++col) {
      const auto w = static_cast<double>(c.weights[static_cast<size_t>(row * 16 + col)]);
      error += static_cast<double>(c.importance[static_cast<size_t>(row)]) *
               std::pow(w - out.Value(c.shape, row, col), 2);
    }
  }
  return error;
}

// The least byte that reaches the largest weight of each group, then nearest levels.
double RoundToNearestError(const Case& c, const MatrixFit& fit) {
  const LevelTable table = MakeLevelTable(c.shape.bits, fit.codebook);
  Outcome out{fit, std::vector<uint8_t>(c.weights.size()), {}, {}};
  std::vector<float> scaled(c.weights);
  for (float& w : scaled) w = std::ldexp(w, kMaxScaleShift - fit.exponent);
  for (int64_t row = 0; row < c.shape.rows; row += c.shape.group) {
    const int64_t rows = std::min(c.shape.group, c.shape.rows - row);
    std::array<uint8_t, 16> scale{};
    for (int64_t col = 0; col < 16; ++col) {
      float largest = 0;
      for (int64_t r = row; r < row + rows; ++r) {
        largest = std::max(largest, std::abs(scaled[static_cast<size_t>(r * 16 + col)]));
      }
      scale[static_cast<size_t>(col)] = static_cast<uint8_t>(ScaleAtLeast(largest / table.largest));
    }
    AssignCodes(table, {scaled.data() + row * 16, c.importance.data() + row, rows}, scale,
                out.codes.data() + row * 16);
    out.scales.insert(out.scales.end(), scale.begin(), scale.end());
  }
  return WeightedError(c, out);
}

TEST(Scales, BytesAndUnitsAgree) {
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(ScaleUnit(byte),
              std::ldexp(static_cast<float>(ScaleMantissa(static_cast<uint8_t>(byte))),
                         ScaleShift(static_cast<uint8_t>(byte))));
    EXPECT_EQ(ScaleAtLeast(ScaleUnit(byte)), byte);
    EXPECT_EQ(ScaleNearest(ScaleUnit(byte)), byte);
    if (byte > 0) {
      EXPECT_GT(ScaleUnit(byte), ScaleUnit(byte - 1));
    }
    if (byte < 255) {
      EXPECT_EQ(ScaleAtLeast(ScaleUnit(byte) * 1.0001f), byte + 1);
    }
  }
  EXPECT_EQ(ScaleAtLeast(0), 0);
  EXPECT_EQ(ScaleAtLeast(1e30f), 255);
  EXPECT_EQ(ScaleNearest(16.5f), 0);  // the tie goes down
}

TEST(AssignCodes, NearestLevelTiesToTheLowerCode) {
  const LevelTable three = MakeLevelTable(3, {-31, -19, -11, -4, 4, 11, 19, 31});
  const LevelTable six = MakeLevelTable(6, {});
  std::array<uint8_t, 16> scale;
  scale.fill(3 * 16 + 5);  // 21 * 8 = 168
  std::vector<float> weights(32 * 16);
  const std::vector<float> importance(32, 1.0f);
  // Halves of levels around the tie between -4 and 4 (0), between 4 and 11 (7.5), and far out.
  const std::array<float, 8> levels = {0, 0.001f, 7.5f, 7.6f, -25, -1000, 1000, 25.5f};
  for (size_t i = 0; i < 8; ++i) weights[i] = levels[i] * 168;
  std::vector<uint8_t> codes(weights.size());
  AssignCodes(three, {weights.data(), importance.data(), 1}, scale, codes.data());
  EXPECT_EQ(std::vector<uint8_t>(codes.begin(), codes.begin() + 8),
            (std::vector<uint8_t>{3, 4, 4, 5, 0, 0, 7, 7}));
  // All even levels are ties of 6 bits: level 2i - 62 lies between codes i and i + 1.
  for (size_t i = 0; i < 63; ++i)
    weights[i] = static_cast<float>(2 * static_cast<int>(i) - 62) * 168;
  AssignCodes(six, {weights.data(), importance.data(), 4}, scale, codes.data());
  for (size_t i = 0; i < 63; ++i) EXPECT_EQ(codes[i], i);
}

TEST(FitCodebook, FindsTheLevelsThatAreThere) {
  LevelHistogram histogram;
  for (const float level : {-30.f, -17.f, -8.f, -2.f, 3.f, 9.f, 21.f, 31.f})
    histogram.Add(level, 1);
  const auto codebook = FitCodebook(histogram, 3);
  EXPECT_EQ((std::array<int8_t, 16>{-30, -17, -8, -2, 3, 9, 21, 31}), codebook);
}

TEST(NearestQuantizer, NeverWorseThanRoundToNearestWithTheLargestScale) {
  for (const int bits : {3, 4, 6}) {
    for (const int64_t group : {32, 128}) {
      for (uint64_t seed = 0; seed < 4; ++seed) {
        Case c(300, bits, group, seed);
        if (seed % 2 == 1) c.weights[17] = 3.0f;  // an outlier
        for (size_t i = 0; seed >= 2 && i < c.importance.size(); i += 5) c.importance[i] = 40.0f;
        const Outcome out = Quantized(c);
        const double error = WeightedError(c, out);
        EXPECT_LE(error, RoundToNearestError(c, out.fit) * (1 + 1e-6)) << bits << " " << group;
        EXPECT_NEAR(error, out.error.error, 1e-4 * error);
      }
    }
  }
}

TEST(NearestQuantizer, ErrorOfGaussianWeightsIsNearTheTheory) {
  // Max 1960: 0.03454 at 8 levels and 0.009497 at 16 with one scale for all; a scale a group of 128
  // gains on the largest values.
  for (const auto& [bits, most] : {std::pair{3, 0.032}, {4, 0.0085}, {6, 0.0008}}) {
    const Outcome out = Quantized(Case(2048, bits, 128, 5));
    EXPECT_LT(out.error.error / out.error.energy, most) << bits;
  }
}

TEST(NearestQuantizer, ImportanceMovesTheErrorToRowsThatDoNotMatter) {
  Case c(128, 3, 128, 9);
  for (size_t i = 0; i < 64; ++i) c.importance[i] = 100;
  const Outcome weighted = Quantized(c);
  Case plain = c;
  plain.importance.assign(128, 1.0f);
  EXPECT_LT(WeightedError(c, weighted), WeightedError(c, Quantized(plain)));
}

TEST(NearestQuantizer, OddMatricesStayInRange) {
  for (const int bits : {3, 4, 6}) {
    Case zero(64, bits, 32, 0), constant(64, bits, 32, 0), tiny(64, bits, 32, 0),
        huge(64, bits, 32, 0), mixed(64, bits, 32, 0), silent(64, bits, 32, 0);
    for (size_t i = 0; i < zero.weights.size(); ++i) {
      zero.weights[i] = 0;
      constant.weights[i] = 0.5f;
      tiny.weights[i] = std::numeric_limits<float>::denorm_min() * static_cast<float>(i % 5);
      huge.weights[i] *= 0x1p70f;
      mixed.weights[i] *= i % 16 == 3 ? 0.0f : i % 16 == 4 ? 1e-12f : 1.0f;
    }
    silent.importance.assign(64, 0.0f);
    const Outcome z = Quantized(zero);
    for (int64_t row = 0; row < 64; ++row) EXPECT_LT(std::abs(z.Value(zero.shape, row, 1)), 1e-20);
    const Outcome k = Quantized(constant);
    EXPECT_LT(WeightedError(constant, k) / (0.25 * 1024), 3e-4) << bits;
    const Outcome t = Quantized(tiny);
    EXPECT_LT(std::abs(t.Value(tiny.shape, 5, 5)), 1e-15);
    const Outcome h = Quantized(huge);
    EXPECT_LT(h.error.error / h.error.energy, 0.04);
    const Outcome m = Quantized(mixed);
    EXPECT_LT(m.error.error / m.error.energy, 0.04);
    EXPECT_LT(std::abs(m.Value(mixed.shape, 7, 3)), 1e-4);
    Quantized(silent);
    for (const uint8_t code : m.codes) EXPECT_LT(code, 1 << bits);
  }
}

TEST(MatrixExponent, LargestWeightFitsAtTheLastByte) {
  EXPECT_EQ(MatrixExponentFor(31.0f * 31, 31), 0);
  EXPECT_EQ(MatrixExponentFor(31.0f * 31 + 1, 31), 1);
  EXPECT_EQ(MatrixExponentFor(0, 31), -64);
  EXPECT_EQ(MatrixExponentFor(1e38f, 31), 63);
}

}  // namespace
}  // namespace burin
