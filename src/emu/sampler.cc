#include "emu/sampler.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>

#include "base/check.h"
#include "base/philox.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

using Uint128 = unsigned __int128;

constexpr double kMaxTemperature = 1000, kMaxBias = 10000, kMaxPenalty = 100;
constexpr double kGreedyBelow = 0x1p-19;  // keeps log2(e) * 2^32 / temperature below 2^52

int64_t Fixed(double x) { return static_cast<int64_t>(std::floor(x + 0.5)); }

// floor(sqrt(x)) for x < 2^124.
uint64_t FloorSqrt(Uint128 x) {
  uint64_t root = 0;
  for (int bit = 61; bit >= 0; --bit) {
    const uint64_t trial = root | uint64_t{1} << bit;
    if (Uint128{trial} * trial <= x) root = trial;
  }
  return root;
}

// 2^(-i / 2^8) with 32 fraction bits, and 2^(-i / 2^16) with 31, each within one unit of its last
// place: products of 2^(-2^-k), which are square roots of square roots of 1/2, with 62 bits.
struct Exp2Tables {
  std::array<uint64_t, 256> high, middle;
};

Exp2Tables MakeExp2Tables() {
  std::array<uint64_t, 17> power{uint64_t{1} << 61};  // power[k] = 2^(-2^-k)
  for (size_t k = 1; k < power.size(); ++k) power[k] = FloorSqrt(Uint128{power[k - 1]} << 62);
  const auto entry = [&](size_t i, size_t unit, int fraction) {  // 2^(-i / 2^unit)
    uint64_t product = uint64_t{1} << 62;
    for (size_t bit = 0; bit < 8; ++bit) {
      if ((i >> bit & 1) == 0) continue;
      product = static_cast<uint64_t>(Uint128{product} * power[unit - bit] >> 62);
    }
    return static_cast<uint64_t>(RoundShift(static_cast<int64_t>(product), 62 - fraction));
  };
  Exp2Tables tables{};
  for (size_t i = 0; i < 256; ++i) {
    tables.high[i] = entry(i, 8, 32);
    tables.middle[i] = entry(i, 16, 31);
  }
  return tables;
}

Status CheckRange(const char* name, double value, bool good, const char* expected) {
  if (good) return {};
  return BadInput(name, fmt::format("{}", value), expected);
}

}  // namespace

Status CheckSamplerSettings(const SamplerSettings& s, int64_t vocab) {
  // Comparisons are written so that NaN fails them.
  BURIN_TRY(CheckRange("temperature", s.temperature,
                       s.temperature >= 0 && s.temperature <= kMaxTemperature,
                       "0 (the most likely token) to 1000"));
  BURIN_TRY(CheckRange("top_k", static_cast<double>(s.top_k), s.top_k >= 0, "0 (all) or more"));
  BURIN_TRY(
      CheckRange("top_p", s.top_p, s.top_p > 0 && s.top_p <= 1, "above 0, and at most 1 (all)"));
  BURIN_TRY(CheckRange("min_p", s.min_p, s.min_p >= 0 && s.min_p <= 1, "0 (off) to 1"));
  BURIN_TRY(
      CheckRange("repetition_penalty", s.repetition_penalty,
                 s.repetition_penalty >= 1 / kMaxPenalty && s.repetition_penalty <= kMaxPenalty,
                 "0.01 to 100; 1 is none"));
  for (const auto& [id, bias] : s.logit_bias) {
    if (id < 0 || id >= vocab) {
      return BadInput("logit_bias", fmt::format("token id {}", id),
                      fmt::format("0 to {}", vocab - 1));
    }
    BURIN_TRY(CheckRange("logit_bias", bias, std::abs(bias) <= kMaxBias, "-10000 to 10000"));
  }
  return {};
}

int32_t ArgMax(std::span<const int32_t> logits) {
  return static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
}

