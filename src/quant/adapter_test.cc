// Adapters: from floats to integers, and their place in adapter memory (docs/formats/adapter.md).
#include "quant/adapter.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "numeric/fixed.h"
#include "quant/adapter_memory.h"
#include "quant/fold.h"
#include "quant/test_models.h"

namespace burin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

double Uniform(uint64_t seed, uint64_t index) {
  return Philox(seed, 3, index)[0] * 0x1p-31 - 1;  // [-1, 1)
}

// An adapter in memory, and a model that holds what QuantizeAdapter looks at: geometry and gains.
class Fixture {
 public:
  explicit Fixture(ModelConfig config) : config_(std::move(config)) {
    lora_.layers.resize(static_cast<size_t>(config_.layers));
    model_.config = config_;
    for (int64_t l = 0; l < config_.layers; ++l) {
      QuantizedLayer& layer = model_.layers.emplace_back();
      layer.attention_norm = Gains(static_cast<uint64_t>(2 * l));
      layer.ffn_norm = Gains(static_cast<uint64_t>(2 * l + 1));
    }
  }

  void Add(int64_t layer, MatrixKind kind, int64_t rank, double scale) {
    const TensorShape shape = ShapeOf(config_, kind);
    LoraMatrix& matrix = lora_.At(layer, kind);
    matrix.rank = rank;
    matrix.scale = scale;
    matrix.a = Floats("a", rank, shape.cols, 0.3);
    matrix.b = Floats("b", shape.rows, rank, 0.05);
    lora_.rank = std::max(lora_.rank, rank);
  }
  void AddAll(int64_t rank) {
    for (int64_t l = 0; l < config_.layers; ++l) {
      for (size_t k = 0; k < kAdaptedKinds; ++k) {
        Add(l, static_cast<MatrixKind>(k), rank + static_cast<int64_t>(k % 3), 2);
      }
    }
  }
  std::vector<float>& FloatsOf(const TensorView& view) {
    for (auto& values : floats_) {
      if (std::as_bytes(std::span(*values)).data() == view.bytes().data()) return *values;
    }
    ADD_FAILURE();
    return *floats_.front();
  }
  Result<std::shared_ptr<const Adapter>> Quantize(ThreadPool* pool = nullptr) const {
    return QuantizeAdapter(lora_, model_, pool, "x");
  }

  LoraAdapter& lora() { return lora_; }
  QuantizedModel& model() { return model_; }

 private:
  TensorView Floats(const char* name, int64_t rows, int64_t cols, double size) {
    auto values = std::make_unique<std::vector<float>>();
    for (int64_t i = 0; i < rows * cols; ++i) {
      values->push_back(static_cast<float>(size * Uniform(stream_, static_cast<uint64_t>(i))));
    }
    ++stream_;
    floats_.push_back(std::move(values));
    return {name, TensorType::kF32, rows, cols, std::as_bytes(std::span(*floats_.back()))};
  }
  GainView Gains(uint64_t seed) {
    std::vector<float> gains;
    for (int64_t i = 0; i < config_.hidden; ++i) {
      gains.push_back(static_cast<float>(1.1 + Uniform(seed, static_cast<uint64_t>(i))));
    }
    auto mantissas = std::make_unique<std::vector<int16_t>>(gains.size());
    const int exponent = QuantizeGains(gains, *mantissas);
    gains_.push_back(std::move(mantissas));
    return {*gains_.back(), exponent};
  }

  const ModelConfig config_;
  LoraAdapter lora_;
  QuantizedModel model_;
  uint64_t stream_ = 100;
  std::vector<std::unique_ptr<std::vector<float>>> floats_;
  std::vector<std::unique_ptr<std::vector<int16_t>>> gains_;
};

BlockFloatBatch RandomInput(int64_t rows, int64_t group, uint64_t seed) {
  BlockFloatBatch x;
  x.Resize(1, rows, group);
  std::vector<int32_t> values;
  for (int64_t i = 0; i < rows; ++i) {
    values.push_back(static_cast<int32_t>(Uniform(seed, static_cast<uint64_t>(i)) * 3e6));
  }
  QuantizeToken(std::span<const int32_t>(values), kNormFraction, x, 0);
  return x;
}

