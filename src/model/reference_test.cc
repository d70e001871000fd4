#include "model/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <numbers>

#include "base/philox.h"
#include "model/import.h"
#include "model/presets.h"
#include "model/rotary.h"
#include "model/test_files.h"

namespace burin {
namespace {

namespace fs = std::filesystem;
using namespace testing_files;
using testing::HasSubstr;

// ---- against the definition
// ------------------------------------------------------------------------

using Vector = std::vector<double>;

Vector Times(const TensorView& matrix, const Vector& x) {
  const std::vector<float> w = matrix.ToFloats();
  Vector y(static_cast<size_t>(matrix.rows()));
  for (size_t r = 0; r < y.size(); ++r) {
    for (size_t c = 0; c < x.size(); ++c) y[r] += static_cast<double>(w[r * x.size() + c]) * x[c];
  }
  return y;
}

Vector Plus(Vector x, const TensorView& bias) {
  const std::vector<float> b = bias.ToFloats();
  for (size_t i = 0; i < b.size(); ++i) x[i] += static_cast<double>(b[i]);
  return x;
}

// Norm of x[begin, begin + size).
void Norm(Vector& x, size_t begin, size_t size, const TensorView& gain, double eps) {
  const std::vector<float> g = gain.ToFloats();
  double squares = 0;
  for (size_t i = 0; i < size; ++i) squares += x[begin + i] * x[begin + i];
  const double rms = std::sqrt(squares / static_cast<double>(size) + eps);
  for (size_t i = 0; i < size; ++i) x[begin + i] *= static_cast<double>(g[i]) / rms;
}

// The whole decoder in double, straight from its definition, every token from scratch: the logits
// of all positions.
std::vector<Vector> NaiveForward(const Model& model, const std::vector<int32_t>& tokens) {
  const ModelConfig& c = model.config;
  const auto head_dim = static_cast<size_t>(c.head_dim), half = head_dim / 2;
  const std::vector<float> embedding = model.embedding.ToFloats();
  const Vector frequencies = RotaryFrequencies(c);
  std::vector<Vector> x;
  for (const int32_t token : tokens) {
    const auto* row = embedding.data() + static_cast<int64_t>(token) * c.hidden;
    x.emplace_back(row, row + c.hidden);
  }
  for (const LayerTensors& layer : model.layers) {
    std::vector<Vector> q, k, v;
    for (size_t p = 0; p < x.size(); ++p) {
      Vector n = x[p];
      Norm(n, 0, n.size(), layer.attention_norm, c.rms_eps);
      q.push_back(Plus(Times(layer.q, n), layer.q_bias));
      k.push_back(Plus(Times(layer.k, n), layer.k_bias));
      v.push_back(Plus(Times(layer.v, n), layer.v_bias));
      const auto turn = [&](Vector& heads, const TensorView& gain) {
        for (size_t h = 0; h < heads.size(); h += head_dim) {
          if (c.qk_norm) Norm(heads, h, head_dim, gain, c.rms_eps);
          for (size_t i = 0; i < half; ++i) {
            const double angle = static_cast<double>(p) * frequencies[i];
            const double a = heads[h + i], b = heads[h + half + i];
            heads[h + i] = a * std::cos(angle) - b * std::sin(angle);
            heads[h + half + i] = a * std::sin(angle) + b * std::cos(angle);
          }
        }
      };
      turn(q[p], layer.q_norm);
      turn(k[p], layer.k_norm);
    }
    for (size_t p = x.size(); p-- > 0;) {
      Vector mixed(q[p].size());
      for (size_t h = 0; h < static_cast<size_t>(c.heads); ++h) {
        const size_t kv = h * static_cast<size_t>(c.kv_heads) / static_cast<size_t>(c.heads);
        Vector weight(p + 1);
        double sum = 0;
        for (size_t s = 0; s <= p; ++s) {
          double dot = 0;
          for (size_t i = 0; i < head_dim; ++i)
            dot += q[p][h * head_dim + i] * k[s][kv * head_dim + i];
          weight[s] = std::exp(dot / std::sqrt(static_cast<double>(head_dim)));
          sum += weight[s];
        }
        for (size_t s = 0; s <= p; ++s) {
          for (size_t i = 0; i < head_dim; ++i) {
            mixed[h * head_dim + i] += weight[s] / sum * v[s][kv * head_dim + i];
          }
        }
      }
      const Vector attended = Times(layer.o, mixed);
      for (size_t i = 0; i < attended.size(); ++i) x[p][i] += attended[i];
      Vector n = x[p];
      Norm(n, 0, n.size(), layer.ffn_norm, c.rms_eps);
      Vector gate = Times(layer.gate, n);
      const Vector up = Times(layer.up, n);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      const Vector fed = Times(layer.down, gate);
      for (size_t i = 0; i < fed.size(); ++i) x[p][i] += fed[i];
    }
  }
  std::vector<Vector> logits;
  for (Vector& n : x) {
    Norm(n, 0, n.size(), model.final_norm, c.rms_eps);
    logits.push_back(Times(model.head, n));
  }
  return logits;
}

ModelConfig Variant(const std::string& name) {
  if (name == "linear" || name == "llama3" || name == "tied") {
    ModelConfig config = TinyConfig("llama");
    config.tied_head = name == "tied";
    if (name == "linear") config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 4};
    if (name == "llama3") {
      config.rope_scaling = {.kind = RopeScaling::Kind::kLlama3, .factor = 8};
      config.rope_scaling.original_max_positions = 32;
    }
    return config;
  }
  return TinyConfig(name);
}

// A model in a folder of its own; config.json lacks the scaling, which is set afterwards.
struct TinyModel {
  explicit TinyModel(const std::string& variant) {
    const ModelConfig config = Variant(variant);
    WriteHfFolder(folder.path(), config, TinyWeights(config, 11));
    auto imported = ImportModel(folder.path());
    EXPECT_TRUE(imported) << imported.error().ToString();
    model = std::move(*imported);
    model.config.rope_scaling = config.rope_scaling;
  }
  TempFolder folder;
  Model model;
};

const std::vector<int32_t>& Tokens() {
  static const auto* tokens = [] {
    auto* all = new std::vector<int32_t>;
    for (uint64_t i = 0; i < 45; ++i) {  // more than one chunk
      all->push_back(static_cast<int32_t>(Philox(3, 0, i)[0] % 50));
    }
    return all;
  }();
  return *tokens;
}

std::vector<std::vector<float>> Logits(const Model& model, ThreadPool* pool) {
  const ReferenceModel reference(model);
  auto state = ReferenceState::Create(model.config, 64);
  std::vector<std::vector<float>> all;
  reference.ForwardSequence(
      *state, Tokens(),
      [&](int64_t position, std::span<const float> logits) {
        EXPECT_EQ(position, static_cast<int64_t>(all.size()));
        all.emplace_back(logits.begin(), logits.end());
      },
      pool);
  return all;
}

class VariantTest : public testing::TestWithParam<const char*> {};

TEST_P(VariantTest, EqualsTheDefinition) {
  const TinyModel tiny(GetParam());
  const auto expected = NaiveForward(tiny.model, Tokens());
  const auto found = Logits(tiny.model, nullptr);
  ASSERT_EQ(found.size(), expected.size());
  // Logits are sums of 24 products of magnitude about 1, so |logit| < 8 or so. Each of the 2 x 8
  // float steps on the way to them adds a relative error of at most (terms / 16 + 4) * 2^-24 <
  // 2^-21 (Dot), and the layers pass errors on with a gain below 8: 16 * 8 * 8 * 2^-21 < 5e-4.
  for (size_t p = 0; p < found.size(); ++p) {
    for (size_t i = 0; i < found[p].size(); ++i) {
      ASSERT_NEAR(static_cast<double>(found[p][i]), expected[p][i], 5e-4) << p << " " << i;
    }
  }
}

TEST_P(VariantTest, SameBitsForAnyChunkingAndThreads) {
  const TinyModel tiny(GetParam());
  const auto expected = Logits(tiny.model, nullptr);
  for (const int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    EXPECT_EQ(Logits(tiny.model, &pool), expected) << threads;
  }
  const ReferenceModel reference(tiny.model);
  auto state = ReferenceState::Create(tiny.model.config, 64);
  for (size_t p = 0; p < expected.size(); ++p) {
    EXPECT_EQ(state->position(), static_cast<int64_t>(p));
    const auto logits = reference.Forward(*state, Tokens()[p]);
    EXPECT_TRUE(std::ranges::equal(logits, expected[p])) << p;
  }
  state->Rewind(7);
  reference.ForwardSequence(*state, std::span(Tokens()).subspan(7, 20), nullptr);
  EXPECT_TRUE(std::ranges::equal(reference.Forward(*state, Tokens()[27]), expected[27]));
}

INSTANTIATE_TEST_SUITE_P(Variants, VariantTest,
                         testing::Values("llama", "tied", "mistral", "qwen2", "qwen3", "linear",
                                         "llama3"));

// ---- adapter

TEST(ReferenceModel, WithAnAdapterEqualsTheDefinitionOfTheMergedModel) {
  const ModelConfig config = TinyConfig("qwen2");
  Weights weights = TinyWeights(config, 11);
  TempFolder folder, merged_folder;
  WriteHfFolder(folder.path(), config, weights);
  LoraAdapter adapter;
  adapter.layers.resize(static_cast<size_t>(config.layers));
  std::vector<std::unique_ptr<std::vector<float>>> storage;
  uint64_t stream = 0;
  const auto random = [&](int64_t rows, int64_t cols) {
    auto values = std::make_unique<std::vector<float>>();
    for (int64_t i = 0; i < rows * cols; ++i) {
      values->push_back(
          static_cast<float>(Philox(1, stream, static_cast<uint64_t>(i))[0]) * 0x1p-33F - 0.25F);
    }
    ++stream;
    storage.push_back(std::move(values));
    return TensorView("x", TensorType::kF32, rows, cols, std::as_bytes(std::span(*storage.back())));
  };
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    for (size_t k = 0; k < kAdaptedKinds; ++k) {
      if (k == 1) continue;  // no addition to k
      const auto kind = static_cast<MatrixKind>(k);
      const TensorShape shape = ShapeOf(config, kind);
      LoraMatrix& lora = adapter.At(layer, kind);
      lora = {.rank = 2,
              .alpha = 1,
              .scale = 0.5,
              .a = random(2, shape.cols),
              .b = random(shape.rows, 2)};
      const std::vector<float> a = lora.a.ToFloats(), b = lora.b.ToFloats();
      std::vector<float>& w =
          weights.at(fmt::format("model.layers.{}.{}.{}.weight", layer, k < 4 ? "self_attn" : "mlp",
                                 MatrixKindName(kind)));
      const auto cols = static_cast<size_t>(shape.cols);
      for (size_t i = 0; i < w.size(); ++i) {
        const size_t row = i / cols, col = i % cols;
        w[i] += 0.5F * (b[2 * row] * a[col] + b[2 * row + 1] * a[cols + col]);
      }
    }
  }
  WriteHfFolder(merged_folder.path(), config, weights);
  const auto model = ImportModel(folder.path()), merged = ImportModel(merged_folder.path());
  ASSERT_TRUE(model && merged);
  const auto expected = NaiveForward(*merged, Tokens());
  const auto plain = NaiveForward(*model, Tokens());
  const ReferenceModel reference(*model, &adapter);
  auto state = ReferenceState::Create(config, 64);
  double change = 0;
  ThreadPool pool(2);
  reference.ForwardSequence(
      *state, Tokens(),
      [&](int64_t p, std::span<const float> logits) {
        for (size_t i = 0; i < logits.size(); ++i) {
          const double want = expected[static_cast<size_t>(p)][i];
          // As EqualsTheDefinition; twice as many float steps in a matrix, and a merged weight is
          // rounded to a float.
          ASSERT_NEAR(static_cast<double>(logits[i]), want, 1e-3) << p << " " << i;
          change = std::max(change, std::abs(want - plain[static_cast<size_t>(p)][i]));
        }
      },
      &pool);
  EXPECT_GT(change, 0.1);
}

