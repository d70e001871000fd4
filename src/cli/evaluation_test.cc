#include "cli/evaluation.h"

#include <gmock/gmock.h>

#include <cmath>

namespace burin {
namespace {

// Gives the same logits, whatever came before.
class Constant final : public Predictor {
 public:
  explicit Constant(std::vector<float> logits) : logits_(std::move(logits)) {}
  void Restart() override {}
  Status Next(std::span<const int32_t> tokens, std::span<float> logits) override {
    for (size_t i = 0; i < logits.size(); ++i) logits[i] = logits_[i % logits_.size()];
    EXPECT_EQ(tokens.size() * logits_.size(), logits.size());
    return {};
  }

 private:
  std::vector<float> logits_;
};

TEST(Evaluation, NumbersOfTwoKnownDistributions) {
  // p = (1/2, 1/4, 1/4), q = (1/4, 1/2, 1/4).
  const auto log2 = static_cast<float>(std::log(2.0));
  std::vector<std::unique_ptr<Predictor>> predictors;
  predictors.push_back(std::make_unique<Constant>(std::vector<float>{log2, 0, 0}));
  predictors.push_back(std::make_unique<Constant>(std::vector<float>{5, 5 + log2, 5}));
  ScoredText text;
  text.pieces = {{.inputs = std::vector<int32_t>(40, 0), .targets = std::vector<int32_t>(40, 0)},
                 {.inputs = {1, 2}, .targets = {1, 2}}};
  text.predicted = 42;
  ThreadPool pool(2);
  const auto scores = ScoreText(text, predictors, 3, /*has_reference=*/true, pool, nullptr);
  ASSERT_TRUE(scores);
  const Quality p = Summarise((*scores)[0], &(*scores)[0]);
  const Quality q = Summarise((*scores)[1], &(*scores)[0]);
  const double nats = std::log(2.0);
  EXPECT_NEAR(p.nll.mean, (40 * nats + 2 * nats + 2 * nats) / 42, 1e-6);
  EXPECT_NEAR(p.perplexity, std::exp(p.nll.mean), 1e-12);
  EXPECT_NEAR(q.nll.mean, (40 * 2 * nats + nats + 2 * nats) / 42, 1e-6);
  EXPECT_NEAR(q.kl.mean, nats / 4, 1e-6);  // 1/2 log 2 - 1/4 log 2
  EXPECT_NEAR(q.kl_p99, nats / 4, 1e-6);
  EXPECT_NEAR(q.kl.error, 0, 1e-9);
  EXPECT_EQ(q.top1.mean, 0);
  EXPECT_NEAR(q.nll_above_reference.mean, q.nll.mean - p.nll.mean, 1e-9);
}

TEST(Evaluation, StandardErrorOfAMean) {
  const std::vector<double> values = {1, 2, 3, 4};
  const SampleMean estimate = MeanOf(values);
  EXPECT_DOUBLE_EQ(estimate.mean, 2.5);
  EXPECT_NEAR(estimate.error, std::sqrt(5.0 / 3 / 4), 1e-12);
}

}  // namespace
}  // namespace burin
