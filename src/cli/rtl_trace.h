// The reference of an emitted chip's bench: what the emulator computes for a prompt and the tokens
// behind it.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "kernels/kernel_set.h"
#include "quant/adapter.h"
#include "quant/quantized_model.h"
#include "rtl/trace.h"

namespace burin {

// Runs `prompt` and then up to `new_tokens` greedy tokens (fewer where the context ends) token by
// token, with the adapter if it is not null, and adds each to `trace`. Returns the tokens written.
// Errors: as Emulator::Forward.
Result<std::vector<int32_t>> TraceGreedy(const QuantizedModel& model, const KernelSet& kernels,
                                         const PlacedFabric& fabric, const EnginePlan& plan,
                                         std::span<const int32_t> prompt, int64_t new_tokens,
                                         const Adapter* adapter, Trace& trace);

}  // namespace burin
