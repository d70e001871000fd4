// Adapters in the emulator: against a forward pass written with numeric alone, against each other
// in one batch, and against the float matrices into which an adapter is merged.
#include "emu/adapter_pass.h"

#include <gmock/gmock.h>

#include <cmath>

#include "base/philox.h"
#include "emu/emulator.h"
#include "emu/float_weights.h"
#include "emu/plain_forward.h"
#include "emu/test_model.h"
#include "model/import.h"
#include "model/test_files.h"

namespace burin {
namespace {

Logits RunLogits(const Emulator& emulator, const Ids& ids, const Adapter* adapter, size_t chunk) {
  KvCache cache = *emulator.NewCache(static_cast<int64_t>(ids.size()));
  const auto vocab = static_cast<size_t>(emulator.model().config.vocab);
  Logits logits(ids.size() * vocab);
  Workspace workspace;
  for (size_t at = 0; at < ids.size(); at += chunk) {
    const size_t count = std::min(chunk, ids.size() - at);
    const Chunk chunks[] = {{&cache, std::span(ids).subspan(at, count), LogitsWanted::kAll,
                             std::span(logits).subspan(at * vocab, count * vocab), adapter}};
    EXPECT_TRUE(emulator.Forward(chunks, workspace));
  }
  return logits;
}

std::vector<TestModelOptions> Variants() {
  return {{.seed = 1, .bits = 3, .group = 32},
          {.seed = 2, .bits = 4, .group = 64, .tied_head = true, .qkv_bias = true},
          {.seed = 3, .bits = 6, .group = 128, .qk_norm = true},
          {.seed = 4, .bits = 3, .group = 64, .heads = 3, .kv_heads = 1, .head_dim = 32}};
}

TEST(AdapterPass, EqualsThePlainForwardForEveryKernelSetThreadCountAndChunk) {
  for (const TestModelOptions& options : Variants()) {
    const TestModel test(options);
    // Rank 50: enough work for the threads to share it.
    const auto adapter = MakeTestAdapter(test.model, options.seed, options.seed == 1 ? 50 : 8);
    const Ids ids = RandomIds(options.seed, 30, options.vocab);
    const Logits expected = PlainLogits(test.model, ids, adapter.get());
    EXPECT_NE(expected, PlainLogits(test.model, ids));
    for (const KernelSet* kernels : AvailableKernelSets()) {
      for (int threads = 1; threads <= 3; ++threads) {
        ThreadPool pool(threads);
        const Emulator emulator(test.model, *kernels, &pool);
        for (const size_t chunk : {30, 1, 7}) {
          EXPECT_EQ(RunLogits(emulator, ids, adapter.get(), chunk), expected)
              << options.seed << " " << kernels->name << " " << threads << " " << chunk;
        }
      }
    }
  }
}

TEST(AdapterPass, DifferentAdaptersOfABatchDoNotSeeEachOther) {
  const TestModel test({.qkv_bias = true, .context = 300});
  ThreadPool pool(2);
  const Emulator emulator(test.model, *AvailableKernelSets().back(), &pool);
  const auto vocab = static_cast<size_t>(test.model.config.vocab);
  const auto a = MakeTestAdapter(test.model, 1, 8), b = MakeTestAdapter(test.model, 2, 40);
  const std::vector<const Adapter*> adapters = {a.get(), nullptr, b.get(), a.get(), nullptr};
  const std::vector<size_t> lengths = {9, 9, 140, 150, 3};  // more than one pass of tokens
  std::vector<Ids> ids;
  std::vector<KvCache> caches;
  std::vector<Logits> got(5);
  std::vector<Chunk> chunks;
  for (size_t i = 0; i < 5; ++i) {
    ids.push_back(RandomIds(i == 1 ? 0 : i, lengths[i], test.model.config.vocab));
    caches.push_back(*emulator.NewCache(200));
    got[i].resize(lengths[i] * vocab);
  }
  for (size_t i = 0; i < 5; ++i) {
    chunks.push_back({&caches[i], ids[i], LogitsWanted::kAll, got[i], adapters[i]});
  }
  Workspace workspace;
  ASSERT_TRUE(emulator.Forward(chunks, workspace));
  for (size_t i = 0; i < 5; ++i) {
    EXPECT_EQ(got[i], RunLogits(emulator, ids[i], adapters[i], lengths[i])) << i;
  }
  EXPECT_EQ(ids[0], ids[1]);
  EXPECT_NE(got[0], got[1]);
}

// A tiny checkpoint, an adapter for it, and the checkpoint into which the adapter is merged.
class MergedTest : public testing::Test {
 protected:
  void SetUp() override {
    using namespace testing_files;
    config_ = TinyConfig("qwen2");
    Weights weights = TinyWeights(config_, 5);
    WriteHfFolder(base_folder_.path(), config_, weights);
    std::vector<FileTensor> tensors;
    uint64_t stream = 0;
    for (int64_t layer = 0; layer < config_.layers; ++layer) {
      for (size_t k = 0; k < kAdaptedKinds; ++k) {
        const auto kind = static_cast<MatrixKind>(k);
        const TensorShape shape = ShapeOf(config_, kind);
        const std::string module = fmt::format("model.layers.{}.{}.{}", layer,
                                               k < 4 ? "self_attn" : "mlp", MatrixKindName(kind));
        const auto a = Floats(stream++, kRank * shape.cols),
                   b = Floats(stream++, shape.rows * kRank);
        tensors.push_back({"base_model.model." + module + ".lora_A.weight",
                           {kRank, static_cast<uint64_t>(shape.cols)},
                           RawFloats(a)});
        tensors.push_back({"base_model.model." + module + ".lora_B.weight",
                           {static_cast<uint64_t>(shape.rows), kRank},
                           RawFloats(b)});
        Merge(a, b, shape, weights.at(module + ".weight"));
      }
    }
    WriteHfFolder(merged_folder_.path(), config_, weights);
    WriteFile(adapter_folder_.path() / "adapter_config.json",
              R"({"peft_type":"LORA","r":3,"lora_alpha":1.5})");
    WriteFile(adapter_folder_.path() / "adapter_model.safetensors", SafetensorsFile(tensors));
  }

