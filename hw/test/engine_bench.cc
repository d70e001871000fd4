// The units of the layer engine against src/numeric, each through programs that load the vector
// memory and run one kind of step. ROMs, fabric and host are this file. The same tests run with two
// shapes of the engine (ENGINE_SHAPE).
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "Vengine_bench.h"
#include "bench.h"
#include "numeric/adapter.h"
#include "numeric/attention.h"
#include "numeric/block_float.h"
#include "numeric/vector_ops.h"
#include "timing/units.h"

namespace burin::hw {
namespace {

#if ENGINE_SHAPE != 2  // two heads in a word
constexpr int kLanes = 16, kGroup = 32, kHidden = 112, kHeads = 6, kKvHeads = 2, kHeadDim = 8,
              kContext = 80;
constexpr int kRanks = 16, kPositions = 1, kTurns = 1;
#if ENGINE_SHAPE == 1
constexpr int kHeadLanes = 1, kHeadsAtOnce = 1, kPositionsAtOnce = 1;
#else
constexpr int kHeadLanes = 4, kHeadsAtOnce = 6, kPositionsAtOnce = 3;
#endif
#else  // two words in a head
constexpr int kLanes = 8, kGroup = 64, kHidden = 120, kHeads = 4, kKvHeads = 4, kHeadDim = 16,
              kContext = 80;
constexpr int kHeadLanes = 2, kHeadsAtOnce = 2, kPositionsAtOnce = 4;
constexpr int kRanks = 4, kPositions = 2, kTurns = 2;
#endif
constexpr int kLayers = 2, kTopK = 8, kResidualFraction = 20, kEmbedColumns = 48, kPassTail = 20;
constexpr int kSegment = std::min(kLanes, kHeadDim), kSegments = kHeadDim / kSegment;
constexpr double kEpsilon = 1e-5;

enum Op {
  kEmbed,
  kNorm,
  kAdaptDown,
  kPass,
  kCollect,
  kCollectAdd,
  kHeadNorm,
  kRotate,
  kQuantizeHeads,
  kAttend,
  kQuantize,
  kSwiGlu,
  kCollectLogits,
  kEnd = 15
};

struct Step {
  int op = kEnd;
  int gain = 0, bias = 0, kind = 0, select = 3;
  int source = 0, source2 = 0, target = 0, values = 0, exponent = 0, drop = 0;
  int block_words = 4, layer = 0, matrix = 9, constant = 0, adapter_entry = 0;
  int only_with_adapter = 0, only_sampling = 0;
  size_t embedding = 0;  // EMBED: what this file answers
};

int CeilDiv(int a, int b) { return (a + b - 1) / b; }
int PaddedWords(int n) { return CeilDiv(n, kGroup) * (kGroup / kLanes); }

struct Activations {
  std::vector<int8_t> mantissas;
  std::vector<int> exponents;
  int common = 0, select = 0, drop = 0;
  bool committed = false;
};

class Engine {
 public:
  Engine() : memory(4096, 0), rotary(MakeRotaryTable(Frequencies(), kContext)) {
    top_->reset = 1;
    for (int i = 0; i < 3; ++i) Cycle();
    top_->reset = 0;
  }

  // Runs a program; step_cycles has what each step took, from its fetch to that of the next.
  void Run(std::vector<Step> program, int64_t token = 0, int64_t position = 0, bool adapter = false,
           bool sampling = true) {
    program.push_back({});
    program_ = std::move(program);
    top_->token = static_cast<uint32_t>(token);
    top_->position = static_cast<uint32_t>(position);
    top_->adapter = adapter;
    top_->sampling = sampling;
    top_->start = 1;
    fetches_.clear();
    Cycle();
    top_->start = 0;
    int limit = 200000;
    while (true) {
      const bool done = top_->done;
      Cycle();
      if (done) break;
      ASSERT_GT(--limit, 0) << "the engine hangs";
    }
    step_cycles.clear();
    for (size_t i = 1; i < fetches_.size(); ++i)
      step_cycles.push_back(fetches_[i] - fetches_[i - 1]);
  }

