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

}  // namespace
}  // namespace burin