  static constexpr int64_t kRank = 3;
  static constexpr double kScale = 0.5;

  static std::vector<float> Floats(uint64_t stream, int64_t count) {
    std::vector<float> values;
    for (int64_t i = 0; i < count; ++i) {
      values.push_back(
          static_cast<float>(Philox(9, stream, static_cast<uint64_t>(i))[0] * 0x1p-32 - 0.5));
    }
    return values;
  }
  static void Merge(const std::vector<float>& a, const std::vector<float>& b,
                    const TensorShape& shape, std::vector<float>& w) {
    for (int64_t n = 0; n < shape.rows; ++n) {
      for (int64_t i = 0; i < shape.cols; ++i) {
        double sum = 0;
        for (int64_t r = 0; r < kRank; ++r) {
          sum += static_cast<double>(b[static_cast<size_t>(n * kRank + r)]) *
                 static_cast<double>(a[static_cast<size_t>(r * shape.cols + i)]);
        }
        float& weight = w[static_cast<size_t>(n * shape.cols + i)];
        weight = static_cast<float>(static_cast<double>(weight) + kScale * sum);
      }
    }
  }

  ModelConfig config_;
  testing_files::TempFolder base_folder_, merged_folder_, adapter_folder_;
};

// The adapter's own error is bounded by docs/numerics.md, section 11.4; the comparison adds gains
// of 16 bits instead of floats, merged weights rounded to floats, two outputs rounded. One matrix
// with its adapter, as floats and as the chip's integers.
struct Compared {
  const AdapterMatrix& chip;
  const LoraMatrix& lora;
  const BlockFloatBatch& x;
  std::vector<float> merged;  // [outputs][inputs]
  std::vector<float> gains;   // of the inputs
  double gain_error = 0;      // how far a stored gain may be off
  double factor = 1;
  int fraction = 0;

