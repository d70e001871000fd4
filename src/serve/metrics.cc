#include "serve/metrics.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin {
namespace {

// vLLM's bounds for times, with smaller ones in front: a small model on a chip is that fast.
constexpr double kSeconds[] = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.02,
                               0.04,    0.06,   0.08,    0.1,    0.25,  0.5,    0.75,  1,    2.5,
                               5,       7.5,    10,      20,     40,    80,     160,   640};
constexpr double kTokens[] = {1,    2,    5,    10,     20,     50,     100,     200,    500,
                              1000, 2000, 5000, 10'000, 20'000, 50'000, 100'000, 200'000};
constexpr double kSequences[] = {1, 2, 4, 8, 16, 32, 64, 128, 256, 512};

double InSeconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double>(time).count();
}

void Head(std::string_view name, std::string_view help, std::string_view type, std::string& out) {
  out += fmt::format("# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
}

void Line(std::string_view name, std::string_view labels, uint64_t value, std::string& out) {
  out += fmt::format("{}{{{}}} {}\n", name, labels, value);
}

// As Prometheus wants it between quotes.
std::string Escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\' || c == '"') out += '\\';
    out += c == '\n' ? ' ' : c;
  }
  return out;
}

}  // namespace

const char* EndReasonName(EndReason reason) {
  switch (reason) {
    case EndReason::kStopId:
    case EndReason::kConstraint:
      return "stop";
    case EndReason::kLength:
    case EndReason::kContext:
      return "length";
    case EndReason::kDeadline:
      return "timeout";
    default:
      return "abort";
  }
}

void Histogram::Add(double value, uint64_t times) {
  const auto at = std::ranges::lower_bound(bounds_, value) - bounds_.begin();
  if (at < std::ssize(counts_)) counts_[static_cast<size_t>(at)] += times;
  count_ += times;
  sum_ += value * static_cast<double>(times);
}

void Histogram::Print(std::string_view name, std::string_view help, std::string_view labels,
                      std::string& out) const {
  Head(name, help, "histogram", out);
  uint64_t below = 0;
  for (size_t i = 0; i < counts_.size(); ++i) {
    below += counts_[i];
    out += fmt::format("{}_bucket{{{},le=\"{}\"}} {}\n", name, labels, bounds_[i], below);
  }
  out += fmt::format("{}_bucket{{{},le=\"+Inf\"}} {}\n", name, labels, count_);
  out += fmt::format("{}_sum{{{}}} {}\n", name, labels, sum_);
  out += fmt::format("{}_count{{{}}} {}\n", name, labels, count_);
}

Metrics::Metrics()
    : first_token_(kSeconds),
      between_tokens_(kSeconds),
      request_(kSeconds),
      queue_(kSeconds),
      prompt_length_(kTokens),
      text_length_(kTokens),
      step_(kSeconds),
      step_sequences_(kSequences) {}

void Metrics::CountStep(double seconds, int64_t prompt_tokens, int64_t new_tokens,
                        int64_t sequences) {
  const std::lock_guard lock(mutex_);
  ++steps_;
  step_.Add(seconds);
  step_sequences_.Add(static_cast<double>(sequences));
  prompt_tokens_ += static_cast<uint64_t>(prompt_tokens);
  new_tokens_ += static_cast<uint64_t>(new_tokens);
}

void Metrics::CountToken(double since_last_s, bool first) {
  const std::lock_guard lock(mutex_);
  (first ? first_token_ : between_tokens_).Add(since_last_s);
}

void Metrics::CountPrefix(int64_t prompt_tokens, int64_t cached_tokens, double queue_s) {
  const std::lock_guard lock(mutex_);
  prefix_queried_ += static_cast<uint64_t>(prompt_tokens);
  prefix_hit_ += static_cast<uint64_t>(cached_tokens);
  queue_.Add(queue_s);
}

void Metrics::CountEnd(EndReason reason, const SequenceTimes& times, int64_t prompt_tokens,
                       int64_t new_tokens) {
  const std::lock_guard lock(mutex_);
  ++ended_[EndReasonName(reason)];
  request_.Add(InSeconds(times.ended - times.submitted));
  prompt_length_.Add(static_cast<double>(prompt_tokens));
  text_length_.Add(static_cast<double>(new_tokens));
}

void Metrics::CountResponse(int status) {
  const std::lock_guard lock(mutex_);
  ++responses_[status];
}

double Metrics::MeanRequestSeconds() const {
  const std::lock_guard lock(mutex_);
  return request_.Mean();
}

std::string Metrics::Print(std::string_view model, std::span<const Gauge> gauges) const {
  const std::string labels = fmt::format("model_name=\"{}\"", Escaped(model));
  std::string out;
  for (const Gauge& gauge : gauges) {
    Head(gauge.name, gauge.help, gauge.counter ? "counter" : "gauge", out);
    out += fmt::format("{}{{{}}} {}\n", gauge.name, labels, gauge.value);
  }
  const std::lock_guard lock(mutex_);
  auto counter = [&](std::string_view name, std::string_view help, uint64_t value) {
    Head(name, help, "counter", out);
    Line(name, labels, value, out);
  };
  counter("vllm:prompt_tokens_total", "Prompt tokens run through the layers.", prompt_tokens_);
  counter("vllm:generation_tokens_total", "New tokens.", new_tokens_);
  counter("vllm:prefix_cache_queries_total", "Prompt tokens looked up.", prefix_queried_);
  counter("vllm:prefix_cache_hits_total", "Prompt tokens found in the KV memory.", prefix_hit_);
  counter("vllm:num_preemptions_total", "Sequences set back; none ever is.", 0);
  counter("burin:steps_total", "Forward calls.", steps_);
  Head("vllm:request_success_total", "Sequences ended, by reason.", "counter", out);
  for (const char* reason : {"stop", "length", "abort", "timeout"}) {
    const auto it = ended_.find(reason);
    Line("vllm:request_success_total", fmt::format("{},finished_reason=\"{}\"", labels, reason),
         it == ended_.end() ? 0 : it->second, out);
  }
  Head("burin:http_responses_total", "Answers, by HTTP status.", "counter", out);
  for (const auto& [status, count] : responses_) {
    Line("burin:http_responses_total", fmt::format("{},code=\"{}\"", labels, status), count, out);
  }
  first_token_.Print("vllm:time_to_first_token_seconds", "From the request to its first token.",
                     labels, out);
  between_tokens_.Print("vllm:inter_token_latency_seconds", "Between tokens of a sequence.", labels,
                        out);
  request_.Print("vllm:e2e_request_latency_seconds", "From the request to its last token.", labels,
                 out);
  queue_.Print("vllm:request_queue_time_seconds", "From the request to its place in a batch.",
               labels, out);
  prompt_length_.Print("vllm:request_prompt_tokens", "Prompt tokens of a sequence.", labels, out);
  text_length_.Print("vllm:request_generation_tokens", "New tokens of a sequence.", labels, out);
  step_.Print("burin:step_seconds", "One Forward call with its sampling.", labels, out);
  step_sequences_.Print("burin:step_sequences", "Sequences that share a Forward call.", labels,
                        out);
  return out;
}

}  // namespace burin
