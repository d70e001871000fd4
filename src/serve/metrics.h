// What the scheduler counts and measures, and its text for Prometheus (version 0.0.4 of the
// format). Names are vLLM's where vLLM measures the same; ours begin with "burin:".
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/sequence.h"

namespace burin {

// Counts of values in buckets with fixed upper bounds.
class Histogram {
 public:
  explicit Histogram(std::span<const double> bounds) : bounds_(bounds), counts_(bounds.size()) {}
  void Add(double value, uint64_t times = 1);
  // The lines of one metric: _bucket (cumulative), _sum, _count.
  void Print(std::string_view name, std::string_view help, std::string_view labels,
             std::string& out) const;
  double Mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }

 private:
  const std::span<const double> bounds_;
  std::vector<uint64_t> counts_;  // not cumulative; above the last bound: count_ less these
  uint64_t count_ = 0;
  double sum_ = 0;
};

// One value of a metric that the server itself knows: gauges at the time of asking.
struct Gauge {
  std::string_view name, help;
  double value;
  bool counter = false;
};

// Thread-safe.
class Metrics {
 public:
  Metrics();

  void CountStep(double seconds, int64_t prompt_tokens, int64_t new_tokens, int64_t sequences);
  // The first token of a sequence, and the times between later ones.
  void CountToken(double since_last_s, bool first);
  void CountPrefix(int64_t prompt_tokens, int64_t cached_tokens, double queue_s);
  void CountEnd(EndReason reason, const SequenceTimes& times, int64_t prompt_tokens,
                int64_t new_tokens);
  void CountResponse(int status);

  // Mean seconds of an ended request; 0 before the first.
  double MeanRequestSeconds() const;

  // All metrics as text. `model` is the label model_name.
  std::string Print(std::string_view model, std::span<const Gauge> gauges) const;

 private:
  mutable std::mutex mutex_;
  Histogram first_token_, between_tokens_, request_, queue_, prompt_length_, text_length_;
  Histogram step_, step_sequences_;
  uint64_t prompt_tokens_ = 0, new_tokens_ = 0, steps_ = 0;
  uint64_t prefix_queried_ = 0, prefix_hit_ = 0;
  std::map<std::string, uint64_t, std::less<>> ended_;  // by finished_reason
  std::map<int, uint64_t> responses_;                   // by HTTP status
};

const char* EndReasonName(EndReason reason);

}  // namespace burin
