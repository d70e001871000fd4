// The other end of a pass, as engine_bench.cc: collect with bias, residual and adapter, logits and
// top-k, skipped steps.
#include "engine_bench.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "numeric/adapter.h"
#include "numeric/block_float.h"
#include "numeric/vector_ops.h"
#include "timing/units.h"

namespace burin::hw {
namespace {

// E comes from the activations before; so a quantize step sets it.
std::vector<Step> SetCommon(Engine& e, int common) {
  // A single value 64 * 2^k has length 7 + k: exponent k - 16.
  return e.Load(0, {int32_t{64} << (common + 16)}) +
         std::vector<Step>{{.op = kQuantize, .source = 0, .values = 1}};
}

TEST(EngineTest, CollectWithBiasResidualAndTopK) {
  Engine e;
  for (uint64_t seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE(seed);
    const int n = 1 + static_cast<int>(Philox(seed, 3, 3)[0] % 300), words = CeilDiv(n, kLanes);
    const int common = static_cast<int>(seed % 8) - 12,
              exponent = static_cast<int>(Philox(seed, 3, 4)[0] % 50) - 25;
    e.tree = static_cast<int>(seed % 4);
    e.raw = Random(seed, n);
    e.raw_block_words = 1 + static_cast<int>(seed % 5);
    const std::vector<int32_t> bias = Random(seed + 77, words * kLanes),
                               residual = Random(seed + 99, n);
    e.constants.clear();
    for (int w = 0; w < words; ++w)
      e.constants.emplace_back(bias.begin() + w * kLanes, bias.begin() + (w + 1) * kLanes);
    std::vector<int32_t> fixed(static_cast<size_t>(n));
    MatrixToFixed(e.raw, common + exponent, 0, fixed);
    const Step collect{.op = kCollect,
                       .target = 100,
                       .values = n,
                       .exponent = exponent,
                       .block_words = e.raw_block_words};
    const auto reset = SetCommon(e, common);
    e.Run(reset + std::vector{collect});
    ASSERT_EQ(e.Vector(100, n), fixed);
    EXPECT_EQ(e.step_cycles.back(),
              units::kIssue + units::CollectCycles(n, 1 << e.tree, kLanes, 0));
    Step with_bias = collect;
    with_bias.bias = 1;
    e.Run({with_bias});
    for (size_t i = 0; i < fixed.size(); ++i)
      ASSERT_EQ(e.memory[100 * kLanes + i], SaturatingAdd(fixed[i], bias[i]));
    Step add = collect;
    add.op = kCollectAdd;
    e.Run(e.Load(100, residual) + std::vector{add});
    std::vector<int32_t> sum = residual;
    AddToResidual(e.raw, common + exponent, 0, sum);
    ASSERT_EQ(e.Vector(100, n), sum);
    Step logits = collect;
    logits.op = kCollectLogits;
    e.Run({logits});
    EXPECT_EQ(e.step_cycles.back(),
              units::kIssue + units::CollectLogitsCycles(n, 1 << e.tree, kHeadLanes, 0));
    std::vector<int> ids(static_cast<size_t>(n));
    for (int i = 0; i < n; ++i) ids[static_cast<size_t>(i)] = i;
    std::stable_sort(ids.begin(), ids.end(), [&](int a, int b) {
      return fixed[static_cast<size_t>(a)] > fixed[static_cast<size_t>(b)];
    });
    for (int k = 0; k < kTopK; ++k) {
      ASSERT_EQ(Lane(e.top().top_ids, k), k < n ? ids[static_cast<size_t>(k)] : -1);
      if (k < n)
        ASSERT_EQ(Lane(e.top().top_logits, k),
                  fixed[static_cast<size_t>(ids[static_cast<size_t>(k)])]);
    }
  }
}

TEST(EngineTest, PassTakesItsRowsAndTheTailAndSkippedStepsTwo) {
  Engine e;
  Step pass{.op = kPass, .select = 3, .values = 96};
  Step skipped = pass, head = pass;
  skipped.only_with_adapter = 1;
  head.only_sampling = 1;
  e.Run({pass, skipped, head}, 0, 0, false, false);
  EXPECT_EQ(e.passes, 1);
  EXPECT_EQ(e.step_cycles,
            (std::vector<int64_t>{units::kIssue + units::PassCycles(96, kPassTail - 4, 0),
                                  units::kIssue, units::kIssue}));
  e.Run({pass, skipped, head}, 0, 0, true, true);
  EXPECT_EQ(e.passes, 4);
}

// ---- adapters

struct OwnedAdapter {
  std::vector<int8_t> a, b, beta;
  AdapterMatrix matrix;
};
OwnedAdapter MakeAdapter(int inputs, int outputs, int rank, uint64_t seed) {
  OwnedAdapter o;
  const auto byte = [&](uint64_t stream, size_t i) {
    return static_cast<int8_t>(static_cast<int>(Philox(seed, stream, i)[0] % 255) - 127);
  };
  o.a.resize(static_cast<size_t>(inputs * rank));
  o.b.resize(static_cast<size_t>(outputs * rank));
  o.beta.resize(static_cast<size_t>(outputs));
  for (size_t i = 0; i < o.a.size(); ++i) o.a[i] = seed % 5 == 4 ? int8_t{127} : byte(1, i);
  for (size_t i = 0; i < o.b.size(); ++i) o.b[i] = seed % 5 == 4 ? int8_t{-127} : byte(2, i);
  for (size_t i = 0; i < o.beta.size(); ++i) o.beta[i] = static_cast<int8_t>(byte(3, i) / 8 - 18);
  o.matrix = {
      .inputs = inputs, .outputs = outputs, .rank = rank, .a = o.a, .b = o.b, .exponents = o.beta};
  return o;
}

// docs/formats/adapter.md: words of A, then of B; returns the first word behind them.
int LoadAdapter(Engine& e, int entry, const AdapterMatrix& m, int first) {
  const int turns = CeilDiv(static_cast<int>(m.rank), kRanks);
  std::vector<std::vector<int8_t>> words;
  const auto matrix_words = [&](int64_t n, std::span<const int8_t> w, int64_t block, int turn) {
    std::vector<int8_t> word(kPositions * kRanks);
    for (int p = 0; p < kPositions; ++p) {
      for (int l = 0; l < kRanks; ++l) {
        const int64_t at = block * kPositions + p, rank = turn * kRanks + l;
        if (at < n && rank < m.rank)
          word[static_cast<size_t>(p * kRanks + l)] = w[static_cast<size_t>(rank * n + at)];
      }
    }
    words.push_back(word);
  };
  for (int64_t block = 0; block * kPositions < m.inputs; ++block) {
    for (int turn = 0; turn < turns; ++turn) matrix_words(m.inputs, m.a, block, turn);
  }
  const auto b_first = first + static_cast<int>(words.size());
  for (int64_t base = 0; base < m.outputs; base += kPositions * kRanks) {
    std::vector<int8_t> word(kPositions * kRanks);
    for (int i = 0; i < kPositions * kRanks && base + i < m.outputs; ++i)
      word[static_cast<size_t>(i)] = m.exponents[static_cast<size_t>(base + i)];
    words.push_back(word);
    for (int64_t at = base; at < std::min<int64_t>(m.outputs, base + kPositions * kRanks);
         at += kPositions) {
      for (int turn = 0; turn < turns; ++turn) matrix_words(m.outputs, m.b, at / kPositions, turn);
    }
  }
  auto& t = e.top();
  for (size_t i = 0; i < words.size(); ++i) {
    t.adapter_write = 1;
    t.adapter_write_address = static_cast<uint32_t>(first) + static_cast<uint32_t>(i);
    for (size_t byte = 0; byte < words[i].size(); ++byte)
      SetBits(t.adapter_write_data, static_cast<int>(8 * byte), 8,
              static_cast<uint8_t>(words[i][byte]));
    e.Cycle();
  }
  t.adapter_write = 0;
  t.adapter_table_write = 1;
  t.adapter_table_address = static_cast<uint16_t>(entry);
  SetBits(t.adapter_table_data, 0, 32, static_cast<uint32_t>(first));
  SetBits(t.adapter_table_data, 32, 32, static_cast<uint32_t>(b_first));
  SetBits(t.adapter_table_data, 64, 16, static_cast<uint64_t>(m.rank));
  SetBits(t.adapter_table_data, 80, 16, static_cast<uint64_t>(turns));
  e.Cycle();
  t.adapter_table_write = 0;
  return first + static_cast<int>(words.size());
}

TEST(EngineTest, AdapterBesideTheCollect) {
  Engine e;
  for (uint64_t seed = 0; seed < 25; ++seed) {
    SCOPED_TRACE(seed);
    const auto random = Philox(seed, 40, 1);
    const int inputs = 1 + static_cast<int>(random[0] % 110), max_rank = kRanks * kTurns;
    const std::vector<int32_t> x = Random(seed, inputs);
    BlockFloatBatch batch;
    batch.Resize(1, inputs, kGroup);
    QuantizeToken(x, 16, batch, 0);
    std::vector<Step> program =
        e.Load(0, x) + std::vector<Step>{{.op = kQuantize, .source = 0, .values = inputs},
                                         {.op = kAdaptDown,
                                          .kind = 2,
                                          .values = inputs,
                                          .adapter_entry = 7,
                                          .only_with_adapter = 1}};
    std::vector<OwnedAdapter> adapters;
    int word = 0, down_cycles = 2 + 1;
    for (int i = 0; i < 3; ++i) {
      const int outputs = 1 + static_cast<int>(random[1] >> (8 * i) & 127);
      const int rank =
          i == 1 && seed % 3 == 0 ? 0 : 1 + static_cast<int>(random[2] >> (8 * i) & 255) % max_rank;
      adapters.push_back(MakeAdapter(inputs, outputs, rank, seed * 3 + static_cast<uint64_t>(i)));
      const int turns = CeilDiv(rank, kRanks);
      down_cycles += rank == 0 ? 2 : 7 + CeilDiv(inputs, kPositions) * turns + 2 * turns;
    }
    for (int i = 0; i < 3; ++i)
      word = LoadAdapter(e, 7 + i, adapters[static_cast<size_t>(i)].matrix, word);
    e.raw.assign(1, 0);
    e.Run(program, 0, 0, true);
    EXPECT_EQ(e.step_cycles.back(), down_cycles + 1);
    for (int i = 2; i >= 0; --i) {
      const AdapterMatrix& m = adapters[static_cast<size_t>(i)].matrix;
      const auto n = static_cast<int>(m.outputs);
      const bool add = i == 2;
      e.raw = Random(seed + 300, n, 20);
      const std::vector<int32_t> residual = Random(seed + 400, n, 31);
      const int fraction = add ? kResidualFraction : 16;
      std::vector<int32_t> expected = add ? residual : std::vector<int32_t>(static_cast<size_t>(n));
      if (add)
        AddToResidual(e.raw, batch.CommonExponent(0) + 4, fraction, expected);
      else
        MatrixToFixed(e.raw, batch.CommonExponent(0) + 4, fraction, expected);
      AddAdapter(m, batch, 0, fraction, expected);
      e.raw_block_words = 3;
      e.tree = static_cast<int>(seed % 4);
      e.Run(e.Load(100, residual) + std::vector<Step>{{.op = add ? kCollectAdd : kCollect,
                                                       .kind = i,
                                                       .target = 100,
                                                       .values = n,
                                                       .exponent = 4 + fraction,
                                                       .block_words = 3,
                                                       .adapter_entry = 7 + i}},
            0, 0, true);
      ASSERT_EQ(e.Vector(100, n), expected) << "matrix " << i;
      // A matrix without an adapter: the engine looks up its entry first.
      const int64_t alone = units::CollectCycles(n, 1 << e.tree, kLanes, 0);
      const int64_t cycles = m.rank == 0
                                 ? alone + 3
                                 : units::CollectWithAdapterCycles(alone, n, 1 << e.tree, m.rank,
                                                                   kRanks * kPositions, kRanks, 0);
      EXPECT_EQ(e.step_cycles.back(), units::kIssue + cycles);
    }
  }
}

}  // namespace
}  // namespace burin::hw
