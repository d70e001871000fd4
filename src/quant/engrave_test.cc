#include "quant/engrave.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cmath>

#include "numeric/matrix_pass.h"
#include "quant/cartridge.h"
#include "quant/fold.h"
#include "quant/test_models.h"

namespace burin {
namespace {

// sum (w - stored)^2 / sum w^2 of a matrix against its folded floats.
double RelativeError(const PackedMatrix& matrix, const FoldedMatrix& floats) {
  double error = 0, energy = 0;
  std::vector<float> column(static_cast<size_t>(floats.rows()));
  for (int64_t col = 0; col < floats.cols(); ++col) {
    floats.ReadColumn(col, column);
    for (int64_t row = 0; row < floats.rows(); ++row) {
      const auto w = static_cast<double>(column[static_cast<size_t>(row)]);
      const double miss = w - WeightValue(matrix, row, col);
      error += miss * miss;
      energy += w * w;
    }
  }
  return error / energy;
}

TEST(Engrave, StoredWeightsAreNearTheFoldedOnesAndTheSummarySaysHowNear) {
  const OwnedModel owned = MakeModel(SmallConfig(), 1);
  ThreadPool pool(2);
  TestFolder folder;
  // Of Gaussian weights: 3.45 % at 3 bits (Max 1960), 0.95 % at 4; groups and few rows do better.
  for (const auto& [bits, most] : {std::pair{3, 0.033}, {4, 0.0092}, {6, 0.0012}}) {
    EngraveOptions options{.bits = bits, .group = 32};
    const auto summary = Engrave(owned.model, options, folder / "m.burin", pool);
    ASSERT_TRUE(summary) << summary.error().ToString();
    const auto model = OpenCartridge(folder / "m.burin");
    ASSERT_TRUE(model) << model.error().ToString();
    EXPECT_EQ(model->digest, summary->digest);
    EXPECT_TRUE(VerifyCartridge(*model, pool, nullptr));
    const auto entries = MatricesOf(model->config);
    const auto matrices = MatricesIn(*model);
    ASSERT_EQ(summary->tensors.size(), entries.size());
    for (size_t i = 0; i < entries.size(); ++i) {
      const double error = RelativeError(*matrices[i], FoldedMatrix(owned.model, entries[i]));
      EXPECT_LT(error, most) << entries[i].name;
      EXPECT_NEAR(error, summary->tensors[i].error, 1e-5 * error) << entries[i].name;
    }
  }
}

TEST(Engrave, SameBytesForAnyNumberOfThreads) {
  const OwnedModel owned = MakeModel(SmallConfig(), 2);
  TestFolder folder;
  std::vector<std::string> files;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    ASSERT_TRUE(Engrave(owned.model, {.bits = 4, .tensor_bits = "*.v_proj=6,lm_head=3"},
                        folder / "m.burin", pool));
    files.push_back(ReadAll(folder / "m.burin"));
  }
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
}

TEST(Engrave, DefaultGroupIsTheLargestThatPadsLittle) {
  ModelConfig config;
  config.heads = 1;
  for (const auto& [hidden, ffn, group] : {std::array<int64_t, 3>{4096, 14336, 128},
                                           {576, 1536, 128},  // 64 of 640
                                           {64, 172, 64},     // 20 of 192
                                           {64, 160, 32},     // 32 of 192 are too many
                                           {40, 96, 32}}) {
    config.hidden = config.head_dim = hidden;
    config.ffn = ffn;
    EXPECT_EQ(DefaultGroup(config), group) << hidden << " " << ffn;
  }
}

TEST(EngraveSynthetic, OpensVerifiesAndIsTheSameForAnyNumberOfThreads) {
  TestFolder folder;
  ModelConfig config = SmallConfig();
  config.qkv_bias = config.qk_norm = config.tied_head = true;
  std::vector<std::string> files;
  for (const int threads : {1, 2, 3}) {
    ThreadPool pool(threads);
    const auto summary = EngraveSynthetic(
        config, {.bits = 3, .tensor_bits = "*.o_proj=6,*.k_proj=4"}, 7, folder / "s.burin", pool);
    ASSERT_TRUE(summary) << summary.error().ToString();
    const auto model = OpenCartridge(folder / "s.burin");
    ASSERT_TRUE(model) << model.error().ToString();
    EXPECT_TRUE(VerifyCartridge(*model, pool, nullptr));
    EXPECT_EQ(model->quantizer.method, "synthetic");
    EXPECT_EQ(model->head.codes.data(), model->embedding.codes.data());
    files.push_back(ReadAll(folder / "s.burin"));
  }
  EXPECT_EQ(files[0], files[1]);
  EXPECT_EQ(files[0], files[2]);
}

TEST(EngraveSynthetic, WeightsHaveTheDeviationOfTheirInputs) {
  TestFolder folder;
  ThreadPool pool(1);
  for (const int bits : {3, 4, 6}) {
    ASSERT_TRUE(EngraveSynthetic(SmallConfig(), {.bits = bits}, 3, folder / "s.burin", pool));
    const auto model = OpenCartridge(folder / "s.burin");
    ASSERT_TRUE(model);
    const PackedMatrix& matrix = model->layers[1].up;
    double squares = 0;
    for (int64_t col = 0; col < matrix.shape.cols; ++col) {
      for (int64_t row = 0; row < matrix.shape.rows; ++row) {
        squares += std::pow(WeightValue(matrix, row, col), 2);
      }
    }
    const auto count = static_cast<double>(matrix.shape.rows * matrix.shape.cols);
    EXPECT_NEAR(squares / count * 48, 1, 0.1) << bits;
  }
}

}  // namespace
}  // namespace burin
