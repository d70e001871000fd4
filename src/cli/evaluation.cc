#include "cli/evaluation.h"

#include <algorithm>
#include <cmath>
#include <optional>

#include "base/interrupt.h"

namespace burin {
namespace {

constexpr int64_t kBlock = ReferenceModel::kChunk;  // tokens between two comparisons

class ChipPredictor final : public Predictor {
 public:
  ChipPredictor(const Emulator& emulator, KvCache cache, const Adapter* adapter)
      : emulator_(emulator), adapter_(adapter), cache_(std::move(cache)) {}

  void Restart() override { cache_.Truncate(0); }
  Status Next(std::span<const int32_t> tokens, std::span<float> logits) override {
    fixed_.resize(logits.size());
    const Chunk chunk{&cache_, tokens, LogitsWanted::kAll, fixed_, adapter_};
    BURIN_TRY(emulator_.Forward({&chunk, 1}, workspace_));
    constexpr float kUnit = 1.0F / (1 << kVectorFraction);
    for (size_t i = 0; i < fixed_.size(); ++i) logits[i] = static_cast<float>(fixed_[i]) * kUnit;
    return {};
  }

 private:
  const Emulator& emulator_;
  const Adapter* const adapter_;
  KvCache cache_;
  Workspace workspace_;
  std::vector<int32_t> fixed_;
};

class ReferencePredictor final : public Predictor {
 public:
  ReferencePredictor(const ReferenceModel& model, ReferenceState state, ThreadPool& pool)
      : model_(model), state_(std::move(state)), pool_(pool) {}

  void Restart() override { state_.Rewind(0); }
  Status Next(std::span<const int32_t> tokens, std::span<float> logits) override {
    size_t at = 0;
    model_.ForwardSequence(
        state_, tokens,
        [&](int64_t, std::span<const float> row) {
          std::ranges::copy(row, logits.subspan(at, row.size()).begin());
          at += row.size();
        },
        &pool_);
    return {};
  }

 private:
  const ReferenceModel& model_;
  ReferenceState state_;
  ThreadPool& pool_;
};

struct Distribution {
  std::span<const float> logits;
  double log_sum = 0;  // of exp(logits)
  size_t top = 0;      // lowest index of the largest

  explicit Distribution(std::span<const float> of) : logits(of) {
    top = static_cast<size_t>(std::ranges::max_element(of) - of.begin());
    const auto largest = static_cast<double>(of[top]);
    double sum = 0;
    for (const float x : of) sum += std::exp(static_cast<double>(x) - largest);
    log_sum = largest + std::log(sum);
  }
  double LogProbability(size_t i) const { return static_cast<double>(logits[i]) - log_sum; }
};

double Divergence(const Distribution& p, const Distribution& q) {
  double sum = 0;
  for (size_t i = 0; i < p.logits.size(); ++i) {
    const double log_p = p.LogProbability(i);
    sum += std::exp(log_p) * (log_p - q.LogProbability(i));
  }
  return std::max(sum, 0.0);  // rounding may take it below
}

// Logits of all predictors for a block of tokens, and the numbers that come of them.
class BlockScorer {
 public:
  BlockScorer(size_t predictors, int64_t vocab, int64_t tokens, bool has_reference)
      : vocab_(static_cast<size_t>(vocab)),
        has_reference_(has_reference),
        logits_(predictors,
                std::vector<float>(vocab_ * static_cast<size_t>(std::min(kBlock, tokens)))) {}

  std::span<float> Logits(size_t predictor, size_t tokens) {
    return std::span(logits_[predictor]).first(tokens * vocab_);
  }

  // Token `t` of the block, which is number `index` of all.
  void ScoreToken(size_t t, size_t index, int32_t target, std::span<TokenScores> scores) const {
    const auto wanted = static_cast<size_t>(target);
    const Distribution first(Row(0, t));
    scores[0].nll[index] = -first.LogProbability(wanted);
    for (size_t i = 1; i < logits_.size(); ++i) {
      const Distribution other(Row(i, t));
      scores[i].nll[index] = -other.LogProbability(wanted);
      if (!has_reference_) continue;
      scores[i].kl[index] = Divergence(first, other);
      scores[i].top[index] = first.top == other.top;
    }
  }

 private:
  std::span<const float> Row(size_t predictor, size_t t) const {
    return std::span(logits_[predictor]).subspan(t * vocab_, vocab_);
  }

