#include "model/model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "model/presets.h"
#include "model/test_files.h"

namespace burin {
namespace {

using testing::HasSubstr;
using testing_files::ErrorOf;

TEST(Presets, AllAreValidAndOfTheirPublishedSize) {
  // Weights without norms and biases, from the model cards (rounded) or geometry.
  const std::map<std::string, double> billions = {
      {"llama-3.1-8b", 8.03},   {"llama-3.2-1b", 1.24},   {"llama-3.2-3b", 3.21},
      {"llama-3.1-70b", 70.6},  {"llama-2-7b", 6.74},     {"mistral-7b", 7.25},
      {"tinyllama-1.1b", 1.10}, {"smollm2-135m", 0.1345}, {"smollm2-360m", 0.362},
      {"smollm2-1.7b", 1.71},   {"qwen2.5-0.5b", 0.494},  {"qwen2.5-1.5b", 1.54},
      {"qwen2.5-7b", 7.62},     {"qwen3-0.6b", 0.596},    {"qwen3-1.7b", 1.72},
      {"qwen3-4b", 4.02},       {"qwen3-8b", 8.19},       {"llama-20b-synthetic", 20.3},
  };
  EXPECT_EQ(PresetNames().size(), billions.size());
  for (const std::string& name : PresetNames()) {
    const auto config = FindPreset(name);
    ASSERT_TRUE(config) << name;
    EXPECT_TRUE(ValidateConfig(*config, name)) << name;
    const double weights = static_cast<double>(config->WeightCount()) * 1e-9;
    EXPECT_NEAR(weights / billions.at(name), 1, 0.005) << name << " " << weights;
  }
}

TEST(Presets, UnknownNamesAreAnsweredWithTheNearest) {
  EXPECT_THAT(ErrorOf(FindPreset("llama3.1-8b")),
              HasSubstr("preset 'llama3.1-8b': is unknown; expected a known geometry, such as "
                        "llama-3.1-8b,"));
  EXPECT_THAT(ErrorOf(FindPreset("qwen3-32b")), HasSubstr("qwen3-"));
  EXPECT_THAT(ErrorOf(FindPreset("")), HasSubstr("is unknown"));
  EXPECT_THAT(ErrorOf(FindPreset(std::string(1 << 20, 'x'))), HasSubstr("is unknown"));
}

TEST(ModelConfig, CountsWeights) {
  const ModelConfig config = testing_files::TinyConfig("llama");
  // embedding and head 50 x 24; a layer: q, o 24 x 24, k, v 12 x 24, gate, up, down 40 x 24.
  EXPECT_EQ(config.WeightCount(), 2u * 50 * 24 + 2u * (2 * 576 + 2 * 288 + 3 * 960));
}

TEST(MatrixKind, HasNamesAndShapes) {
  const ModelConfig config = testing_files::TinyConfig("qwen3");
  std::set<std::string> names;
  for (const MatrixKind kind :
       {MatrixKind::kQ, MatrixKind::kK, MatrixKind::kV, MatrixKind::kO, MatrixKind::kGate,
        MatrixKind::kUp, MatrixKind::kDown, MatrixKind::kHead}) {
    names.insert(MatrixKindName(kind));
  }
  EXPECT_EQ(names.size(), 8u);
  EXPECT_EQ(ShapeOf(config, MatrixKind::kQ), (TensorShape{32, 24}));
  EXPECT_EQ(ShapeOf(config, MatrixKind::kV), (TensorShape{16, 24}));
  EXPECT_EQ(ShapeOf(config, MatrixKind::kO), (TensorShape{24, 32}));
  EXPECT_EQ(ShapeOf(config, MatrixKind::kDown), (TensorShape{24, 40}));
  EXPECT_EQ(ShapeOf(config, MatrixKind::kHead), (TensorShape{50, 24}));
}

}  // namespace
}  // namespace burin
