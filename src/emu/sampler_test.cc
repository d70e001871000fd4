#include "emu/sampler.h"

#include <gmock/gmock.h>

#include <cmath>
#include <limits>

namespace burin {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

// log(p) as a logit, for probabilities that need not sum to 1.
std::vector<int32_t> LogitsOf(const std::vector<double>& probabilities) {
  std::vector<int32_t> logits;
  for (const double p : probabilities) {
    logits.push_back(static_cast<int32_t>(std::lround(65536 * std::log(p))));
  }
  return logits;
}

Sampler Make(const SamplerSettings& settings, size_t vocab) {
  return *Sampler::Create(settings, static_cast<int64_t>(vocab));
}

// How often each id is drawn at positions [0, draws).
std::vector<int> Counts(const SamplerSettings& settings, const std::vector<int32_t>& logits,
                        int draws, std::span<const int32_t> history = {}) {
  Sampler sampler = Make(settings, logits.size());
  std::vector<int> counts(logits.size());
  for (int i = 0; i < draws; ++i) {
    ++counts[static_cast<size_t>(sampler.Sample(logits, history, static_cast<uint64_t>(i)))];
  }
  return counts;
}

// Sum of (observed - expected)^2 / expected.
double ChiSquare(const std::vector<int>& counts, const std::vector<double>& probabilities) {
  double draws = 0, sum = 0;
  for (const int count : counts) draws += count;
  for (size_t i = 0; i < counts.size(); ++i) {
    const double expected = probabilities[i] * draws;
    sum += (counts[i] - expected) * (counts[i] - expected) / expected;
  }
  return sum;
}

TEST(SamplerTest, HostExp2IsWithinItsBound) {
  EXPECT_EQ(HostExp2Negative(0), uint64_t{1} << 32);
  EXPECT_EQ(HostExp2Negative(uint64_t{1} << 32), uint64_t{1} << 31);
  EXPECT_EQ(HostExp2Negative(uint64_t{32} << 32), 1u);
  EXPECT_EQ(HostExp2Negative(uint64_t{33} << 32), 0u);
  EXPECT_EQ(HostExp2Negative(~uint64_t{0}), 0u);
  double worst = 0;
  uint64_t before = uint64_t{1} << 32;
  for (uint64_t x = 0; x < uint64_t{3} << 32; x += 1'234'577) {
    const uint64_t y = HostExp2Negative(x);
    EXPECT_LE(y, before);
    before = y;
    worst = std::max(worst, std::abs(static_cast<double>(y) * 0x1p-32 -
                                     std::exp2(-static_cast<double>(x) * 0x1p-32)));
  }
  EXPECT_LT(worst, 0x1p-30);
}

TEST(SamplerTest, GreedyTakesTheLargestAndOfEqualsTheLowest) {
  const std::vector<int32_t> logits = {5, 9, -3, 9, 8};
  EXPECT_EQ(ArgMax(logits), 1);
  EXPECT_EQ(Make({}, 5).Sample(logits, {}, 0), 1);
  EXPECT_EQ(Make({.temperature = 1e-7}, 5).Sample(logits, {}, 0), 1);
  const std::vector<int32_t> lowest(4, std::numeric_limits<int32_t>::min());
  EXPECT_EQ(Make({}, 4).Sample(lowest, {}, 0), 0);
}

TEST(SamplerTest, DrawsFollowTheProbabilities) {
  const std::vector<double> p = {0.5, 0.25, 0.125, 0.1, 0.025};
  // 4 degrees of freedom: above 18.5 once in a thousand.
  EXPECT_LT(ChiSquare(Counts({.temperature = 1, .seed = 1}, LogitsOf(p), 40000), p), 18.5);
  EXPECT_LT(ChiSquare(Counts({.temperature = 1, .seed = 2}, LogitsOf(p), 40000), p), 18.5);
}

TEST(SamplerTest, TemperatureIsAPowerOfTheProbabilities) {
  // p^(1/2) of 0.64 : 0.32 : 0.04 is 0.8 : 0.5657 : 0.2; p^2 is 0.4096 : 0.1024 : 0.0016.
  const std::vector<int32_t> logits = LogitsOf({0.64, 0.32, 0.04});
  const double hot = 0.8 + std::sqrt(0.32) + 0.2, cold = 0.4096 + 0.1024 + 0.0016;
  EXPECT_LT(ChiSquare(Counts({.temperature = 2, .seed = 3}, logits, 40000),
                      {0.8 / hot, std::sqrt(0.32) / hot, 0.2 / hot}),
            13.8);
  EXPECT_LT(ChiSquare(Counts({.temperature = 0.5, .seed = 3}, logits, 40000),
                      {0.4096 / cold, 0.1024 / cold, 0.0016 / cold}),
            13.8);
}

TEST(SamplerTest, TheTextDependsOnSeedStreamAndPosition) {
  const std::vector<int32_t> logits(100, 0);
  const auto text = [&](uint64_t seed, uint64_t stream) {
    Sampler sampler = Make({.temperature = 1, .seed = seed}, logits.size());
    std::vector<int32_t> ids;
    for (uint64_t i = 0; i < 20; ++i) ids.push_back(sampler.Sample(logits, {}, i, stream));
    return ids;
  };
  EXPECT_EQ(text(1, 0), text(1, 0));
  EXPECT_NE(text(1, 0), text(2, 0));
  EXPECT_NE(text(1, 0), text(1, 1));
  // Equal weights, so id = floor(100 * random); these come from another Philox, in Python.
  std::vector<int32_t> first = text(1, 0);
  first.resize(8);
  EXPECT_THAT(first, ElementsAre(89, 87, 55, 3, 66, 29, 12, 46));
}

TEST(SamplerTest, TopKKeepsTheLowerIdsOfATie) {
  const std::vector<int32_t> logits = {0, 7, 7, 7, 9};
  const std::vector<int> counts = Counts({.temperature = 1, .top_k = 3}, logits, 1000);
  EXPECT_THAT(counts, ElementsAre(0, testing::Gt(0), testing::Gt(0), 0, testing::Gt(0)));
  EXPECT_THAT(Counts({.temperature = 1, .top_k = 1}, logits, 10), ElementsAre(0, 0, 0, 0, 10));
  EXPECT_THAT(Counts({.temperature = 1, .top_k = 99}, logits, 1000), testing::Each(testing::Gt(0)));
}

TEST(SamplerTest, TopPKeepsTheTokenThatCrossesTheThreshold) {
  const std::vector<int32_t> logits = LogitsOf({0.1, 0.5, 0.3, 0.1});
  const auto kept = [&](double top_p) {
    std::vector<bool> kept_ids;
    for (const int count : Counts({.temperature = 1, .top_p = top_p}, logits, 2000)) {
      kept_ids.push_back(count > 0);
    }
    return kept_ids;
  };
  EXPECT_THAT(kept(0.4), ElementsAre(false, true, false, false));
  EXPECT_THAT(kept(0.499), ElementsAre(false, true, false, false));
  EXPECT_THAT(kept(0.51), ElementsAre(false, true, true, false));
  EXPECT_THAT(kept(0.81), ElementsAre(true, true, true, false));  // of a tie the lower id
  EXPECT_THAT(kept(0.95), ElementsAre(true, true, true, true));
  EXPECT_THAT(kept(1e-9), ElementsAre(false, true, false, false));
}

TEST(SamplerTest, TopPIsExactAtAnEvenSplit) {
  // Four equal weights: a half is two tokens, a hair more is three.
  const std::vector<int32_t> logits(4, 1000);
  EXPECT_THAT(Counts({.temperature = 1, .top_p = 0.5}, logits, 1000),
              ElementsAre(testing::Gt(0), testing::Gt(0), 0, 0));
  EXPECT_THAT(Counts({.temperature = 1, .top_p = 0.5000001}, logits, 1000),
              ElementsAre(testing::Gt(0), testing::Gt(0), testing::Gt(0), 0));
}

TEST(SamplerTest, TopPOfAFlatLargeVocabularyKeepsTheLowestIds) {
  const std::vector<int32_t> logits(1000, -5);
  const std::vector<int> counts = Counts({.temperature = 1, .top_p = 0.6}, logits, 5000);
  // 0.6 * 2^32 is rounded up, so that 600 tokens hold a little less than it.
  for (size_t id = 601; id < 1000; ++id) EXPECT_EQ(counts[id], 0);
  EXPECT_GT(counts[600] + counts[599] + counts[598] + counts[597], 0);
}

TEST(SamplerTest, MinPComparesWithTheLikeliest) {
  const std::vector<int32_t> logits = LogitsOf({0.05, 0.6, 0.35});
  EXPECT_THAT(Counts({.temperature = 1, .min_p = 0.09}, logits, 1000),
              ElementsAre(0, testing::Gt(0), testing::Gt(0)));
  EXPECT_THAT(Counts({.temperature = 1, .min_p = 0.08}, logits, 1000),
              testing::Each(testing::Gt(0)));
  EXPECT_THAT(Counts({.temperature = 1, .min_p = 1}, {3, 8, 8}, 1000),
              ElementsAre(0, testing::Gt(0), testing::Gt(0)));
}

TEST(SamplerTest, RepetitionPenaltyDividesPositiveAndMultipliesNegativeLogitsOnce) {
  const std::vector<int32_t> history = {0, 0, 2, 0};
  SamplerSettings settings{.repetition_penalty = 2};
  // 100 / 2 = 50 < 60; -30 * 2 = -60 < -40.
  EXPECT_EQ(Make(settings, 3).Sample(std::vector<int32_t>{100, 60, 40}, history, 0), 1);
  EXPECT_EQ(Make(settings, 3).Sample(std::vector<int32_t>{-30, -40, -50}, history, 0), 1);
  // Once: 100 / 2 = 50 stays above 49.
  EXPECT_EQ(Make(settings, 3).Sample(std::vector<int32_t>{100, 49, 40}, history, 0), 0);
  settings.repetition_penalty = 0.5;
  EXPECT_EQ(Make(settings, 3).Sample(std::vector<int32_t>{60, 100, 90}, history, 0), 2);
  // Nothing is left over for the next call.
  Sampler sampler = Make({.repetition_penalty = 2}, 3);
  EXPECT_EQ(sampler.Sample(std::vector<int32_t>{100, 60, 40}, history, 0), 1);
  EXPECT_EQ(sampler.Sample(std::vector<int32_t>{100, 60, 40}, {}, 1), 0);
}

TEST(SamplerTest, BiasAndAllowedIdsHoldAtAnyTemperature) {
  const std::vector<int32_t> logits = {0, 3 * 65536, 65536};
  EXPECT_EQ(Make({.logit_bias = {{0, 3.0}}}, 3).Sample(logits, {}, 0), 0);
  EXPECT_EQ(Make({.logit_bias = {{1, -100}, {0, 0.5}}}, 3).Sample(logits, {}, 0), 2);
  const std::vector<uint64_t> allowed = {0b101};
  EXPECT_EQ(Make({}, 3).Sample(logits, {}, 0, 0, allowed), 2);
  Sampler sampler = Make({.temperature = 5}, 3);
  for (uint64_t i = 0; i < 200; ++i) EXPECT_NE(sampler.Sample(logits, {}, i, 0, allowed), 1);
}

TEST(SamplerTest, ExtremeLogitsAreSafe) {
  const std::vector<int32_t> logits = {std::numeric_limits<int32_t>::min(),
                                       std::numeric_limits<int32_t>::max(), 0};
  SamplerSettings settings{.temperature = 1000, .top_p = 0.99, .repetition_penalty = 100};
  settings.logit_bias = {{0, -10000}, {1, 10000}};
  Sampler sampler = Make(settings, 3);
  for (uint64_t i = 0; i < 100; ++i) {
    EXPECT_NE(sampler.Sample(logits, std::vector<int32_t>{0, 1}, i), 0);
  }
  EXPECT_EQ(Make({.temperature = 1e-5}, 3).Sample(logits, {}, 0), 1);
}

TEST(SamplerTest, RefusesSettingsThatMeanNothing) {
  const auto error = [](const SamplerSettings& settings) {
    const Status status = CheckSamplerSettings(settings, 10);
    return status ? std::string("none") : status.error().ToString();
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(error({}), "none");
  EXPECT_THAT(error({.temperature = -0.1}), HasSubstr("temperature: -0.1; expected 0"));
  EXPECT_THAT(error({.temperature = nan}), HasSubstr("temperature: nan"));
  EXPECT_THAT(error({.top_k = -1}), HasSubstr("top_k: -1"));
  EXPECT_THAT(error({.top_p = 0}), HasSubstr("top_p: 0; expected above 0"));
  EXPECT_THAT(error({.top_p = 1.01}), HasSubstr("top_p: 1.01"));
  EXPECT_THAT(error({.min_p = -1}), HasSubstr("min_p: -1"));
  EXPECT_THAT(error({.min_p = 2}), HasSubstr("min_p: 2"));
  EXPECT_THAT(error({.repetition_penalty = 0}), HasSubstr("repetition_penalty: 0"));
  EXPECT_THAT(error({.logit_bias = {{10, 1}}}), HasSubstr("token id 10; expected 0 to 9"));
  EXPECT_THAT(error({.logit_bias = {{1, 1e9}}}), HasSubstr("logit_bias"));
}

TEST(SamplerTest, LogProbsSumToOneAndAreSorted) {
  const std::vector<int32_t> logits = LogitsOf({0.2, 0.5, 0.2, 0.1});
  const std::vector<TokenLogProb> top = TopLogProbs(logits, 10);
  ASSERT_EQ(top.size(), 4u);
  EXPECT_EQ(top[0].id, 1);
  EXPECT_EQ(top[1].id, 0);
  EXPECT_EQ(top[2].id, 2);
  EXPECT_NEAR(top[0].log_prob, std::log(0.5), 1e-4);
  double sum = 0;
  for (const TokenLogProb& t : top) sum += std::exp(t.log_prob);
  EXPECT_NEAR(sum, 1, 1e-12);
  EXPECT_EQ(TopLogProbs(logits, 2).size(), 2u);
}

}  // namespace
}  // namespace burin