// ---- rotary angles, observer, state
// ----------------------------------------------------------------

TEST(Rotary, FollowsTheFormulaOfEachScaling) {
  ModelConfig config = FindPreset("llama-3.1-8b").value();
  config.rope_scaling = {};
  const Vector plain = RotaryFrequencies(config);
  ASSERT_EQ(plain.size(), 64u);
  EXPECT_EQ(plain[0], 1);
  EXPECT_NEAR(plain[32], 1 / std::sqrt(500000.0), 1e-18);

  config.rope_scaling = {.kind = RopeScaling::Kind::kLinear, .factor = 4};
  EXPECT_EQ(RotaryFrequencies(config)[5], plain[5] / 4);

  config.rope_scaling = {.kind = RopeScaling::Kind::kLlama3, .factor = 8};
  const Vector scaled = RotaryFrequencies(config);
  for (size_t i = 0; i < scaled.size(); ++i) {
    const double turns = 8192 * plain[i] / (2 * std::numbers::pi);  // within the original context
    if (turns > 4) {
      EXPECT_EQ(scaled[i], plain[i]) << i;
    } else if (turns < 1) {
      EXPECT_EQ(scaled[i], plain[i] / 8) << i;
    } else {
      const double smooth = (turns - 1) / 3;
      EXPECT_NEAR(scaled[i] / plain[i], (1 - smooth) / 8 + smooth, 1e-12) << i;
    }
  }
}