  // Steps that put a vector of any length at `word`.
  std::vector<Step> Load(int word, std::vector<int32_t> values) {
    std::vector<Step> steps;
    if (embeddings_.size() > 1000) embeddings_.clear();
    values.resize(static_cast<size_t>(CeilDiv(static_cast<int>(values.size()), kLanes) * kLanes));
    const auto hidden_words = static_cast<size_t>(CeilDiv(kHidden, kLanes));
    for (size_t first = 0; first < values.size(); first += hidden_words * kLanes) {
      Step step;
      step.op = kEmbed;
      step.target = word + static_cast<int>(first) / kLanes;
      step.values = kLanes;
      std::vector<int32_t> part(values.begin() + static_cast<long>(first), values.end());
      part.resize(hidden_words * kLanes);
      step.embedding = embeddings_.size();
      embeddings_.push_back(std::move(part));
      steps.push_back(step);
    }
    return steps;
  }

  std::vector<int32_t> Vector(int word, int n) const {
    return {memory.begin() + word * kLanes, memory.begin() + word * kLanes + n};
  }
  static std::vector<double> Frequencies() {
    std::vector<double> f;
    for (int i = 0; i < kHeadDim / 2; ++i) f.push_back(std::pow(10000.0, -2.0 * i / kHeadDim));
    return f;
  }
  Vengine_bench& top() { return *top_; }
  void Cycle();

  std::vector<int32_t> memory;                  // mirror of the vector memory
  std::vector<std::vector<int32_t>> constants;  // words of the constant ROM
  std::vector<int32_t> raw;                     // what the fabric answers to a collect
  int raw_block_words = 4;
  int tree = 2;
  std::vector<int16_t> rotary;
  Activations activations;
  std::vector<int64_t> step_cycles;
  int passes = 0;