uint64_t HostExp2Negative(uint64_t distance) {
  static const Exp2Tables tables = MakeExp2Tables();
  constexpr uint64_t kLn2Q16 = 45426;
  const uint64_t whole = distance >> 32;
  if (whole >= 33) return 0;
  // 2^-l / 2^32 for the lowest 16 bits l is 1 - l * ln 2 to 2^-33.
  const uint64_t low = (uint64_t{1} << 31) - (((distance & 0xFFFF) * kLn2Q16 + (1 << 16)) >> 17);
  const uint64_t round = uint64_t{1} << 30;
  const uint64_t upper =
      (tables.high[distance >> 24 & 255] * tables.middle[distance >> 16 & 255] + round) >> 31;
  return static_cast<uint64_t>(
      RoundShift(static_cast<int64_t>((upper * low + round) >> 31), static_cast<int>(whole)));
}

Result<Sampler> Sampler::Create(const SamplerSettings& settings, int64_t vocab) {
  BURIN_TRY(CheckSamplerSettings(settings, vocab));
  Sampler sampler;
  sampler.greedy_ = settings.temperature < kGreedyBelow;
  if (!sampler.greedy_) {
    sampler.inverse_temperature_ =
        static_cast<uint64_t>(Fixed(0x1p32 * std::numbers::log2e / settings.temperature));
  }
  sampler.top_k_ = static_cast<size_t>(settings.top_k);
  sampler.top_p_ = static_cast<uint64_t>(Fixed(settings.top_p * 0x1p32));
  sampler.min_p_ = static_cast<uint64_t>(Fixed(settings.min_p * 0x1p32));
  sampler.penalty_ = Fixed(settings.repetition_penalty * 0x1p16);
  sampler.seed_ = settings.seed;
  for (const auto& [id, bias] : settings.logit_bias) {
    sampler.bias_.emplace_back(id, static_cast<int32_t>(Fixed(bias * 0x1p16)));
  }
  sampler.seen_.resize(static_cast<size_t>(vocab));
  return sampler;
}

int32_t Sampler::Sample(std::span<const int32_t> logits, std::span<const int32_t> history,
                        uint64_t position, uint64_t stream, std::span<const uint64_t> allowed) {
  BURIN_CHECK(logits.size() == seen_.size());
  BURIN_CHECK(allowed.empty() || allowed.size() * 64 >= logits.size());
  if (greedy_ && allowed.empty() && penalty_ == 65536 && bias_.empty()) return ArgMax(logits);
  Adjust(logits, history);
  candidates_.clear();
  for (size_t id = 0; id < adjusted_.size(); ++id) {
    if (!allowed.empty() && (allowed[id / 64] >> (id % 64) & 1) == 0) continue;
    candidates_.push_back({static_cast<int32_t>(id), adjusted_[id], 0});
  }
  BURIN_CHECK(!candidates_.empty());
  if (greedy_) return std::min_element(candidates_.begin(), candidates_.end(), Before)->id;
  KeepTopK();
  Weigh();
  KeepTopP();
  return Draw(position, stream);
}

// adjusted_ = logits + bias, then the repetition penalty of Keskar et al. (arXiv:1909.05858), as
// Hugging Face applies it: a positive logit is divided, a negative one multiplied, once an id.
// Rounded half up, saturated.
void Sampler::Adjust(std::span<const int32_t> logits, std::span<const int32_t> history) {
  adjusted_.assign(logits.begin(), logits.end());
  for (const auto& [id, bias] : bias_) {
    int32_t& logit = adjusted_[static_cast<size_t>(id)];
    logit = SaturatingAdd(logit, bias);
  }
  if (penalty_ == 65536) return;
  for (const int32_t id : history) {
    const auto i = static_cast<size_t>(id);
    if (seen_[i]) continue;
    seen_[i] = true;
    const int64_t x = adjusted_[i];
    adjusted_[i] =
        Saturate32(x < 0 ? RoundShift(x * penalty_, 16) : (x * 65536 + penalty_ / 2) / penalty_);
  }
  for (const int32_t id : history) seen_[static_cast<size_t>(id)] = false;
}

void Sampler::KeepTopK() {
  if (top_k_ == 0 || top_k_ >= candidates_.size()) return;
  std::nth_element(candidates_.begin(), candidates_.begin() + static_cast<std::ptrdiff_t>(top_k_),
                   candidates_.end(), Before);
  candidates_.resize(top_k_);
}

