#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cost/chip_model.h"
#include "cost/comparison.h"
#include "cost/yield.h"
#include "model/presets.h"

namespace burin {
namespace {

ModelPlan PresetPlan(const std::string& name, int bits = 3, const std::string& tensor_bits = "") {
  return PlanOf(FindPreset(name).value(), name, bits, tensor_bits, 0, 0).value();
}

// What a paper publishes of its die: 827.08 mm2, 0.11 defects a cm2, 5 nm wafer of 16,988 USD:
// Murphy 43.1 %, 27 good of 62, 629 USD (HNLPU, arXiv 2508.16151).
TEST(Yield, ReproducesAPublishedDieExactly) {
  EXPECT_EQ(GrossDies(827.08, 300), 62);
  const double yield = MurphyYield(827.08, 0.11);
  EXPECT_NEAR(yield, 0.431, 0.0005);
  EXPECT_EQ(GoodDies(827.08, 300, yield), 27);
  EXPECT_EQ(std::lround(16988.0 / 27), 629);
}

TEST(Debug, Hc1) {
  for (const char* name : {"hc1"}) {
    const auto chip = LoadChip(name);
    if (!chip) GTEST_SKIP();
    for (const int fold : {1, 8, 16}) {
      ChipSpec c = *chip;
      c.fold = fold;
      c.banks = 0;
      const Constants constants = LoadConstants(c).value();
      const auto plan = PresetPlan("llama-3.1-8b");
      const auto fabric = Place(plan, c, SizesFor(c, plan.config, constants.Nominal()));
      ASSERT_TRUE(fabric) << fabric.error().ToString();
      const ChipModel model(*fabric, constants, {});
      const Estimate& e = model.nominal();
      printf(
          "fold %d: %.0f tok/s, agg %.0f (%s), first %.4f serial %.4f; %.0f mm2, %.1f GTr, eff "
          "%.2f; %.1f W, card %.1f, full %.1f; die $%.0f y %.2f card $%.0f $/M %.4f banks %ld\n",
          fold, e.tokens_per_s_user, e.tokens_per_s_aggregate, UserLimitName(e.user_limit),
          e.first_token_s, e.first_token_serial_s, e.area_mm2, e.transistors / 1e9,
          ArrayEfficiency(e.area), e.power_w, e.card_power_w, e.full_power_w, e.die.usd,
          e.die.yield, e.card.usd(), e.tokens.usd(), fabric->banks);
      for (const auto& b : e.area)
        printf("   %-26s %8.2f GTr %8.1f mm2\n", b.name.c_str(), b.transistors / 1e9, b.mm2);
      for (const auto& b : e.power) printf("   %-26s %8.2f W\n", b.name.c_str(), b.watt);
      const auto k = CausesOf(*fabric, model.schedule());
      printf("  rows %ld att %ld vec %ld coll %ld fill %ld wire %ld\n", k.word_lines, k.attention,
             k.vector, k.collect, k.fill, k.wire);
      const Band band = model.BandOf([](const Estimate& x) { return x.tokens_per_s_user; });
      printf("  speed %.0f %.0f %.0f\n", band.low, band.nominal, band.high);
    }
  }
}

}  // namespace
}  // namespace burin
