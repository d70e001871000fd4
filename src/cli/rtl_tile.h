// burin rtl --tile: one column block of one matrix, with what the emulator puts through it.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"
#include "cli/console.h"
#include "cli/model_source.h"
#include "kernels/kernel_set.h"

namespace burin {

struct TileRequest {
  std::string name;  // "3.down_proj", "lm_head"
  int64_t column_block = 0;
  int64_t passes = 4;  // tokens whose pass is compared
  std::string output;
  bool force = false;
};

// `source` has weights; `prompt` at least one token. Runs the prompt and behind it greedy tokens up
// to request.passes in all, and writes the tile with the passes of its matrix.
// Errors: those of FindTileMatrix, CutTile, Place, the emulator and the folder.
Status RunTile(const TileRequest& request, const ModelSource& source, const KernelSet& kernels,
               std::span<const int32_t> prompt, const Console& console);

}  // namespace burin