TEST(ReferenceObserver, SeesInputsOfAllMatricesAndTheResidual) {
  struct Counter : ReferenceObserver {
    std::map<std::pair<int, MatrixKind>, std::vector<std::vector<float>>> inputs;
    std::map<int, int> residuals;
    void OnMatrixInput(int layer, MatrixKind kind, std::span<const float> x) override {
      inputs[{layer, kind}].emplace_back(x.begin(), x.end());
    }
    void OnResidual(int layer, std::span<const float> x) override {
      EXPECT_EQ(x.size(), 24u);
      ++residuals[layer];
    }
  };
  const TinyModel tiny("qwen3");
  const ReferenceModel reference(tiny.model);
  auto state = ReferenceState::Create(tiny.model.config, 64);
  Counter counter;
  std::vector<std::vector<float>> logits;
  reference.ForwardSequence(
      *state, Tokens(),
      [&](int64_t, std::span<const float> l) { logits.emplace_back(l.begin(), l.end()); }, nullptr,
      &counter);
  EXPECT_EQ(counter.inputs.size(), 2u * 7 + 1);
  EXPECT_THAT(counter.residuals, testing::ElementsAre(testing::Pair(0, 45), testing::Pair(1, 45),
                                                      testing::Pair(2, 45)));
  for (const auto& [key, seen] : counter.inputs) {
    EXPECT_EQ(seen.size(), 45u);
    EXPECT_EQ(seen[0].size(), static_cast<size_t>(ShapeOf(tiny.model.config, key.second).cols));
  }
  EXPECT_EQ((counter.inputs[{1, MatrixKind::kQ}]), (counter.inputs[{1, MatrixKind::kV}]));
  // The head's input gives the logits.
  const auto& last = counter.inputs[{2, MatrixKind::kHead}][44];
  const Vector again = Times(tiny.model.head, Vector(last.begin(), last.end()));
  for (size_t i = 0; i < again.size(); ++i) {
    EXPECT_NEAR(static_cast<double>(logits[44][i]), again[i], 1e-5);
  }
}

