// A sequence at work: its cache, its text so far, its sampler. Internal to the scheduler.
#pragma once

#include <memory>
#include <optional>
#include <unordered_map>
#include <vector>

#include "emu/kv_cache.h"
#include "emu/sampler.h"
#include "serve/scheduler.h"

namespace burin {

// Presence and frequency penalties in the logits' own integers (kVectorFraction = 16 fraction
// bits): floor(penalty * 2^16 + 1/2), the frequency one times the count; saturating.
class TextPenalties {
 public:
  TextPenalties(double presence, double frequency);
  bool active() const { return presence_ != 0 || frequency_ != 0; }
  void Count(int32_t id) { ++counts_[id]; }
  void Apply(std::span<int32_t> logits) const;

 private:
  const int64_t presence_, frequency_;
  std::unordered_map<int32_t, int64_t> counts_;
};

// Which adapter: its LoadedAdapter::id, 0 for none.
uint64_t AdapterIdOf(const SequenceRequest& request);

struct Scheduler::Work {
  Work(std::shared_ptr<Sequence> of, Sampler drawing, int64_t vocab);

  const SequenceRequest& request() const { return sequence->request; }
  bool in_prompt() const { return !cache || cache->length() < prompt_size(); }
  int64_t prompt_size() const { return static_cast<int64_t>(request().prompt.size()); }
  int64_t new_tokens() const { return static_cast<int64_t>(ids.size()) - prompt_size(); }
  // The next id from `logits`, which penalties change; nullopt when the constraint leaves none.
  std::optional<int32_t> Draw();

  const std::shared_ptr<Sequence> sequence;
  Sampler sampler;
  TextPenalties penalties;
  std::optional<KvCache> cache;               // from the first step on
  std::vector<int32_t> ids;                   // prompt and text
  std::vector<int32_t> logits;                // [vocab] after the last id
  std::vector<int32_t> prompt_logits;         // [tokens of the chunk][vocab], for prompt_logprobs
  std::vector<uint64_t> allowed;              // of the constraint
  int64_t positions = 0;                      // reserved
  int64_t chunk_begin = 0, chunk_tokens = 0;  // of the present step
  SequenceTimes times;
  std::chrono::steady_clock::time_point last_token;
  std::vector<NewToken> fresh_prompt, fresh;  // not delivered yet
  std::optional<EndReason> ended;
};

}  // namespace burin