TEST(AdapterQuantization, ACaseComputedByHand) {
  ModelConfig config = SmallConfig();
  Fixture f(config);
  f.Add(0, MatrixKind::kO, 2, 0.5);
  const LoraMatrix& lora = f.lora().At(0, MatrixKind::kO);
  std::vector<float>&a = f.FloatsOf(lora.a), &b = f.FloatsOf(lora.b);
  std::fill(a.begin(), a.end(), 0.0F);
  std::fill(b.begin(), b.end(), 0.0F);
  a[0] = -0.5F, a[1] = 0.25F, a[2] = 0.001F;  // row 0: a unit is 0.5 / 127
  a[48] = 4;                                  // row 1: 4 / 127
  b[0] = 8, b[1] = -1;                        // output 0: 8 * 0.5 * 0.5 / 127 = 2 / 127, -2 / 127
  b[3] = 127.5F;                              // output 1, rank 1: 255 / 127 = 2.0079
  const auto adapter = f.Quantize();
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  const AdapterMatrix& m = (*adapter)->At(0, MatrixKind::kO);
  EXPECT_EQ(m.rank, 2);
  EXPECT_EQ(m.inputs, 48);
  // 0.25 / 0.5 * 127 = 63.5 -> 64; 0.001 * 254 = 0.254 -> 0.
  EXPECT_THAT(std::vector<int8_t>(m.a.begin(), m.a.begin() + 4), ElementsAre(-127, 64, 0, 0));
  EXPECT_EQ(m.a[48], 127);
  // 2 / 127 = 0.015748 = 64.504 * 2^-12: 65 (and -64.504 -> floor(-64.004) = -65).
  EXPECT_EQ(m.exponents[0], -12);
  EXPECT_EQ(m.b[0], 65);
  EXPECT_EQ(m.b[48], -65);
  // 2.0079 = 64.25 * 2^-5.
  EXPECT_EQ(m.exponents[1], -5);
  EXPECT_EQ(m.b[1], 0);
  EXPECT_EQ(m.b[49], 64);
  EXPECT_EQ(m.exponents[2], 0);
  EXPECT_EQ((*adapter)->DataBytes(), 2u * 48 + 2 * 48 + 48);
  EXPECT_EQ((*adapter)->matrices, 1);
  EXPECT_TRUE((*adapter)->At(1, MatrixKind::kO).empty());
}

// |addition - exact| for the whole way from the file's floats: section 11.4 of docs/numerics.md.
TEST(AdapterQuantization, IsWithinTheDerivedBoundOfTheFloatProduct) {
  for (const bool qk_norm : {false, true}) {
    ModelConfig config = SmallConfig();
    config.qk_norm = qk_norm;
    Fixture f(config);
    f.AddAll(5);
    const auto adapter = f.Quantize();
    ASSERT_TRUE(adapter) << adapter.error().ToString();
    for (size_t k = 0; k < kAdaptedKinds; ++k) {
      const auto kind = static_cast<MatrixKind>(k);
      const LoraMatrix& lora = f.lora().At(1, kind);
      const AdapterMatrix& m = (*adapter)->At(1, kind);
      const BlockFloatBatch x = RandomInput(m.inputs, 32, k);
      const std::vector<float> a = lora.a.ToFloats(), b = lora.b.ToFloats();
      const bool attention = k < 3, ffn = kind == MatrixKind::kGate || kind == MatrixKind::kUp;
      const QuantizedLayer& layer = f.model().layers[1];
      const double factor = kind == MatrixKind::kQ && !qk_norm ? ScoreFactor(config) : 1;
      const auto rank = static_cast<size_t>(m.rank);
      std::vector<double> exact_t(rank), unit(rank), error_t(rank);  // in units of a row's mantissa
      std::vector<int8_t> mantissas(rank);
      const int exponent = AdapterRankVector(m, x, 0, mantissas.data());
      for (size_t r = 0; r < rank; ++r) {
        double largest = 0, sum = 0, inputs = 0;
        for (int64_t i = 0; i < m.inputs; ++i) {
          const GainView gain = attention ? layer.attention_norm : layer.ffn_norm;
          const double g = attention || ffn
                               ? std::ldexp(gain.mantissas[static_cast<size_t>(i)], gain.exponent)
                               : 1;
          const double w = g * static_cast<double>(
                                   a[r * static_cast<size_t>(m.inputs) + static_cast<size_t>(i)]);
          const double v = std::ldexp(x.TokenMantissas(0)[i], x.TokenExponents(0)[i / x.group]);
          largest = std::max(largest, std::abs(w));
          sum += w * v;
          inputs += std::abs(v);
        }
        unit[r] = largest / 127;
        exact_t[r] = sum / unit[r];
        error_t[r] = inputs / 2 +
                     std::ldexp(static_cast<double>(x.groups) / 2, x.CommonExponent(0)) +
                     std::ldexp(1, exponent);
      }
      std::vector<int32_t> y(static_cast<size_t>(m.outputs));
      AddAdapter(m, x, 0, kVectorFraction, y);
      double energy = 0, miss = 0;
      for (size_t n = 0; n < y.size(); ++n) {
        const double unit_b = std::ldexp(1, m.exponents[n]);
        double exact = 0, bound = 0.5 / 65536;
        for (size_t r = 0; r < rank; ++r) {
          exact +=
              static_cast<double>(b[n * rank + r]) * lora.scale * factor * unit[r] * exact_t[r];
          bound += std::abs(m.b[r * y.size() + n] * unit_b) * error_t[r] +
                   std::abs(exact_t[r]) * unit_b / 2;
        }
        const double found = y[n] / 65536.0;
        ASSERT_LE(std::abs(found - exact), bound) << MatrixKindName(kind) << " output " << n;
        energy += exact * exact;
        miss += (found - exact) * (found - exact);
      }
      // The bound is for the worst case; the numbers themselves must be right, too: 2^-5 leaves
      // room for 8-bit roundings of A, B and t (each below 1 %) and for nothing else.
      EXPECT_GT(energy, 0);
      EXPECT_LT(miss, energy * 0x1p-10) << MatrixKindName(kind);
    }
  }
}