 private:
  void Answer();
  std::unique_ptr<Vengine_bench> top_ = std::make_unique<Vengine_bench>();
  std::vector<Step> program_;
  std::vector<std::vector<int32_t>> embeddings_;
  size_t embedding_ = 0, embed_word_ = SIZE_MAX;
  std::vector<int64_t> fetches_;
  int64_t now_ = 0;
  std::map<int64_t, size_t> returns_;  // cycle -> word of `raw`
};

void SetStep(Vengine_bench& top, const Step& s) {
  auto& w = top.program_word;
  const auto put = [&](int first, int width, int64_t value) {
    SetBits(w, first, width, static_cast<uint64_t>(value));
  };
  put(0, 4, s.op);
  put(4, 1, s.only_with_adapter);
  put(5, 1, s.only_sampling);
  put(6, 1, s.gain);
  put(7, 1, s.bias);
  put(8, 2, s.kind);
  put(10, 10, s.select);
  put(20, 16, s.source);
  put(36, 16, s.source2);
  put(52, 16, s.target);
  put(68, 16, s.values);
  put(84, 8, s.exponent);
  put(92, 5, s.drop);
  put(97, 12, s.block_words);
  put(109, 10, s.layer);
  put(119, 12, s.matrix);
  put(131, 16, s.constant);
  put(147, 12, s.adapter_entry);
}

void Engine::Cycle() {
  Vengine_bench& t = *top_;
  // Requests of this cycle, answered in the next one.
  const bool fetch = t.program_enable, constant = t.constant_enable, angle = t.rotary_enable,
             embed = t.embed_start;
  const size_t program_address = t.program_address, constant_address = t.constant_address;
  const size_t coarse = t.rotary_coarse, fine = t.rotary_fine;
  if (t.trace_write) {
    for (int l = 0; l < kLanes; ++l) {
      if (t.trace_mask >> l & 1)
        memory.at(static_cast<size_t>(t.trace_address) * kLanes + static_cast<size_t>(l)) =
            Lane(t.trace_data, l);
    }
  }
  if (t.act_valid) {
    if (t.act_word == 0) activations = {};
    EXPECT_EQ(t.act_word * kLanes, activations.mantissas.size());
    for (int l = 0; l < kLanes; ++l)
      activations.mantissas.push_back(reinterpret_cast<const int8_t*>(&t.act_data)[l]);
    if (t.act_exp_valid) {
      EXPECT_EQ(t.act_group, activations.exponents.size());
      activations.exponents.push_back(static_cast<int8_t>(t.act_exp));
    }
  }
  if (t.act_commit) {
    activations.committed = true;
    activations.common = static_cast<int8_t>(t.act_common);
    activations.select = t.act_select;
    activations.drop = t.act_drop;
  }
  if (t.pass_start) ++passes;
  if (t.collect) {
    returns_[now_ + 1 + tree] =
        static_cast<size_t>(t.collect_block) * static_cast<size_t>(raw_block_words) +
        t.collect_word;
  }
  if (fetch) fetches_.push_back(now_);
  Tick(t);
  ++now_;
  if (fetch) {
    SetStep(t, program_.at(program_address));
    embedding_ = program_.at(program_address).embedding;
  }
  if (constant) {
    for (int l = 0; l < kLanes; ++l)
      SetBits(t.constant_word, 32 * l, 32,
              static_cast<uint32_t>(constants.at(constant_address).at(static_cast<size_t>(l))));
  }
  if (angle) {
    const auto pair = [&](size_t i) {
      return static_cast<uint32_t>(static_cast<uint16_t>(rotary.at(2 * i))) |
             static_cast<uint32_t>(static_cast<uint16_t>(rotary.at(2 * i + 1))) << 16;
    };
    const size_t coarse_pairs = static_cast<size_t>(CeilDiv(kContext, 64) * kHeadDim / 2);
    t.coarse_word = pair(coarse);
    t.fine_word = pair(coarse_pairs + fine);
  }
  if (embed) embed_word_ = 0;
  t.embed_valid = embed_word_ != SIZE_MAX;
  if (t.embed_valid) {
    t.embed_index = static_cast<uint16_t>(embed_word_);
    for (int l = 0; l < kLanes; ++l)
      SetBits(t.embed_data, 32 * l, 32,
              static_cast<uint32_t>(
                  embeddings_[embedding_].at(embed_word_ * kLanes + static_cast<size_t>(l))));
    if (++embed_word_ * kLanes == embeddings_[embedding_].size()) {
      embed_word_ = SIZE_MAX;
    }
  }
  const auto answer = returns_.find(now_);
  t.raw_valid = answer != returns_.end();
  if (t.raw_valid) {
    for (int l = 0; l < kLanes; ++l) {
      const size_t i = answer->second * kLanes + static_cast<size_t>(l);
      SetBits(t.raw, 32 * l, 32, i < raw.size() ? static_cast<uint32_t>(raw[i]) : 0);
    }
    returns_.erase(answer);
  }
  t.eval();
}

// Values whose size is spread over all shifts; some are extreme.
std::vector<int32_t> Random(uint64_t seed, int n, int max_bits = 32) {
  std::vector<int32_t> v;
  const auto bits = static_cast<int>(Philox(seed, 1, 0)[0] % static_cast<uint32_t>(max_bits)) + 1;
  for (int i = 0; i < n; ++i) {
    const auto r = Philox(seed, 2, static_cast<uint64_t>(i));
    auto x = static_cast<int32_t>(r[0]) >> (32 - bits);
    if (r[1] % 16 == 0) x >>= r[2] % 20;
    v.push_back(x);
  }
  if (seed % 7 == 3) std::fill(v.begin(), v.end(), 0);
  if (seed % 7 == 5) v[seed % v.size()] = std::numeric_limits<int32_t>::min();
  return v;
}

void ExpectActivations(const Activations& a, const BlockFloatBatch& expected) {
  ASSERT_TRUE(a.committed);
  const std::vector<int8_t> mantissas(expected.TokenMantissas(0),
                                      expected.TokenMantissas(0) + expected.groups * kGroup);
  ASSERT_EQ(a.mantissas, mantissas);
  for (int64_t g = 0; g < expected.groups; ++g)
    ASSERT_EQ(a.exponents.at(static_cast<size_t>(g)), expected.TokenExponents(0)[g]);
  ASSERT_EQ(a.common, expected.CommonExponent(0));
}

template <typename T>
std::vector<T> operator+(std::vector<T> a, const std::vector<T>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
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
