#include "cost/yield.h"

#include <gtest/gtest.h>

#include <cmath>

namespace burin {
namespace {

// What a paper publishes of its die: 827.08 mm2, 0.11 defects a cm2, a 5 nm wafer of 16,988 USD:
// Murphy 43.1 %, 27 good of 62, 629 USD (HNLPU, arXiv 2508.16151).
TEST(Yield, ReproducesAPublishedDieExactly) {
  EXPECT_EQ(GrossDies(827.08, 300), 62);
  const double yield = MurphyYield(827.08, 0.11);
  EXPECT_EQ(std::lround(yield * 1000), 431);
  EXPECT_EQ(GoodDies(827.08, 300, yield), 27);
  EXPECT_EQ(std::lround(16988.0 / 27), 629);
}

// 815 mm2 at 0.09 a cm2, in tenths of a percent; computed by hand from the formulas.
TEST(Yield, ModelsOfALargeDie) {
  auto tenths = [](double yield) { return std::lround(yield * 1000); };
  EXPECT_EQ(tenths(PoissonYield(815, 0.09)), 480);
  EXPECT_EQ(tenths(MurphyYield(815, 0.09)), 502);
  EXPECT_EQ(tenths(SeedsYield(815, 0.09)), 577);
  EXPECT_EQ(tenths(NegativeBinomialYield(815, 0.09, 2)), 535);
  EXPECT_EQ(tenths(NegativeBinomialYield(815, 0.09, 3)), 519);
  EXPECT_EQ(tenths(NegativeBinomialYield(815, 0.09, 10)), 493);
}

TEST(Yield, RepairCountsOnlyWhatIsLeft) {
  EXPECT_DOUBLE_EQ(RepairedYield(100, 400, 0, 0.1, 3), NegativeBinomialYield(500, 0.1, 3));
  EXPECT_DOUBLE_EQ(RepairedYield(100, 400, 1, 0.1, 3), NegativeBinomialYield(100, 0.1, 3));
  EXPECT_LT(RepairedYield(100, 400, 0.5, 0.1, 3), RepairedYield(100, 400, 0.9, 0.1, 3));
}

TEST(Yield, ExtremesAreFinite) {
  EXPECT_DOUBLE_EQ(MurphyYield(0, 0.1), 1);
  EXPECT_EQ(GrossDies(90000, 300), 0);
  EXPECT_EQ(GoodDies(90000, 300, 0.5), 0);
  EXPECT_EQ(GoodDies(800, 300, 1e-9), 1);
}

}  // namespace
}  // namespace burin