  const size_t vocab_;
  const bool has_reference_;
  std::vector<std::vector<float>> logits_;
};

std::vector<TokenScores> EmptyScores(size_t predictors, int64_t predicted, bool has_reference) {
  std::vector<TokenScores> scores(predictors);
  const auto count = static_cast<size_t>(predicted);
  for (size_t i = 0; i < predictors; ++i) {
    scores[i].nll.resize(count);
    if (!has_reference || i == 0) continue;
    scores[i].kl.resize(count);
    scores[i].top.resize(count);
  }
  return scores;
}

}  // namespace

Result<std::unique_ptr<Predictor>> MakePredictor(const Emulator& emulator, int64_t window,
                                                 const Adapter* adapter) {
  BURIN_ASSIGN(KvCache cache, emulator.NewCache(window));
  return std::make_unique<ChipPredictor>(emulator, std::move(cache), adapter);
}

Result<std::unique_ptr<Predictor>> MakePredictor(const ReferenceModel& model, int64_t window,
                                                 ThreadPool& pool) {
  BURIN_ASSIGN(ReferenceState state, ReferenceState::Create(model.config(), window));
  return std::make_unique<ReferencePredictor>(model, std::move(state), pool);
}

Result<ScoredText> CutText(const Tokenizer& tokenizer, std::string_view text, int64_t window,
                           int64_t max_tokens) {
  std::vector<int32_t> ids = tokenizer.Encode(text);
  const auto bos = tokenizer.bos_id();
  const bool has_bos = bos && !ids.empty() && ids.front() == *bos;
  if (has_bos) ids.erase(ids.begin());
  if (max_tokens > 0 && static_cast<int64_t>(ids.size()) > max_tokens) {
    ids.resize(static_cast<size_t>(max_tokens));
  }
  ScoredText scored;
  scored.tokens = static_cast<int64_t>(ids.size());
  const auto step = static_cast<size_t>(has_bos ? window - 1 : window);
  for (size_t begin = 0; begin < ids.size(); begin += step) {
    std::vector<int32_t> piece;
    if (has_bos) piece.push_back(*bos);
    const size_t end = std::min(ids.size(), begin + step);
    piece.insert(piece.end(), ids.begin() + static_cast<int64_t>(begin),
                 ids.begin() + static_cast<int64_t>(end));
    if (piece.size() < 2) continue;
    scored.pieces.push_back(
        {.inputs = {piece.begin(), piece.end() - 1}, .targets = {piece.begin() + 1, piece.end()}});
    scored.predicted += static_cast<int64_t>(piece.size()) - 1;
  }
  if (scored.predicted == 0) {
    return BadInput("the text", fmt::format("{} tokens", scored.tokens), "something to predict",
                    "Give a longer text.");
  }
  return scored;
}

Result<std::vector<TokenScores>> ScoreText(const ScoredText& text,
                                           std::span<const std::unique_ptr<Predictor>> predictors,
                                           int64_t vocab, bool has_reference, ThreadPool& pool,
                                           Progress* progress) {
  std::vector<TokenScores> scores = EmptyScores(predictors.size(), text.predicted, has_reference);
  BlockScorer block(predictors.size(), vocab, text.predicted, has_reference);
  size_t index = 0;
  for (const ScoredText::Piece& piece : text.pieces) {
    for (const auto& predictor : predictors) predictor->Restart();
    for (size_t begin = 0; begin < piece.inputs.size(); begin += kBlock) {
      if (InterruptRequested()) return Interrupted("evaluation");
      const size_t count = std::min<size_t>(kBlock, piece.inputs.size() - begin);
      const auto inputs = std::span(piece.inputs).subspan(begin, count);
      for (size_t i = 0; i < predictors.size(); ++i) {
        BURIN_TRY(predictors[i]->Next(inputs, block.Logits(i, count)));
      }
      pool.ForEach(count, [&](size_t t) {
        block.ScoreToken(t, index + t, piece.targets[begin + t], scores);
      });
      index += count;
      if (progress != nullptr) progress->Add(count);
    }
  }
  return scores;
}

SampleMean MeanOf(std::span<const double> values) {
  const auto count = static_cast<double>(values.size());
  if (values.empty()) return {};
  double sum = 0, squares = 0;
  for (const double v : values) sum += v;
  const double mean = sum / count;
  for (const double v : values) squares += (v - mean) * (v - mean);
  return {mean, values.size() < 2 ? 0 : std::sqrt(squares / (count - 1) / count)};
}

Quality Summarise(const TokenScores& scores, const TokenScores* reference) {
  Quality quality;
  quality.nll = MeanOf(scores.nll);
  quality.perplexity = std::exp(quality.nll.mean);
  quality.perplexity_error = quality.perplexity * quality.nll.error;
  if (reference == nullptr || scores.kl.empty()) return quality;
  quality.kl = MeanOf(scores.kl);
  std::vector<double> sorted = scores.kl;
  std::ranges::sort(sorted);
  const auto rank = static_cast<size_t>(std::ceil(0.99 * static_cast<double>(sorted.size())));
  quality.kl_p99 = sorted[std::max<size_t>(rank, 1) - 1];
  quality.top1 = MeanOf(std::vector<double>(scores.top.begin(), scores.top.end()));
  std::vector<double> difference(scores.nll.size());
  for (size_t i = 0; i < difference.size(); ++i) difference[i] = scores.nll[i] - reference->nll[i];
  quality.nll_above_reference = MeanOf(difference);
  return quality;
}

}  // namespace burin
