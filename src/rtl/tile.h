// A tile: one column block of one matrix as a design of its own, for models that are too large as a
// whole (docs/rtl.md, "Tiles"): its row drivers, banks with their ROMs and adder tree, emitted by
// what emits a chip's fabric.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/output_folder.h"
#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "numeric/block_float.h"
#include "rtl/emit.h"
#include "rtl/engine_plan.h"

namespace burin {

struct Tile {
  PlacedFabric fabric;  // the blocks of the tile alone: bank i is row block i, one page
  EnginePlan plan;      // one vector; embeds = false
  int32_t matrix = 0;   // index into fabric.plan.matrices
  int64_t column_block = 0, column_blocks = 0;  // of the matrix
  int64_t first_column = 0, columns = 0;        // logical: those that the tile computes
};

// The matrix that "3.down_proj", "lm_head" or a whole tensor name means. A tied head is the
// embedding's matrix under either name. Errors: kBadInput for an unknown name, with the nearest
// ones, a layer that the model has not, and an embedding that no pass reads.
Result<int32_t> FindTileMatrix(const ModelPlan& plan, std::string_view name);

// `fabric` is a whole placement with plan.weights. Errors: kBadInput for a column block that the
// matrix has not and for sizes beyond the buses of hw/README.md.
Result<Tile> CutTile(const PlacedFabric& fabric, int32_t matrix, int64_t column_block);

// Word lines that a pass of the tile opens: those of its first row block, up to whole groups.
int64_t TilePassRows(const Tile& tile);

// A pass of the reference: what goes in and the raw sums of the tile's columns (numeric ColumnSum).
struct TilePass {
  int64_t position = 0;   // of the token
  BlockFloatBatch input;  // one token
  std::vector<int32_t> sums;
};

// Times that the bench holds the tile to, in cycles from the strobe of the pass: when the first
// word is collected, and how much later its sums leave the tree.
struct TileTimes {
  int64_t collect = 0, tree = 0;
};

// About the bytes that EmitTile will write.
uint64_t EstimateTileBytes(const Tile& tile, int64_t passes);

// Writes modules, ROM contents, bench, scripts and the trace into `folder`; Finish is the caller's.
// Same input, same bytes. Errors: kIo.
Result<EmittedChip> EmitTile(const Tile& tile, const TileTimes& times,
                             std::span<const TilePass> passes, OutputFolder& folder);

}  // namespace burin