TEST(AdapterQuantization, DoesNotDependOnThreads) {
  Fixture f(SmallConfig());
  f.AddAll(4);
  ThreadPool pool(3);
  const auto one = f.Quantize(), three = f.Quantize(&pool);
  ASSERT_TRUE(one && three);
  EXPECT_EQ((*one)->digest, (*three)->digest);
  EXPECT_EQ((*one)->storage, (*three)->storage);
  const float before = f.FloatsOf(f.lora().At(1, MatrixKind::kUp).b)[7];
  f.FloatsOf(f.lora().At(1, MatrixKind::kUp).b)[7] = before + 0.02F;
  EXPECT_NE((*f.Quantize())->digest, (*one)->digest);
}

TEST(AdapterQuantization, RefusesWhatCannotBeHeld) {
  Fixture f(SmallConfig());
  f.Add(1, MatrixKind::kGate, 2, 1);
  f.FloatsOf(f.lora().At(1, MatrixKind::kGate).a)[50] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(f.Quantize().error().ToString(),
              HasSubstr("x: layer 1, gate_proj: tensor 'a', row 1: a weight that is not finite"));
  f.FloatsOf(f.lora().At(1, MatrixKind::kGate).a)[50] = 3e38F;
  f.FloatsOf(f.lora().At(1, MatrixKind::kGate).b)[1] = 3e38F;
  EXPECT_THAT(f.Quantize().error().ToString(), HasSubstr("gate_proj: output 0: weights above"));
  Fixture wide(SmallConfig());
  wide.Add(0, MatrixKind::kDown, 257, 1);
  EXPECT_THAT(wide.Quantize().error().ToString(),
              HasSubstr("layer 0, down_proj: rank 257; expected at most 256"));
}

// An engine that reads the memory word after word, as hardware does.
class Engine {
 public:
  explicit Engine(const AdapterMemory& memory) : memory_(memory) {}

  // u of all ranks of a matrix; x is one group, so that no shift comes between.
  std::vector<int32_t> DownPass(const AdapterTableEntry& entry, const BlockFloatBatch& x) {
    EXPECT_EQ(entry.a_word, next_);
    std::vector<int32_t> u(static_cast<size_t>(entry.turns * memory_.engine.ranks));
    const auto [P, L] = memory_.engine;
    for (int64_t block = 0; block < x.rows; block += P) {
      for (int64_t turn = 0; turn < entry.turns; ++turn) {
        const int8_t* word = NextWord();
        for (int64_t p = 0; p < P; ++p) {
          const int32_t m = block + p < x.rows ? x.TokenMantissas(0)[block + p] : 99;
          for (int64_t l = 0; l < L; ++l)
            u[static_cast<size_t>(turn * L + l)] += word[p * L + l] * m;
        }
      }
    }
    return u;
  }
  void UpPass(const AdapterTableEntry& entry, const std::vector<int8_t>& t, int exponent,
              int fraction, std::vector<int32_t>& y) {
    EXPECT_EQ(entry.b_word, next_);
    const auto [P, L] = memory_.engine;
    const auto outputs = static_cast<int64_t>(y.size());
    const int8_t* exponents = nullptr;
    for (int64_t block = 0; block < outputs; block += P) {
      if (block % (P * L) == 0) exponents = NextWord();
      std::vector<int32_t> z(static_cast<size_t>(P));
      for (int64_t turn = 0; turn < entry.turns; ++turn) {
        const int8_t* word = NextWord();
        for (int64_t p = 0; p < P; ++p) {
          for (int64_t l = 0; l < L; ++l) {
            z[static_cast<size_t>(p)] += word[p * L + l] * t[static_cast<size_t>(turn * L + l)];
          }
        }
      }
      for (int64_t n = block; n < std::min(block + P, outputs); ++n) {
        int32_t& out = y[static_cast<size_t>(n)];
        out = SaturatingAdd(out, ScaleToInt32(z[static_cast<size_t>(n - block)],
                                              exponent + exponents[n % (P * L)] + fraction));
      }
    }
  }
  uint64_t next() const { return next_; }