// weight = 2^-((largest logit - logit) * log2(e) / temperature), 32 fraction bits. Candidates of
// weight zero go.
void Sampler::Weigh() {
  const int64_t largest = std::min_element(candidates_.begin(), candidates_.end(), Before)->logit;
  for (Candidate& candidate : candidates_) {
    const auto below = static_cast<uint64_t>(largest - candidate.logit);  // 16 fraction bits
    const Uint128 distance = (Uint128{below} * inverse_temperature_ + (1 << 15)) >> 16;
    candidate.weight = distance >> 40 != 0 ? 0 : HostExp2Negative(static_cast<uint64_t>(distance));
  }
  std::erase_if(candidates_, [](const Candidate& c) { return c.weight == 0; });
}

// The shortest run of the likeliest candidates whose weights are at least top_p of all; of those
// the ones with weight >= min_p (the likeliest has weight 1).
void Sampler::KeepTopP() {
  constexpr uint64_t kAll = uint64_t{1} << 32;
  if (top_p_ < kAll) {
    uint64_t total = 0, held = 0;
    for (const Candidate& candidate : candidates_) total += candidate.weight;
    // Sorted piece by piece: the run is short as a rule.
    size_t sorted = 0, kept = 0;
    while (kept == 0 || (Uint128{held} << 32) < Uint128{total} * top_p_) {
      if (kept == sorted) {
        const size_t next = std::min(candidates_.size(), 2 * sorted + 128);
        const auto begin = candidates_.begin() + static_cast<std::ptrdiff_t>(sorted);
        std::partial_sort(begin, candidates_.begin() + static_cast<std::ptrdiff_t>(next),
                          candidates_.end(), Before);
        sorted = next;
      }
      held += candidates_[kept++].weight;
    }
    candidates_.resize(kept);
  }
  if (min_p_ > 0) {
    std::erase_if(candidates_, [this](const Candidate& c) { return c.weight < min_p_; });
  }
}

// The candidate, in order of id, in whose stretch of the summed weights a random point lies.
int32_t Sampler::Draw(uint64_t position, uint64_t stream) {
  const auto by_id = [](const Candidate& a, const Candidate& b) { return a.id < b.id; };
  if (!std::is_sorted(candidates_.begin(), candidates_.end(), by_id)) {
    std::sort(candidates_.begin(), candidates_.end(), by_id);
  }
  uint64_t total = 0;
  for (const Candidate& candidate : candidates_) total += candidate.weight;
  const std::array<uint32_t, 4> words = Philox(seed_, stream, position);
  const uint64_t random = uint64_t{words[1]} << 32 | words[0];
  const auto point = static_cast<uint64_t>(Uint128{random} * total >> 64);
  uint64_t sum = 0;
  for (const Candidate& candidate : candidates_) {
    sum += candidate.weight;
    if (sum > point) return candidate.id;
  }
  return candidates_.back().id;  // not reached: point < total
}

double LogSumExp(std::span<const int32_t> logits) {
  const int32_t largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const int32_t logit : logits) {
    sum += std::exp(static_cast<double>(int64_t{logit} - largest) * 0x1p-16);
  }
  return largest * 0x1p-16 + std::log(sum);
}

std::vector<TokenLogProb> TopLogProbs(std::span<const int32_t> logits, size_t count) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  count = std::min(count, ids.size());
  const auto logit = [&](int32_t id) { return logits[static_cast<size_t>(id)]; };
  std::partial_sort(
      ids.begin(), ids.begin() + static_cast<std::ptrdiff_t>(count), ids.end(),
      [&](int32_t a, int32_t b) { return logit(a) != logit(b) ? logit(a) > logit(b) : a < b; });
  const double log_sum = LogSumExp(logits);
  std::vector<TokenLogProb> top;
  for (size_t i = 0; i < count; ++i) {
    top.push_back({ids[i], logit(ids[i]) * 0x1p-16 - log_sum});
  }
  return top;
}

}  // namespace burin
