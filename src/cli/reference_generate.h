// Generation with the float reference, with the same options and results as emu/generate.h.
#pragma once

#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"
#include "base/thread_pool.h"
#include "emu/generate.h"
#include "model/reference.h"

namespace burin {

// Continues `prompt`, of which `state` may hold a prefix already. At temperature 0 without penalty
// the largest float logit is taken (of equals the lowest id); otherwise the logits are rounded to
// fixed point and go through the chip's sampler.
// Errors: as Generate; kBadInput also for ids outside the vocabulary.
Result<GenerateResult> GenerateReference(const ReferenceModel& model, ReferenceState& state,
                                         std::span<const int32_t> prompt,
                                         const GenerateOptions& options, ThreadPool* pool,
                                         const std::function<bool(int32_t)>& on_token);

}  // namespace burin