 private:
  const int8_t* NextWord() {
    const auto word = static_cast<uint64_t>(memory_.engine.WordBytes());
    return memory_.words.data() + word * next_++;
  }

  const AdapterMemory& memory_;
  uint64_t next_ = 0;
};

TEST(AdapterMemory, AnEngineThatReadsWordAfterWordAddsTheSame) {
  Fixture f(SmallConfig());
  f.AddAll(7);
  f.lora().At(0, MatrixKind::kK) = {};
  f.lora().At(1, MatrixKind::kO) = {};
  const auto adapter = f.Quantize();
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  for (const AdapterEngine& engine :
       {AdapterEngine{1, 16}, AdapterEngine{1, 4}, AdapterEngine{4, 8}, AdapterEngine{32, 3},
        AdapterEngine{2, 1}}) {
    const auto memory = PackAdapter(**adapter, engine);
    ASSERT_TRUE(memory);
    Engine hardware(*memory);
    for (int64_t layer = 0; layer < 2; ++layer) {
      // Matrices with the same inputs: all A, then all B.
      for (const std::vector<size_t>& step :
           std::vector<std::vector<size_t>>{{0, 1, 2}, {3}, {4, 5}, {6}}) {
        std::vector<std::vector<int8_t>> t(kAdaptedKinds);
        std::vector<int> exponents(kAdaptedKinds);
        const int64_t inputs = ShapeOf(f.model().config, static_cast<MatrixKind>(step[0])).cols;
        const BlockFloatBatch x = RandomInput(inputs, 128, static_cast<uint64_t>(layer));
        const auto entry = [&](size_t k) {
          return memory->table[static_cast<size_t>(layer) * kAdaptedKinds + k];
        };
        for (const size_t k : step) {
          if (entry(k).rank == 0) continue;
          const std::vector<int32_t> u = hardware.DownPass(entry(k), x);
          t[k].resize(u.size());
          exponents[k] = x.CommonExponent(0) + QuantizeBlock(std::span(u), 0, t[k].data());
        }
        for (const size_t k : step) {
          const AdapterMatrix& m = (*adapter)->At(layer, static_cast<MatrixKind>(k));
          EXPECT_EQ(entry(k).rank, m.rank);
          if (m.empty()) continue;
          std::vector<int32_t> expected(static_cast<size_t>(m.outputs), 5), found = expected;
          AddAdapter(m, x, 0, kVectorFraction, expected);
          hardware.UpPass(entry(k), t[k], exponents[k], kVectorFraction, found);
          EXPECT_EQ(found, expected);
        }
      }
    }
    EXPECT_EQ(hardware.next() * static_cast<uint64_t>(engine.WordBytes()), memory->words.size());
    EXPECT_EQ(memory->words.size(), AdapterMemoryBytes(**adapter, engine));
    const std::vector<std::byte> port = PortBytes(*memory);
    EXPECT_EQ(port.size(), memory->words.size() + 14 * 16);
    EXPECT_EQ(port[8], std::byte{7});  // rank of the first entry
  }
}

TEST(AdapterMemory, EngineOfAChip) {
  const auto engine = [](int64_t lanes, int64_t rank) {
    const AdapterEngine e = EngineOf(lanes, rank);
    return std::pair(e.positions, e.ranks);
  };
  EXPECT_EQ(engine(16, 16), std::pair(int64_t{1}, int64_t{16}));
  EXPECT_EQ(engine(4, 16), std::pair(int64_t{1}, int64_t{4}));
  EXPECT_EQ(engine(1000, 16), std::pair(int64_t{32}, int64_t{16}));
  EXPECT_EQ(engine(100, 16), std::pair(int64_t{4}, int64_t{16}));
  EXPECT_EQ(engine(0, 0), std::pair(int64_t{1}, int64_t{1}));
}

TEST(AdapterName, IsNeverAPath) {
  for (const char* good : {"a", "innkeeper", "my-adapter_2.1", "0"}) {
    EXPECT_TRUE(CheckAdapterName(good)) << good;
  }
  for (const std::string& bad :
       {std::string(), std::string(".."), std::string("a/b"), std::string("-x"), std::string("a b"),
        std::string("a\n"), std::string(65, 'x'), std::string("\xC3\xA9"), std::string(".x")}) {
    EXPECT_FALSE(CheckAdapterName(bad)) << bad;
  }
}

}  // namespace
}  // namespace burin
