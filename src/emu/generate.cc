#include "emu/generate.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/interrupt.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

Status DecodeTokens(const DecodeSteps& steps, const GenerateOptions& options,
                    std::vector<int32_t>& history, const std::function<bool(int32_t)>& on_token,
                    GenerateResult& result) {
  const Clock::time_point start = Clock::now();
  result.reason = FinishReason::kMaxTokens;
  while (static_cast<int64_t>(result.tokens.size()) < options.max_tokens) {
    const int32_t token = steps.pick(history);
    if (std::ranges::find(options.stop_ids, token) != options.stop_ids.end()) {
      result.reason = FinishReason::kStopId;
      break;
    }
    result.tokens.push_back(token);
    history.push_back(token);
    if (on_token && !on_token(token)) {
      result.reason = FinishReason::kCallback;
      break;
    }
    if (options.constraint != nullptr && !options.constraint->Advance(token)) {
      result.reason = FinishReason::kStopId;
      break;
    }
    if (static_cast<int64_t>(result.tokens.size()) == options.max_tokens) break;
    if (steps.full()) {
      result.reason = FinishReason::kCapacity;
      break;
    }
    if (InterruptRequested()) return Interrupted("generation");
    BURIN_TRY(steps.forward(token));
    ++result.decode_tokens;
  }
  result.decode_s = SecondsSince(start);
  return {};
}

Result<GenerateResult> Generate(const Emulator& emulator, KvCache& cache,
                                std::span<const int32_t> prompt, const GenerateOptions& options,
                                Workspace& workspace,
                                const std::function<bool(int32_t)>& on_token) {
  if (prompt.empty()) return BadInput("prompt", "no tokens", "at least one");
  BURIN_CHECK(options.prefill_chunk >= 1 && options.max_tokens >= 0);
  const int64_t vocab = emulator.model().config.vocab;
  BURIN_ASSIGN(Sampler sampler, Sampler::Create(options.sampling, vocab));

  std::vector<int32_t> history(prompt.begin(), prompt.end());
  std::vector<int32_t> logits(static_cast<size_t>(vocab));
  std::vector<uint64_t> allowed(options.constraint == nullptr ? 0 : (logits.size() + 63) / 64);
  const auto prompt_size = static_cast<int64_t>(prompt.size());
  // At least the last token runs: its logits are needed.
  cache.Truncate(std::min(cache.length(), prompt_size - 1));
  GenerateResult result;
  result.prompt_tokens = prompt_size - cache.length();

  const Clock::time_point prompt_start = Clock::now();
  while (cache.length() < prompt_size) {
    if (InterruptRequested()) return Interrupted("generation");
    const int64_t count = std::min(options.prefill_chunk, prompt_size - cache.length());
    const bool last = cache.length() + count == prompt_size;
    const Chunk chunk{
        &cache, prompt.subspan(static_cast<size_t>(cache.length()), static_cast<size_t>(count)),
        last ? LogitsWanted::kLast : LogitsWanted::kNone, logits, options.adapter};
    BURIN_TRY(emulator.Forward({&chunk, 1}, workspace));
  }
  result.prompt_s = SecondsSince(prompt_start);

  const DecodeSteps steps{
      [&](std::span<const int32_t> ids) {
        if (options.constraint != nullptr) options.constraint->Allowed(allowed);
        return sampler.Sample(logits, ids, ids.size(), options.stream, allowed);
      },
      [&] { return cache.length() == cache.capacity(); },
      [&](int32_t token) -> Status {
        const Chunk chunk{&cache, {&token, 1}, LogitsWanted::kLast, logits, options.adapter};
        return emulator.Forward({&chunk, 1}, workspace);
      }};
  BURIN_TRY(DecodeTokens(steps, options, history, on_token, result));
  return result;
}

}  // namespace burin
