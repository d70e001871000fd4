// The fabric of a chip as one emitted module: row drivers, ROMs, banks, adder trees, embedding
// readers, and the trees that carry a signal to many of them.
#pragma once

#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "rtl/engine_plan.h"
#include "rtl/rom.h"
#include "rtl/verilog.h"

namespace burin {

inline constexpr int64_t kBroadcastFanOut = 16;  // loads of one repeater

// Writes the ROM contents to `roms`. The module is called "burin_fabric"; its ports are those of
// burin_engine that face the fabric (hw/README.md). With plan.embeds = false it is "burin_tile" and
// has no ports of the embedding.
Result<verilog::Module> MakeFabric(const PlacedFabric& fabric, const EnginePlan& plan,
                                   RomStore& roms);

// The ports of burin_fabric behind clk and reset; without those of the embedding: of burin_tile.
std::vector<verilog::Port> FabricPorts(const PlacedFabric& fabric, bool embeds = true);

}  // namespace burin