  double X(int64_t i) const {
    return std::ldexp(x.TokenMantissas(0)[i], x.TokenExponents(0)[i / x.group]);
  }
  double Gain(int64_t i) const { return static_cast<double>(gains[static_cast<size_t>(i)]); }
};

// What rank r adds to the bound of output n: docs/numerics.md, section 11.4, and the 16-bit gains.
double RankBound(const Compared& c, int64_t r, int64_t n) {
  const std::vector<float> a = c.lora.a.ToFloats(), b = c.lora.b.ToFloats();
  double unit = 0, sum = 0, inputs = 0, gain_part = 0;
  for (int64_t i = 0; i < c.chip.inputs; ++i) {
    const auto w = static_cast<double>(a[static_cast<size_t>(r * c.chip.inputs + i)]);
    unit = std::max(unit, std::abs(w) * (c.Gain(i) + c.gain_error) / 127);
    sum += w * c.Gain(i) * c.X(i);
    inputs += std::abs(c.X(i));
    gain_part += std::abs(w * c.X(i)) * c.gain_error;
  }
  std::vector<int8_t> t(static_cast<size_t>(c.chip.rank));
  const int exponent = AdapterRankVector(c.chip, c.x, 0, t.data());
  const double error_t = inputs / 2 +
                         std::ldexp(static_cast<double>(c.x.groups) / 2, c.x.CommonExponent(0)) +
                         std::ldexp(1, exponent);
  const double unit_b = std::ldexp(1, c.chip.exponents[static_cast<size_t>(n)]);
  const double stored = c.chip.b[static_cast<size_t>(r * c.chip.outputs + n)] * unit_b;
  const double column =
      static_cast<double>(b[static_cast<size_t>(n * c.chip.rank + r)]) * c.lora.scale * c.factor;
  return std::abs(stored) * error_t + (std::abs(sum) + gain_part) / unit * unit_b / 2 +
         std::abs(column) * gain_part;
}

double Bound(const Compared& c, int64_t n) {
  double bound = 1.5 * std::ldexp(1, -c.fraction);  // three roundings of half a unit
  for (int64_t r = 0; r < c.chip.rank; ++r) bound += RankBound(c, r, n);
  for (int64_t i = 0; i < c.chip.inputs; ++i) {  // a merged weight is a float
    const auto w = static_cast<double>(c.merged[static_cast<size_t>(n * c.chip.inputs + i)]);
    bound += std::abs(c.X(i) * c.Gain(i) * c.factor * w) * 0x1p-24;
  }
  return bound;
}

BlockFloatBatch RandomInput(int64_t inputs, uint64_t seed) {
  std::vector<int32_t> values;
  for (int64_t i = 0; i < inputs; ++i) {
    values.push_back(static_cast<int32_t>(Philox(8, seed, static_cast<uint64_t>(i))[0]) >> 10);
  }
  BlockFloatBatch x;
  x.Resize(1, inputs, 32);
  QuantizeToken(std::span<const int32_t>(values), kNormFraction, x, 0);
  return x;
}

TEST_F(MergedTest, AdapterAndMergedMatrixDifferByLessThanTheDerivedBound) {
  const auto base = ImportModel(base_folder_.path()), merged = ImportModel(merged_folder_.path());
  ASSERT_TRUE(base && merged);
  const FloatWeights w(*base, 16, 32, 20), m(*merged, 16, 32, 20);
  const auto adapter = LoadAdapter(adapter_folder_.path(), w.shell());
  const auto lora = ReadAdapter(adapter_folder_.path(), config_);
  ASSERT_TRUE(adapter && lora);
  const Adapter* const of_token[] = {adapter->get()};
  std::vector<int32_t> scratch;
  AdapterScratch adapter_scratch;
  for (size_t k = 0; k < kAdaptedKinds; ++k) {
    const auto kind = static_cast<MatrixKind>(k);
    const AdapterMatrix& chip = (*adapter)->At(1, kind);
    const bool accumulate = kind == MatrixKind::kO || kind == MatrixKind::kDown;
    const BlockFloatBatch x = RandomInput(chip.inputs, k);
    Compared c{.chip = chip, .lora = lora->At(1, kind), .x = x, .merged = {}, .gains = {}};
    c.merged = MatrixOf(*merged, 1, kind).ToFloats();
    c.gains.assign(static_cast<size_t>(chip.inputs), 1.0F);
    c.fraction = accumulate ? 20 : kVectorFraction;
    if (!accumulate) {
      const bool attention = k < 3;
      const QuantizedLayer& shell = w.shell().layers[1];
      c.gains = (attention ? base->layers[1].attention_norm : base->layers[1].ffn_norm).ToFloats();
      c.gain_error = std::ldexp(0.5, (attention ? shell.attention_norm : shell.ffn_norm).exponent);
    }
    if (kind == MatrixKind::kQ) {
      c.factor = std::log2(std::exp(1.0)) / std::sqrt(static_cast<double>(config_.head_dim));
    }
    std::vector<int32_t> with(static_cast<size_t>(chip.outputs), 1000), want = with;
    const MatrixPass adapted[] = {{{1, kind}, c.fraction, accumulate, with.data()}};
    const MatrixPass exact[] = {{{1, kind}, c.fraction, accumulate, want.data()}};
    w.Multiply(adapted, x, scratch, nullptr);
    const std::vector<int32_t> without = with;
    AddAdapters(*AvailableKernelSets().front(), adapted, x, of_token, adapter_scratch, nullptr);
    m.Multiply(exact, x, scratch, nullptr);
    int noticed = 0;
    for (size_t n = 0; n < with.size(); ++n) {
      const double bound = Bound(c, static_cast<int64_t>(n));
      const double difference = std::ldexp(with[n] - want[n], -c.fraction);
      ASSERT_LE(std::abs(difference), bound) << MatrixKindName(kind) << " output " << n;
      noticed += std::abs(std::ldexp(without[n] - want[n], -c.fraction)) > bound;
    }
    EXPECT_NE(with, want);  // the two ways are not the same arithmetic
    // The bound is small enough to see most additions.
    EXPECT_GT(noticed, chip.outputs / 2) << MatrixKindName(kind);
  }
}

}  // namespace
}  // namespace burin
