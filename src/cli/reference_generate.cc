#include "cli/reference_generate.h"

#include <algorithm>
#include <chrono>
#include <cmath>

#include "base/interrupt.h"
#include "numeric/fixed.h"
#include "numeric/vector_ops.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void ToFixed(std::span<const float> logits, std::vector<int32_t>& fixed) {
  constexpr double kLimit = 2147483647.0;
  fixed.resize(logits.size());
  for (size_t i = 0; i < logits.size(); ++i) {
    const double scaled = std::ldexp(static_cast<double>(logits[i]), kVectorFraction);
    fixed[i] = static_cast<int32_t>(std::clamp(std::floor(scaled + 0.5), -kLimit, kLimit));
  }
}

// Picks tokens from float logits.
class Picker {
 public:
  static Result<Picker> Create(const GenerateOptions& options, int64_t vocab) {
    const SamplerSettings& settings = options.sampling;
    BURIN_ASSIGN(Sampler sampler, Sampler::Create(settings, vocab));
    const bool plain = settings.temperature == 0 && settings.repetition_penalty == 1 &&
                       settings.logit_bias.empty() && options.constraint == nullptr;
    const auto words = static_cast<size_t>(options.constraint == nullptr ? 0 : (vocab + 63) / 64);
    return Picker(std::move(sampler), plain, options.constraint, words);
  }

  int32_t Pick(std::span<const float> logits, std::span<const int32_t> history, uint64_t stream) {
    if (plain_) {
      return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
    }
    ToFixed(logits, fixed_);
    if (constraint_ != nullptr) constraint_->Allowed(allowed_);
    return sampler_.Sample(fixed_, history, history.size(), stream, allowed_);
  }

 private:
  Picker(Sampler sampler, bool plain, TokenConstraint* constraint, size_t words)
      : sampler_(std::move(sampler)), plain_(plain), constraint_(constraint), allowed_(words) {}
  Sampler sampler_;
  bool plain_;
  TokenConstraint* constraint_;
  std::vector<uint64_t> allowed_;
  std::vector<int32_t> fixed_;
};

Status CheckPrompt(const ReferenceModel& model, const ReferenceState& state,
                   std::span<const int32_t> prompt) {
  if (prompt.empty()) return BadInput("prompt", "no tokens", "at least one");
  if (static_cast<int64_t>(prompt.size()) > state.capacity()) {
    return BadInput("prompt", fmt::format("{} tokens", prompt.size()),
                    fmt::format("at most {}", state.capacity()));
  }
  for (const int32_t id : prompt) {
    if (id < 0 || id >= model.config().vocab) {
      return BadInput("prompt", fmt::format("token id {}", id),
                      fmt::format("0 to {}", model.config().vocab - 1));
    }
  }
  return {};
}

// Takes all of the prompt but its last token.
Status Prefill(const ReferenceModel& model, ReferenceState& state, std::span<const int32_t> prompt,
               int64_t chunk, ThreadPool* pool) {
  const auto end = static_cast<int64_t>(prompt.size()) - 1;
  state.Rewind(std::min(state.position(), end));
  while (state.position() < end) {
    if (InterruptRequested()) return Interrupted("generation");
    const int64_t count = std::min(chunk, end - state.position());
    model.ForwardSequence(
        state, prompt.subspan(static_cast<size_t>(state.position()), static_cast<size_t>(count)),
        {}, pool);
  }
  return {};
}

}  // namespace

Result<GenerateResult> GenerateReference(const ReferenceModel& model, ReferenceState& state,
                                         std::span<const int32_t> prompt,
                                         const GenerateOptions& options, ThreadPool* pool,
                                         const std::function<bool(int32_t)>& on_token) {
  BURIN_TRY(CheckPrompt(model, state, prompt));
  BURIN_ASSIGN(Picker picker, Picker::Create(options, model.config().vocab));
  GenerateResult result;
  const Clock::time_point prompt_start = Clock::now();
  BURIN_TRY(Prefill(model, state, prompt, options.prefill_chunk, pool));
  std::span<const float> logits = model.Forward(state, prompt.back(), pool);
  result.prompt_tokens = static_cast<int64_t>(prompt.size());
  result.prompt_s = SecondsSince(prompt_start);

  std::vector<int32_t> history(prompt.begin(), prompt.end());
  const DecodeSteps steps{
      [&](std::span<const int32_t> ids) { return picker.Pick(logits, ids, options.stream); },
      [&] { return state.position() == state.capacity(); },
      [&](int32_t token) -> Status {
        logits = model.Forward(state, token, pool);
        return {};
      }};
  BURIN_TRY(DecodeTokens(steps, options, history, on_token, result));
  return result;
}

}  // namespace burin