TEST(ReferenceState, RefusesLengthsTheModelDoesNotHave) {
  ModelConfig config = TinyConfig("mistral");
  EXPECT_THAT(ErrorOf(ReferenceState::Create(config, 0)), HasSubstr("1 to 64 (max_position"));
  EXPECT_THAT(ErrorOf(ReferenceState::Create(config, 65)), HasSubstr("65 positions"));
  config.sliding_window = 16;
  EXPECT_THAT(ErrorOf(ReferenceState::Create(config, 17)), HasSubstr("1 to 16 (sliding_window)"));
  config = FindPreset("llama-3.1-70b").value();
  config.max_positions = 1 << 28;
  EXPECT_THAT(ErrorOf(ReferenceState::Create(config, 1 << 28)), HasSubstr("needed; expected"));
}

// ---- a published model
// -----------------------------------------------------------------------------

const fs::path kStories = fs::path(BURIN_SOURCE_DIR) / "../shared/data/stories260K";

#define SKIP_WITHOUT_SHARED() \
  if (!fs::exists(kStories)) GTEST_SKIP() << "skipped: no ../shared"

nlohmann::json ReadJson(const fs::path& path) {
  return nlohmann::json::parse(ReadTextFile(path).value());
}

int32_t ArgMax(std::span<const float> logits) {
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

class StoriesTest : public testing::TestWithParam<const char*> {};

TEST_P(StoriesTest, GreedyTextEqualsThePublishedOne) {
  SKIP_WITHOUT_SHARED();
  const auto model = ImportModel(kStories / GetParam());
  ASSERT_TRUE(model) << model.error().ToString();
  const ReferenceModel reference(*model);
  const auto expected = ReadJson(kStories / "reference/greedy.json");
  ASSERT_FALSE(expected["generations"].empty());
  for (const auto& generation : expected["generations"]) {
    const auto prompt = generation["prompt_ids"].get<std::vector<int32_t>>();
    const auto wanted = generation["new_ids"].get<std::vector<int32_t>>();
    auto state = ReferenceState::Create(model->config, 512);
    ASSERT_TRUE(state) << state.error().ToString();
    int32_t next = 0;
    reference.ForwardSequence(
        *state, prompt, [&](int64_t, std::span<const float> logits) { next = ArgMax(logits); });
    std::vector<int32_t> ids;
    while (ids.size() < wanted.size()) {
      ids.push_back(next);
      next = ArgMax(reference.Forward(*state, next));
    }
    EXPECT_EQ(ids, wanted) << generation["prompt"];
  }
}

TEST_P(StoriesTest, LogitsAreThoseOfDoubleArithmetic) {
  SKIP_WITHOUT_SHARED();
  const auto model = ImportModel(kStories / GetParam());
  ASSERT_TRUE(model) << model.error().ToString();
  const auto ids = ReadJson(kStories / "reference/logits.json")["ids"].get<std::vector<int32_t>>();
  const std::string bytes = ReadTextFile(kStories / "reference/logits.f32").value();
  std::vector<float> expected(bytes.size() / sizeof(float));
  std::memcpy(expected.data(), bytes.data(), bytes.size());
  const ReferenceModel reference(*model);
  auto state = ReferenceState::Create(model->config, 512);
  // Longest sum: 172 terms in 16 lanes are 11 + 4 additions in a row, so an error of at most
  // 15 * 2^-24 of the sum of magnitudes. Five layers of four matrices in a row and the head make 21
  // such steps; were all errors of one sign, the logits would be off by 21 times that.
  struct HeadInputs : ReferenceObserver {
    std::vector<std::vector<float>> all;
    void OnMatrixInput(int, MatrixKind kind, std::span<const float> x) override {
      if (kind == MatrixKind::kHead) all.emplace_back(x.begin(), x.end());
    }
  } inputs;
  std::vector<float> found;
  reference.ForwardSequence(
      *state, ids,
      [&](int64_t, std::span<const float> logits) {
        found.insert(found.end(), logits.begin(), logits.end());
      },
      nullptr, &inputs);
  const std::vector<float> head = model->head.ToFloats();
  const auto hidden = static_cast<size_t>(model->config.hidden);
  const auto vocab = static_cast<size_t>(model->config.vocab);
  ASSERT_EQ(found.size(), expected.size());
  for (size_t i = 0; i < found.size(); ++i) {
    double magnitudes = 0;
    for (size_t c = 0; c < hidden; ++c) {
      magnitudes +=
          std::abs(static_cast<double>(head[i % vocab * hidden + c] * inputs.all[i / vocab][c]));
    }
    ASSERT_NEAR(found[i], expected[i], 21 * 15 * 0x1p-24 * magnitudes) << i;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, StoriesTest, testing::Values("hf", "original/stories260K.gguf"));

}  // namespace
}  // namespace burin
