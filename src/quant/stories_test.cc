// A trained checkpoint, where it is at hand: ../shared/data/stories260K beside the source tree.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>

#include "model/import.h"
#include "quant/cartridge.h"
#include "quant/engrave.h"
#include "quant/fold.h"
#include "quant/test_models.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

double RelativeError(const Model& model, const QuantizedModel& quantized) {
  double error = 0, energy = 0;
  const auto entries = MatricesOf(model.config);
  const auto matrices = MatricesIn(quantized);
  for (size_t i = 0; i < entries.size(); ++i) {
    const FoldedMatrix floats(model, entries[i]);
    std::vector<float> column(static_cast<size_t>(floats.rows()));
    for (int64_t col = 0; col < floats.cols(); ++col) {
      floats.ReadColumn(col, column);
      for (int64_t row = 0; row < floats.rows(); ++row) {
        const auto w = static_cast<double>(column[static_cast<size_t>(row)]);
        error += std::pow(w - WeightValue(*matrices[i], row, col), 2);
        energy += w * w;
      }
    }
  }
  return error / energy;
}

TEST(Stories260K, EngravesWithSmallErrors) {
  const fs::path folder = fs::path(BURIN_SOURCE_DIR) / "../shared/data/stories260K/hf";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no ../shared";
  const auto model = ImportModel(folder);
  ASSERT_TRUE(model) << model.error().ToString();
  struct Row {
    int bits;
    const char* tensor_bits;
    int64_t group;
    double most;
  };
  TestFolder out;
  ThreadPool pool(2);
  for (const Row& row : {Row{3, "", 128, 0.03},
                         {3, "", 32, 0.026},
                         {4, "", 128, 0.008},
                         {4, "", 32, 0.0065},
                         {6, "", 128, 0.0007},
                         {6, "", 32, 0.0006},
                         {3, "*.down_proj=6,lm_head=6", 128, 0.03}}) {
    const auto summary =
        Engrave(*model, {.bits = row.bits, .tensor_bits = row.tensor_bits, .group = row.group},
                out / "m.burin", pool);
    ASSERT_TRUE(summary) << summary.error().ToString();
    const auto quantized = OpenCartridge(out / "m.burin");
    ASSERT_TRUE(quantized) << quantized.error().ToString();
    EXPECT_TRUE(VerifyCartridge(*quantized, pool, nullptr));
    const double error = RelativeError(*model, *quantized);
    EXPECT_LT(error, row.most) << row.bits << " bits, group " << row.group;
    std::printf("stories260K, %d bits %s, group %d: relative error %.5f, %.3f bits a weight\n",
                row.bits, row.tensor_bits, static_cast<int>(row.group), error,
                summary->bits_per_weight);
  }
}

}  // namespace
}  // namespace burin
