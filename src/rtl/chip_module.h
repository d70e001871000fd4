// The top of an emitted chip: host port, layer engine, fabric, and the ROMs of program, constants
// and rotary angles.
#pragma once

#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "rtl/engine_plan.h"
#include "rtl/rom.h"
#include "rtl/verilog.h"

namespace burin {

inline constexpr const char* kChipModule = "burin_chip";

// Errors: those of writing a ROM.
Result<verilog::Module> MakeChip(const PlacedFabric& fabric, const EnginePlan& plan,
                                 RomStore& roms);

}  // namespace burin
