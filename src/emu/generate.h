// One sequence from prompt to end: prefill in chunks, then token by token.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "emu/emulator.h"
#include "emu/sampler.h"
#include "emu/token_constraint.h"

namespace burin {

struct GenerateOptions {
  SamplerSettings sampling = {};
  // End-of-text ids; the one that ends the text is not part of it.
  std::vector<int32_t> stop_ids = {};
  int64_t max_tokens = 256;          // >= 0
  int64_t prefill_chunk = 512;       // prompt tokens between two looks at the interrupt flag
  uint64_t stream = 0;               // tells sequences of one seed apart
  const Adapter* adapter = nullptr;  // of all tokens; what is in the cache must come from it, too
  TokenConstraint* constraint = nullptr;  // null: any text; stop_ids hold its end ids
};

enum class FinishReason : uint8_t {
  kStopId,     // the model ended the text, or the constraint left nothing to follow
  kMaxTokens,  // options.max_tokens are there
  kCapacity,   // the cache is full
  kCallback,   // on_token said so
};

struct GenerateResult {
  std::vector<int32_t> tokens;
  FinishReason reason = FinishReason::kMaxTokens;
  int64_t prompt_tokens = 0;  // run through the layers; those found in the cache do not count
  int64_t decode_tokens = 0;  // forward passes after the prompt
  double prompt_s = 0, decode_s = 0;

  double PromptTokensPerS() const {
    return prompt_s > 0 ? static_cast<double>(prompt_tokens) / prompt_s : 0;
  }
  double DecodeTokensPerS() const {
    return decode_s > 0 ? static_cast<double>(decode_tokens) / decode_s : 0;
  }
};

// What decoding needs of a model, whichever computes it.
struct DecodeSteps {
  std::function<int32_t(std::span<const int32_t> history)> pick;  // the next id
  std::function<bool()> full;                    // no position is left for one more token
  std::function<Status(int32_t token)> forward;  // runs it; the next pick is of its logits
};

// Token by token behind a prompt that has run; `history` are the ids so far and grows. Fills the
// tokens, reason, decode_tokens and decode_s of `result`. `on_token` is as in Generate.
Status DecodeTokens(const DecodeSteps& steps, const GenerateOptions& options,
                    std::vector<int32_t>& history, const std::function<bool(int32_t)>& on_token,
                    GenerateResult& result);

// Continues `prompt`, the ids of the whole sequence so far, of which `cache` may hold a prefix
// already: it must come from the same ids. `on_token` is called with each new id but the stop id
// and returns false to end; it may be empty. The last new token is not in the cache yet.
// Errors: kBadInput for an empty prompt, bad settings, foreign ids or a prompt beyond the capacity;
// kInterrupted after a signal.
Result<GenerateResult> Generate(const Emulator& emulator, KvCache& cache,
                                std::span<const int32_t> prompt, const GenerateOptions& options,
                                Workspace& workspace,
                                const std::function<bool(int32_t)>& on_token = {});

}  // namespace burin
