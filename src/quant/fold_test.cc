#include "quant/fold.h"

#include <gtest/gtest.h>

#include <cmath>

#include "quant/calibration.h"
#include "quant/cartridge.h"
#include "quant/engrave.h"
#include "quant/test_models.h"

namespace burin {
namespace {

MatrixEntry EntryOf(const ModelConfig& config, TensorKind kind, int64_t layer) {
  for (const MatrixEntry& entry : MatricesOf(config)) {
    if (entry.kind == kind && entry.layer == layer) return entry;
  }
  return {};
}

TEST(Fold, GainsAndScoreFactorGoIntoTheRightMatrices) {
  OwnedModel owned = MakeModel(SmallConfig(), 3);
  const Model& model = owned.model;
  const LayerTensors& layer = model.layers[1];
  const double factor = std::log2(std::exp(1.0)) / std::sqrt(12.0);
  auto check = [&](TensorKind kind, int64_t index, const TensorView& view, const TensorView* norm,
                   double scale) {
    const FoldedMatrix matrix(model, EntryOf(model.config, kind, index));
    std::vector<float> column(static_cast<size_t>(matrix.rows()));
    matrix.ReadColumn(5, column);
    const std::vector<float> weights = view.ToFloats();
    const std::vector<float> gains = norm != nullptr ? norm->ToFloats() : std::vector<float>();
    for (size_t i = 0; i < column.size(); ++i) {
      const double gain = gains.empty() ? 1 : static_cast<double>(gains[i]);
      const double want = static_cast<double>(weights[5 * column.size() + i]) * gain * scale;
      EXPECT_NEAR(static_cast<double>(column[i]), want, 1e-6 * std::abs(want));
    }
  };
  check(TensorKind::kQ, 1, layer.q, &layer.attention_norm, factor);
  check(TensorKind::kK, 1, layer.k, &layer.attention_norm, 1);
  check(TensorKind::kV, 1, layer.v, &layer.attention_norm, 1);
  check(TensorKind::kO, 1, layer.o, nullptr, 1);
  check(TensorKind::kGate, 1, layer.gate, &layer.ffn_norm, 1);
  check(TensorKind::kUp, 1, layer.up, &layer.ffn_norm, 1);
  check(TensorKind::kDown, 1, layer.down, nullptr, 1);
  check(TensorKind::kEmbedding, kNoLayer, model.embedding, nullptr, 1);
  check(TensorKind::kHead, kNoLayer, model.head, &model.final_norm, 1);
}

TEST(Fold, WithQNormTheFactorIsInItsGainAndNotInTheWeights) {
  ModelConfig config = SmallConfig();
  config.qk_norm = config.qkv_bias = config.tied_head = true;
  const OwnedModel owned = MakeModel(config, 3);
  TestFolder folder;
  ThreadPool pool(1);
  ASSERT_TRUE(Engrave(owned.model, {.bits = 6, .group = 32}, folder / "m.burin", pool));
  const auto model = OpenCartridge(folder / "m.burin");
  ASSERT_TRUE(model);
  const FoldedMatrix q(owned.model, EntryOf(config, TensorKind::kQ, 0));
  std::vector<float> column(48);
  q.ReadColumn(0, column);
  EXPECT_EQ(column[0], owned.model.layers[0].q.ToFloats()[0] *
                           owned.model.layers[0].attention_norm.ToFloats()[0]);
  const GainView& gain = model->layers[0].q_norm;
  const float stored = std::ldexp(static_cast<float>(gain.mantissas[2]), gain.exponent);
  EXPECT_NEAR(stored, owned.model.layers[0].q_norm.ToFloats()[2] * ScoreFactor(config), 1e-4);
  for (const auto& [stored_gain, norm] :
       {std::pair{model->layers[1].attention_norm, owned.model.layers[1].attention_norm},
        {model->layers[1].ffn_norm, owned.model.layers[1].ffn_norm}}) {
    const std::vector<float> gains = norm.ToFloats();
    ASSERT_EQ(stored_gain.mantissas.size(), gains.size());
    for (size_t i = 0; i < gains.size(); ++i) {  // the largest has 15 bits: half a unit
      EXPECT_NEAR(std::ldexp(stored_gain.mantissas[i], stored_gain.exponent),
                  static_cast<double>(gains[i]), std::ldexp(0.5, stored_gain.exponent));
    }
  }
  const float bias = owned.model.layers[0].q_bias.ToFloats()[3];
  EXPECT_NEAR(model->layers[0].q_bias[3], bias * 65536, 1);
  EXPECT_EQ(model->final_norm.mantissas.size(), 48u);
}

TEST(Fold, BiasesRoundHalfUpAndSaturate) {
  const std::vector<float> bias = {0x1p-17f, -0x1p-17f, 1, -1e20f, 1e20f};
  EXPECT_EQ(QuantizeBias(bias), (std::vector<int32_t>{1, 0, 65536, INT32_MIN, INT32_MAX}));
}

TEST(Calibration, ImportanceIsThatOfTheNormalisedInput) {
  OwnedModel owned = MakeModel(SmallConfig(), 3);
  ThreadPool one(1), three(3);
  std::vector<int32_t> tokens;
  for (int32_t i = 0; i < 150; ++i) tokens.push_back(i * 7 % 40);
  const auto calibration = CollectImportance(owned.model, tokens, one, nullptr);
  ASSERT_TRUE(calibration) << calibration.error().ToString();
  EXPECT_EQ(calibration->tokens, 152);  // two windows of 100, each with its bos
  const auto again = CollectImportance(owned.model, tokens, three, nullptr);
  EXPECT_EQ(calibration->Digest(), again->Digest());
  // Behind the norm the mean square of all inputs is 1, gains apart.
  const MatrixEntry entry = EntryOf(owned.model.config, TensorKind::kUp, 1);
  const FoldedMatrix matrix(owned.model, entry);
  double sum = 0;
  for (size_t i = 0; i < 48; ++i) {
    sum += static_cast<double>(calibration->layers[1].gate_up[i] /
                               (matrix.gains()[i] * matrix.gains()[i]));
  }
  EXPECT_NEAR(sum / 48, 1, 1e-3);
  const auto importance = ImportanceOf(&*calibration, entry, matrix, false);
  const double ratio = static_cast<double>(importance[3] / importance[4]);
  const double want = static_cast<double>(calibration->layers[1].gate_up[3]) *
                      std::pow(static_cast<double>(matrix.gains()[4]), 2) /
                      (static_cast<double>(calibration->layers[1].gate_up[4]) *
                       std::pow(static_cast<double>(matrix.gains()[3]), 2));
  EXPECT_NEAR(ratio, want, 1e-5 * want);
  for (const float h : ImportanceOf(nullptr, entry, matrix, false)) EXPECT_EQ(h, 1.0f);
  EXPECT_FALSE(CollectImportance(owned.model, {}, one, nullptr));
  const std::vector<int32_t> bad = {40};
  EXPECT_FALSE(CollectImportance(owned.model, bad, one, nullptr));
}

TEST(Calibration, ResidualFractionLeavesSixteenTimesTheRoom) {
  Calibration calibration;
  EXPECT_EQ(ResidualFraction(nullptr), 20);
  calibration.largest_residual = 100;  // below 128 = 2^7: 31 - 4 - 7
  EXPECT_EQ(ResidualFraction(&calibration), 20);
  calibration.largest_residual = 128;
  EXPECT_EQ(ResidualFraction(&calibration), 19);
  calibration.largest_residual = 1e9;
  EXPECT_EQ(ResidualFraction(&calibration), 12);
  calibration.largest_residual = 1e-3;
  EXPECT_EQ(ResidualFraction(&calibration), 24);
}

}  // namespace
}  // namespace burin
