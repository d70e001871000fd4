// A placed model as masks: a folder (mask_folder.h) with the base die, which is the same for every
// model of the chip, and the two programmed layers.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/output_folder.h"
#include "base/progress.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "fabric/placed_fabric.h"
#include "mask/die.h"
#include "mask/geometry.h"
#include "mask/mask_folder.h"

namespace burin::mask {

struct MaskSources {
  std::string tool;        // "burin 0.1.0"
  std::string chip_text;   // copied to chip.toml
  std::string rules_text;  // copied to rules.toml
};

// Writes the masks of all dies and finishes the folder (its mark: kManifestName). Same model, chip
// and rules: same bytes, for any pool. Memory: some MiB a thread. `progress` may be null; it counts
// banks. Needs plan.weights, opened from a file. Errors: too little disk (checked before); tables
// above table_bytes; kIo; an interrupt.
Result<MaskManifest> WriteMasks(const PlacedFabric& fabric, const Die& die,
                                const MaskSources& sources, OutputFolder& output, ThreadPool& pool,
                                Progress* progress);

// One bank of a model with base, weights and constants, for viewers, rule checks and extraction.
// The last cell, TOP, places the bank's base and `program`, which holds the vias of both layers.
Layout TileLayout(const PlacedFabric& fabric, const Die& die, int64_t bank);
// The codes of that bank, [rows * fold][columns]; kNoVia on pages without a block.
std::vector<uint8_t> BankCodes(const PlacedFabric& fabric, int64_t bank);
// A layout as an OASIS file.
Status WriteOasis(const Layout& layout, const std::filesystem::path& path);

// Bytes that the files will not exceed.
uint64_t MaskBytesBound(const PlacedFabric& fabric, const Die& die);

// Blocks of each bank by page: [bank * fold + page], null where there is none.
std::vector<const PlacedBlock*> BlocksByPage(const PlacedFabric& fabric);

}  // namespace burin::mask
