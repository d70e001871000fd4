// Quality of a model on a text: how well it predicts, and how far its predictions are from those of
// a reference on the same tokens (docs/evaluation.md).
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "emu/emulator.h"
#include "model/reference.h"
#include "text/tokenizer.h"

namespace burin {

// Something that predicts tokens; logits in natural-log units.
class Predictor {
 public:
  virtual ~Predictor() = default;
  // Forgets what came before.
  virtual void Restart() = 0;
  // Takes the next tokens and gives logits [tokens][vocab] of what follows each of them.
  virtual Status Next(std::span<const int32_t> tokens, std::span<float> logits) = 0;
};

// `emulator` or `model` must outlive it. At most `window` tokens between restarts.
Result<std::unique_ptr<Predictor>> MakePredictor(const Emulator& emulator, int64_t window,
                                                 const Adapter* adapter = nullptr);
Result<std::unique_ptr<Predictor>> MakePredictor(const ReferenceModel& model, int64_t window,
                                                 ThreadPool& pool);

// A text as the models see it: pieces of a few hundred tokens, each read from an empty memory.
struct ScoredText {
  struct Piece {
    std::vector<int32_t> inputs;   // begins with BOS, if the model has one
    std::vector<int32_t> targets;  // what follows each input
  };
  std::vector<Piece> pieces;
  int64_t tokens = 0;     // of the text, without BOS
  int64_t predicted = 0;  // targets in all
};

// Tokenizes the whole text once and cuts it: with BOS in pieces of window - 1 tokens behind it,
// every token predicted; without in pieces of `window` tokens, the first of each not predicted. At
// most `max_tokens` tokens of the text (0: all). Errors: nothing to predict.
Result<ScoredText> CutText(const Tokenizer& tokenizer, std::string_view text, int64_t window,
                           int64_t max_tokens);

// One number for each predicted token, in order.
struct TokenScores {
  std::vector<double> nll;   // -log probability of the token that came
  std::vector<double> kl;    // sum p log(p / q), p the reference's; empty without reference
  std::vector<uint8_t> top;  // 1 if the likeliest token is the reference's; as kl
};

// Scores of all predictors, each over the same tokens. `has_reference`: the first is the reference
// that the others are compared with. `progress` (may be null) counts tokens.
Result<std::vector<TokenScores>> ScoreText(const ScoredText& text,
                                           std::span<const std::unique_ptr<Predictor>> predictors,
                                           int64_t vocab, bool has_reference, ThreadPool& pool,
                                           Progress* progress);

// A mean over tokens, and the standard error of that mean if tokens were independent.
struct SampleMean {
  double mean = 0, error = 0;
};
SampleMean MeanOf(std::span<const double> values);

struct Quality {
  double perplexity = 0, perplexity_error = 0;  // exp(mean nll); error by the delta method
  SampleMean nll;
  // The rest only against a reference.
  SampleMean kl, top1;
  double kl_p99 = 0;  // the value that 99 % of the tokens are not above
  SampleMean
      nll_above_reference;  // mean of nll - reference nll: the log of the perplexities' ratio
};
Quality Summarise(const TokenScores& scores, const TokenScores* reference);

}  // namespace burin
