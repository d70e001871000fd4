// Writes a complete chip: modules, ROM contents, benches, scripts (docs/rtl.md).
#pragma once

#include <cstdint>

#include "base/output_folder.h"
#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "rtl/engine_plan.h"

namespace burin {

// A file in every folder that holds emitted RTL, a chip's or a tile's.
inline constexpr std::string_view kRtlMark = "sim/bench.sv";

struct EmittedChip {
  int64_t banks = 0, rom_modules = 0;
  uint64_t rom_bits = 0;
};

// About the bytes that EmitChip and WriteTrace of `tokens` tokens will write, from the geometry
// alone; of the banks and their ROMs.
uint64_t EstimateBytes(const PlacedFabric& fabric, const EnginePlan& plan, int64_t tokens);
uint64_t EstimateBankBytes(const PlacedFabric& fabric);

// Writes everything but the trace into `folder`; Finish is the caller's. `plan` is PlanEngine's of
// the same fabric, whose plan.weights must be there. Same input, same bytes. Errors: kIo.
Result<EmittedChip> EmitChip(const PlacedFabric& fabric, const EnginePlan& plan,
                             OutputFolder& folder);

}  // namespace burin
