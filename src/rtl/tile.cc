#include "rtl/tile.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>

#include "base/check.h"
#include "base/near_names.h"

namespace burin {
namespace {

// "3.down_proj", "lm_head", "embed_tokens".
std::string ShortName(const ModelPlan& plan, const MatrixEntry& entry) {
  if (entry.kind == TensorKind::kEmbedding && plan.config.tied_head) return "lm_head";
  const std::string last = entry.name.substr(entry.name.rfind('.') + 1);
  return entry.layer == kNoLayer ? last : fmt::format("{}.{}", entry.layer, last);
}

// Of what enters the matrix.
std::string VectorName(const ModelPlan& plan, const MatrixEntry& entry) {
  return fmt::format("{}{}_input", entry.layer == kNoLayer ? "" : "l", ShortName(plan, entry));
}

// The layer in front of the first dot of `name`; -1 where there is none.
int64_t LayerIn(std::string_view name) {
  int64_t layer = -1;
  const size_t dot = name.find('.');
  if (dot == std::string_view::npos) return -1;
  const auto [end, error] = std::from_chars(name.data(), name.data() + dot, layer);
  return error == std::errc() && end == name.data() + dot ? layer : -1;
}

Status CheckBuses(const PlacedFabric& fabric, int32_t matrix) {
  const PlacedMatrix& placed = fabric.matrices[static_cast<size_t>(matrix)];
  const ChipSpec& chip = fabric.chip;
  const std::string object = fmt::format("{} on chip {}", fabric.plan.name, chip.name);
  const int64_t rows = placed.row_blocks * chip.rows;
  if (rows / fabric.plan.group >= 1 << 13 || rows / chip.vector_lanes >= 1 << 16) {
    return BadInput(object, fmt::format("{} inputs", placed.shape.rows),
                    fmt::format("at most {}: the activation bus has 13 bits for a group and 16 "
                                "for a word",
                                std::min((int64_t{1} << 13) * fabric.plan.group,
                                         (int64_t{1} << 16) * chip.vector_lanes) -
                                    chip.rows));
  }
  if (chip.columns / chip.columns_per_scaler % 2 != 0) {
    return BadInput(object + ": columns_per_scaler", fmt::format("{}", chip.columns_per_scaler),
                    fmt::format("one that makes the scalers of {} columns an even number, such as "
                                "{}",
                                chip.columns, chip.columns / 2));
  }
  return {};
}

}  // namespace

Result<int32_t> FindTileMatrix(const ModelPlan& plan, std::string_view name) {
  std::vector<std::string> known;
  const int64_t layer = LayerIn(name);
  if (layer >= plan.config.layers) {
    return BadInput(fmt::format("--tile {}", name.substr(0, 80)), fmt::format("layer {}", layer),
                    fmt::format("0 to {}, the layers of {}", plan.config.layers - 1, plan.name));
  }
  for (size_t m = 0; m < plan.matrices.size(); ++m) {
    const MatrixEntry& entry = plan.matrices[m];
    const std::string short_name = ShortName(plan, entry);
    const bool passes = entry.kind != TensorKind::kEmbedding || plan.config.tied_head;
    if (name == short_name || name == entry.name) {
      if (passes) return static_cast<int32_t>(m);
      return BadInput(fmt::format("--tile {}", name), "the embedding, which no pass multiplies",
                      "a matrix of a layer, or lm_head");
    }
    if (passes && (layer < 0 || entry.layer == layer)) known.push_back(short_name);
  }
  return BadInput(fmt::format("--tile {}", name.substr(0, 80)), "no such matrix",
                  fmt::format("LAYER.MATRIX or lm_head, such as {}",
                              fmt::join(NearNames(name, std::move(known)), ", ")));
}

Result<Tile> CutTile(const PlacedFabric& fabric, int32_t m, int64_t column_block) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  const PlacedMatrix& placed = fabric.matrices[static_cast<size_t>(m)];
  const MatrixEntry& entry = fabric.plan.matrices[static_cast<size_t>(m)];
  if (column_block < 0 || column_block >= placed.column_blocks) {
    return BadInput(
        "--column-block", fmt::format("{}", column_block),
        fmt::format("0 to {}: {} has {} columns in blocks of {}", placed.column_blocks - 1,
                    entry.name, placed.physical_columns, fabric.chip.columns));
  }
  BURIN_TRY(CheckBuses(fabric, m));
  Tile tile;
  tile.matrix = m;
  tile.column_block = column_block;
  tile.column_blocks = placed.column_blocks;
  const int64_t a_column = placed.shape.bits == 6 ? 2 : 1;
  tile.fabric.chip = fabric.chip;
  tile.fabric.plan = fabric.plan;
  tile.fabric.matrices.resize(fabric.matrices.size());
  PlacedMatrix& mine = tile.fabric.matrices[static_cast<size_t>(m)];
  mine = placed;
  mine.first_block = 0;
  mine.column_blocks = 1;
  for (int64_t i = 0; i < placed.row_blocks; ++i) {
    PlacedBlock block =
        fabric
            .blocks[static_cast<size_t>(placed.first_block + column_block * placed.row_blocks + i)];
    BURIN_CHECK(block.matrix == m && block.row_block == i && block.column_block == column_block);
    block.bank = static_cast<int32_t>(i);
    block.page = 0;
    block.column_block = 0;
    tile.first_column = block.column_begin / a_column;
    tile.columns = (block.column_end - block.column_begin) / a_column;
    tile.fabric.blocks.push_back(block);
  }
  tile.fabric.banks = placed.row_blocks;
  tile.plan.embeds = false;
  tile.plan.lanes = fabric.chip.vector_lanes;
  tile.plan.vector_of.assign(fabric.matrices.size(), -1);
  tile.plan.vector_of[static_cast<size_t>(m)] = 0;
  tile.plan.vectors = {{VectorName(fabric.plan, entry), entry.rows, {m}}};
  return tile;
}

int64_t TilePassRows(const Tile& tile) {
  const int64_t group = tile.fabric.plan.group;
  const int64_t rows = tile.fabric.plan.matrices[static_cast<size_t>(tile.matrix)].rows;
  return std::min(tile.fabric.chip.rows, (rows + group - 1) / group * group);
}

}  // namespace burin
