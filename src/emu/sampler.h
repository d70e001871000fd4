// From logits to the next token, in integers (docs/numerics.md, section 10): the choice depends on
// (logits, history, settings, stream, position) only, on any machine and for any thread count.
//
// Order, as Hugging Face `generate`: logit bias, repetition penalty, temperature, top-k, top-p,
// min-p, draw. (llama.cpp applies the temperature last by default; at temperature 1 the two agree.)
#pragma once

#include <cstdint>
#include <span>
#include <utility>
#include <vector>

#include "base/result.h"

namespace burin {

struct SamplerSettings {
  double temperature = 0;         // 0, or less than 2^-19, means the most likely token
  int64_t top_k = 0;              // keep this many; 0 means all
  double top_p = 1;               // keep the fewest that hold this much probability; 1 means all
  double min_p = 0;               // keep those at least this likely relative to the likeliest
  double repetition_penalty = 1;  // > 1 makes ids that were seen less likely
  uint64_t seed = 0;
  std::vector<std::pair<int32_t, double>> logit_bias = {};  // (id, natural-log units added)
};

// Refuses numbers that mean nothing, with the name of the setting.
Status CheckSamplerSettings(const SamplerSettings& settings, int64_t vocab);

// The id of the largest logit; of equals the lowest. At least one logit.
int32_t ArgMax(std::span<const int32_t> logits);

// Settings in fixed point and scratch memory. One thread at a time.
//
// Conversions, each floor(x + 1/2) of a double product or quotient: penalty * 2^16, bias * 2^16,
// log2(e) * 2^32 / temperature, top_p * 2^32, min_p * 2^32.
class Sampler {
 public:
  // Errors: those of CheckSamplerSettings.
  static Result<Sampler> Create(const SamplerSettings& settings, int64_t vocab);

  // The next id after `history` (prompt and text so far; repetitions count once), from `logits`
  // [vocab] with kVectorFraction bits. `position` is the place of the new token in its sequence;
  // `stream` tells sequences of one seed apart. `allowed`, if not empty, is a bit for each id (id
  // 0 is bit 0 of word 0) with at least one set: no other id is chosen.
  int32_t Sample(std::span<const int32_t> logits, std::span<const int32_t> history,
                 uint64_t position, uint64_t stream = 0, std::span<const uint64_t> allowed = {});

 private:
  struct Candidate {
    int32_t id;
    int32_t logit;
    uint64_t weight;
  };
  static bool Before(const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.id < b.id;
  }

  Sampler() = default;
  void Adjust(std::span<const int32_t> logits, std::span<const int32_t> history);
  void KeepTopK();
  void Weigh();
  void KeepTopP();
  int32_t Draw(uint64_t position, uint64_t stream);

  bool greedy_ = true;
  size_t top_k_ = 0;
  uint64_t inverse_temperature_ = 0;  // log2(e) / temperature, 32 fraction bits
  uint64_t top_p_ = 0;                // 32 fraction bits
  uint64_t min_p_ = 0;                // 32 fraction bits
  int64_t penalty_ = 0;               // 16 fraction bits
  uint64_t seed_ = 0;
  std::vector<std::pair<int32_t, int32_t>> bias_;  // kVectorFraction bits
  std::vector<int32_t> adjusted_;                  // [vocab]
  std::vector<bool> seen_;                         // [vocab], all false between calls
  std::vector<Candidate> candidates_;
};

// 2^(-distance * 2^-32) with 32 fraction bits, in [0, 2^32]; within 2^-30 of the true value, 0 from
// 33 * 2^32 on. Integers only, also the making of its tables.
uint64_t HostExp2Negative(uint64_t distance);

struct TokenLogProb {
  int32_t id;
  double log_prob;  // natural logarithm
};

// log(sum exp(logit * 2^-16)): the log probability of id i is logits[i] * 2^-16 less this. A
// report, in double; not part of the contract.
double LogSumExp(std::span<const int32_t> logits);

// The `count` likeliest ids (at most the vocabulary), likeliest first, ties by lower id.
std::vector<TokenLogProb> TopLogProbs(std::span<const int32_t> logits, size_t count);

}  // namespace burin
