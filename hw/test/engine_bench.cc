// The units of the layer engine against src/numeric, each through programs that load the vector
// memory and run one kind of step, with their cycles against timing/units.h: norms, quantizer,
// SwiGLU, rotation, attention.
#include "engine_bench.h"

#include <gtest/gtest.h>

#include <map>
#include <vector>

#include "numeric/attention.h"
#include "numeric/block_float.h"
#include "numeric/vector_ops.h"
#include "timing/units.h"

namespace burin::hw {
namespace {

void ExpectActivations(const Activations& a, const BlockFloatBatch& expected) {
  ASSERT_TRUE(a.committed);
  const std::vector<int8_t> mantissas(expected.TokenMantissas(0),
                                      expected.TokenMantissas(0) + expected.groups * kGroup);
  ASSERT_EQ(a.mantissas, mantissas);
  for (int64_t g = 0; g < expected.groups; ++g)
    ASSERT_EQ(a.exponents.at(static_cast<size_t>(g)), expected.TokenExponents(0)[g]);
  ASSERT_EQ(a.common, expected.CommonExponent(0));
}

TEST(EngineTest, NormWithAndWithoutGain) {
  Engine e;
  const RmsNormConstants constants = MakeRmsNormConstants(kHidden, kEpsilon, kResidualFraction);
  std::vector<int16_t> gains;
  const int words = CeilDiv(kHidden, kLanes);
  for (int i = 0; i < words * kLanes; ++i)
    gains.push_back(i < kHidden ? static_cast<int16_t>(Philox(4, 0, static_cast<uint64_t>(i))[0])
                                : int16_t{0});
  for (int w = 0; w < words; ++w)
    e.constants.emplace_back(gains.begin() + w * kLanes, gains.begin() + (w + 1) * kLanes);
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const std::vector<int32_t> x = Random(seed, kHidden);
    const int exponent = static_cast<int>(seed % 5) - 17;
    for (const bool gain : {false, true}) {
      Step step{.op = kNorm,
                .gain = gain,
                .select = 17,
                .source = 2,
                .values = kHidden,
                .exponent = exponent,
                .drop = 3};
      e.Run(e.Load(2, x) + std::vector{step});
      std::vector<int32_t> normal(x.size());
      RmsNorm(x, constants, normal);
      if (gain) ApplyGain(normal, {std::span(gains).first(kHidden), exponent}, kNormFraction);
      BlockFloatBatch expected;
      expected.Resize(1, kHidden, kGroup);
      QuantizeToken(normal, kNormFraction, expected, 0);
      ExpectActivations(e.activations, expected);
      EXPECT_EQ(e.activations.select, 17);
      EXPECT_EQ(e.activations.drop, 3);
      EXPECT_EQ(e.step_cycles.back(),
                units::kIssue + units::NormCycles(kHidden, kLanes, kGroup, gain));
    }
  }
}

TEST(EngineTest, QuantizeAndSwiGlu) {
  Engine e;
  for (uint64_t seed = 0; seed < 40; ++seed) {
    SCOPED_TRACE(seed);
    const int n = 1 + static_cast<int>(Philox(seed, 9, 9)[0] % 200);
    const std::vector<int32_t> gate = Random(seed, n), up = Random(seed + 1000, n);
    BlockFloatBatch expected;
    expected.Resize(1, n, kGroup);
    e.Run(e.Load(1, gate) + e.Load(40, up) +
          std::vector<Step>{{.op = kQuantize, .source = 1, .values = n}});
    QuantizeToken(gate, 16, expected, 0);
    ExpectActivations(e.activations, expected);
    EXPECT_EQ(e.step_cycles.back(), units::kIssue + units::QuantizeCycles(n, kLanes, kGroup));
    e.Run({{.op = kSwiGlu, .source = 1, .source2 = 40, .values = n}});
    SwiGluGroups(gate, up, expected, 0, 0, expected.groups);
    ExpectActivations(e.activations, expected);
    EXPECT_EQ(e.step_cycles.back(), units::kIssue + units::SwiGluCycles(n, kLanes, kGroup));
  }
}

TEST(EngineTest, HeadNorm) {
  Engine e;
  const RmsNormConstants constants = MakeRmsNormConstants(kHeadDim, kEpsilon, 16);
  for (uint64_t seed = 0; seed < 20; ++seed) {
    SCOPED_TRACE(seed);
    std::vector<int32_t> x;
    for (int h = 0; h < kHeads; ++h)
      x = x + Random(seed * 31 + static_cast<uint64_t>(h), kHeadDim, 28);
    std::vector<int16_t> gains;
    for (int i = 0; i < kHeadDim; ++i)
      gains.push_back(static_cast<int16_t>(Philox(seed, 4, static_cast<uint64_t>(i))[0]));
    e.constants.assign(static_cast<size_t>(kSegments), std::vector<int32_t>(kLanes));
    for (int i = 0; i < kHeadDim; ++i)
      e.constants[static_cast<size_t>(i / kSegment)][static_cast<size_t>(i % kSegment)] =
          gains[static_cast<size_t>(i)];
    const int exponent = -16 - static_cast<int>(seed % 4);
    e.Run(e.Load(5, x) + std::vector<Step>{{.op = kHeadNorm,
                                            .source = 5,
                                            .target = 5,
                                            .values = kHeads,
                                            .exponent = exponent - 4}});
    for (int h = 0; h < kHeads; ++h) {
      const std::span head = std::span(x).subspan(static_cast<size_t>(h * kHeadDim), kHeadDim);
      std::vector<int32_t> normal(kHeadDim);
      RmsNorm(head, constants, normal);
      ApplyGain(normal, {gains, exponent}, 16);
      std::copy(normal.begin(), normal.end(), head.begin());
    }
    ASSERT_EQ(e.Vector(5, kHeads * kHeadDim), x);
    EXPECT_EQ(e.step_cycles.back(),
              units::kIssue + units::HeadNormCycles(kHeads, kHeadDim, kLanes));
  }
}

TEST(EngineTest, RotateEveryPosition) {
  Engine e;
  const RotaryTable table = ViewRotaryTable(e.rotary, kHeadDim / 2, kContext);
  for (int position = 0; position < kContext; ++position) {
    SCOPED_TRACE(position);
    std::vector<int32_t> x = Random(static_cast<uint64_t>(position), kHeads * kHeadDim);
    e.Run(e.Load(3, x) +
              std::vector<Step>{{.op = kRotate, .source = 3, .target = 3, .values = kHeads}},
          0, position);
    std::vector<int32_t> angles(kHeadDim);
    RotaryAngles(table, position, angles.data());
    for (int h = 0; h < kHeads; ++h)
      RotateHead(std::span(x).subspan(static_cast<size_t>(h * kHeadDim), kHeadDim), angles.data());
    ASSERT_EQ(e.Vector(3, kHeads * kHeadDim), x);
    EXPECT_EQ(e.step_cycles.back(), units::kIssue + units::RotateCycles(kHeads, kHeadDim, kLanes));
  }
}

// Positions of a context one after the other, in both layers.
TEST(EngineTest, AttentionOverTheContext) {
  Engine e;
  struct Cache {
    std::vector<int8_t> k, v, ke, ve;
  };
  std::map<int, Cache> caches;  // layer * kKvHeads + head
  for (int position = 0; position < kContext; position += position < 6 ? 1 : 7) {
    for (int past = position == 0  ? 0
                    : position < 7 ? position
                                   : position - 6;
         past <= position; ++past) {
      for (int layer = 0; layer < kLayers; ++layer) {
        SCOPED_TRACE(testing::Message() << "position " << past << ", layer " << layer);
        const auto seed = static_cast<uint64_t>(past * 10 + layer);
        const int bits = past % 3 == 0 ? 17 : past % 3 == 1 ? 20 : 12;
        std::vector<int32_t> q = Random(seed, kHeads * kHeadDim, bits),
                             k = Random(seed + 5000, kKvHeads * kHeadDim, bits),
                             v = Random(seed + 9000, kKvHeads * kHeadDim, past % 2 ? 30 : 18);
        // Loading the query's word of positions runs EMBED, and so the angles.
        e.Run(e.Load(0, q) + e.Load(30, k) + e.Load(60, v) +
                  std::vector<Step>{{.op = kQuantizeHeads,
                                     .kind = 0,
                                     .source = 0,
                                     .values = kHeads,
                                     .layer = layer},
                                    {.op = kQuantizeHeads,
                                     .kind = 1,
                                     .source = 30,
                                     .values = kKvHeads,
                                     .layer = layer},
                                    {.op = kQuantizeHeads,
                                     .kind = 2,
                                     .source = 60,
                                     .values = kKvHeads,
                                     .layer = layer},
                                    {.op = kAttend, .target = 100, .layer = layer}},
              0, past);
        std::vector<int32_t> expected;
        for (int h = 0; h < kKvHeads; ++h) {
          Cache& c = caches[layer * kKvHeads + h];
          c.k.resize(c.k.size() + kHeadDim);
          c.v.resize(c.v.size() + kHeadDim);
          const std::span<const int32_t> ks(k), vs(v);
          const auto first = static_cast<size_t>(h * kHeadDim);
          c.ke.push_back(static_cast<int8_t>(
              QuantizeBlock(ks.subspan(first, kHeadDim), 16, &c.k[c.k.size() - kHeadDim])));
          c.ve.push_back(static_cast<int8_t>(
              QuantizeBlock(vs.subspan(first, kHeadDim), 16, &c.v[c.v.size() - kHeadDim])));
        }
        for (int h = 0; h < kHeads; ++h) {
          const Cache& c = caches[layer * kKvHeads + h / (kHeads / kKvHeads)];
          std::vector<int8_t> mantissas(kHeadDim);
          const int exponent = QuantizeBlock(
              std::span<const int32_t>(q).subspan(static_cast<size_t>(h * kHeadDim), kHeadDim), 16,
              mantissas.data());
          std::vector<int32_t> scratch(static_cast<size_t>(2 * (past + 1))), out(kHeadDim);
          Attend({mantissas.data(), exponent}, {c.k.data(), c.ke.data()}, {c.v.data(), c.ve.data()},
                 past + 1, kHeadDim, scratch, out);
          expected = expected + out;
        }
        ASSERT_EQ(e.Vector(100, kHeads * kHeadDim), expected);
        EXPECT_EQ(e.step_cycles.back(),
                  units::kIssue + units::AttendCycles(past + 1, kHeads, kHeadDim, kHeadsAtOnce,
                                                      kPositionsAtOnce, kLanes));
        EXPECT_EQ(e.step_cycles.end()[-2],
                  units::kIssue + units::QuantizeHeadsCycles(kKvHeads, kHeadDim, kLanes));
      }
    }
  }
}

}  // namespace
}  // namespace burin::hw
