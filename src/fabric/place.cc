#include <algorithm>

#include "fabric/dies.h"
#include "fabric/floorplan.h"
#include "fabric/placed_fabric.h"

namespace burin {
namespace {

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// What model and chip promise each other.
Status CheckPair(const ModelPlan& plan, const ChipSpec& chip) {
  const std::string object = fmt::format("{} on chip {}", plan.name, chip.name);
  if (plan.needed_context < 1 || plan.needed_context > plan.context) {
    return BadInput(object + ": context", fmt::format("{}", plan.needed_context),
                    fmt::format("1 to the {} positions of the model", plan.context));
  }
  if (chip.rows % plan.group != 0) {
    const int64_t below = chip.rows / plan.group * plan.group;
    return BadInput(object + ": rows", fmt::format("{}", chip.rows),
                    fmt::format("a multiple of the model's group of {}, such as {}", plan.group,
                                below > 0 ? below : plan.group),
                    "Or engrave the model with a smaller --group.");
  }
  if (plan.group < chip.smallest_group) {
    return BadInput(object + ": group", fmt::format("{}", plan.group),
                    fmt::format("at least the chip's smallest group of {}", chip.smallest_group),
                    "Engrave the model with a larger --group.");
  }
  if (chip.columns_per_scaler > plan.group) {
    return BadInput(object + ": columns_per_scaler", fmt::format("{}", chip.columns_per_scaler),
                    fmt::format("at most the model's group of {}", plan.group));
  }
  if (chip.levels < 16) {
    for (size_t m = 0; m < plan.bits.size(); ++m) {
      if (plan.bits[m] == 4) {
        return BadInput(object + ": levels", fmt::format("{}", chip.levels),
                        fmt::format("16, since {} has 4 bits", plan.matrices[m].name),
                        "Or engrave the model with 3 and 6 bits.");
      }
    }
  }
  return {};
}

std::vector<PlacedMatrix> CutMatrices(const ModelPlan& plan, const ChipSpec& chip) {
  std::vector<PlacedMatrix> matrices;
  matrices.reserve(plan.matrices.size());
  int64_t blocks = 0;
  for (size_t m = 0; m < plan.matrices.size(); ++m) {
    const MatrixEntry& entry = plan.matrices[m];
    PlacedMatrix matrix;
    matrix.shape = {entry.rows, entry.cols, plan.bits[m], plan.group};
    matrix.physical_columns = entry.cols * (plan.bits[m] == 6 ? 2 : 1);
    matrix.row_blocks = CeilDiv(entry.rows, chip.rows);
    matrix.column_blocks = CeilDiv(matrix.physical_columns, chip.columns);
    matrix.first_block = blocks;
    blocks += matrix.row_blocks * matrix.column_blocks;
    matrices.push_back(matrix);
  }
  return matrices;
}

// Blocks i of a die in token order: bank i mod B, page i / B, so that blocks of one step, fewer
// than B and neighbours, never meet in a bank.
void AddBlocks(PlacedFabric& fabric, size_t matrix_index, int64_t first_bank, int64_t banks,
               int64_t& next) {
  const PlacedMatrix& matrix = fabric.matrices[matrix_index];
  const ChipSpec& chip = fabric.chip;
  for (int64_t j = 0; j < matrix.column_blocks; ++j) {
    for (int64_t i = 0; i < matrix.row_blocks; ++i, ++next) {
      PlacedBlock block;
      block.matrix = static_cast<int32_t>(matrix_index);
      block.row_block = static_cast<int32_t>(i);
      block.column_block = static_cast<int32_t>(j);
      block.bank = static_cast<int32_t>(first_bank + next % banks);
      block.page = static_cast<int32_t>(next / banks);
      block.row_begin = i * chip.rows;
      block.row_end = std::min(block.row_begin + chip.rows, matrix.shape.rows);
      block.column_begin = j * chip.columns;
      block.column_end = std::min(block.column_begin + chip.columns, matrix.physical_columns);
      fabric.blocks.push_back(block);
    }
  }
}

// Layers are dealt to the die's engines in runs of equal length.
void AssignEngines(PlacedFabric& fabric, const DieShare& share, const std::vector<Unit>& units,
                   int32_t die) {
  const int64_t engines =
      std::clamp<int64_t>(fabric.chip.layer_engines, 1, std::max<int64_t>(share.layers, 1));
  int64_t layer = 0;
  for (size_t u = share.begin; u < share.end; ++u) {
    const int64_t turn = std::min(layer, std::max<int64_t>(share.layers - 1, 0));
    const int64_t engine = share.layers == 0 ? 0 : turn * engines / share.layers;
    for (int32_t m = units[u].first_matrix; m < units[u].end_matrix; ++m) {
      fabric.matrices[static_cast<size_t>(m)].die = die;
      fabric.matrices[static_cast<size_t>(m)].engine =
          static_cast<int32_t>(fabric.engines + engine);
    }
    layer += units[u].layers;
  }
  fabric.engines += engines;
}

struct Outline {
  PlacedFabric fabric;
  std::vector<Unit> units;
  std::vector<DieShare> shares;
};

// Everything that needs no block: which die and engine has a matrix, how many banks there are.
Result<Outline> MakeOutline(const ModelPlan& plan, const ChipSpec& chip) {
  BURIN_TRY(ValidateChip(chip));
  BURIN_TRY(CheckPair(plan, chip));
  Outline outline;
  PlacedFabric& fabric = outline.fabric;
  fabric.chip = chip;
  fabric.plan = plan;
  fabric.program = MakeProgram(plan.config);
  fabric.matrices = CutMatrices(plan, chip);
  outline.units = UnitsOf(plan, fabric.matrices, fabric.program);
  BURIN_ASSIGN(outline.shares, CutIntoDies(plan, chip, outline.units));
  fabric.dies = static_cast<int64_t>(outline.shares.size());
  fabric.engines = 0;
  fabric.die_first_bank = {0};
  int64_t most_layers = 0;
  for (size_t die = 0; die < outline.shares.size(); ++die) {
    const DieShare& share = outline.shares[die];
    AssignEngines(fabric, share, outline.units, static_cast<int32_t>(die));
    fabric.banks += share.banks;
    fabric.die_first_bank.push_back(fabric.banks);
    most_layers = std::max(most_layers, share.layers);
  }
  fabric.max_context =
      std::min(plan.context, chip.kv_bytes / KvBytesPerPosition(plan.config, most_layers));
  return outline;
}

}  // namespace

int64_t KvBytesPerPosition(const ModelConfig& config, int64_t layers) {
  return layers * 2 * config.kv_heads * (config.head_dim + 1);
}

Result<PlacedFabric> PlaceOutline(const ModelPlan& plan, const ChipSpec& chip) {
  BURIN_ASSIGN(Outline outline, MakeOutline(plan, chip));
  return std::move(outline.fabric);
}

Result<PlacedFabric> Place(const ModelPlan& plan, const ChipSpec& chip,
                           const FloorplanSizes& sizes) {
  BURIN_ASSIGN(Outline outline, MakeOutline(plan, chip));
  PlacedFabric& fabric = outline.fabric;
  const std::vector<Unit>& units = outline.units;
  fabric.sizes = sizes;
  int64_t blocks = 0;
  for (const Unit& unit : units) blocks += unit.blocks;
  fabric.blocks.reserve(static_cast<size_t>(blocks));
  fabric.bank_die.reserve(static_cast<size_t>(fabric.banks));
  for (size_t die = 0; die < outline.shares.size(); ++die) {
    const DieShare& share = outline.shares[die];
    int64_t next = 0;
    for (int32_t m = units[share.begin].first_matrix; m < units[share.end - 1].end_matrix; ++m) {
      AddBlocks(fabric, static_cast<size_t>(m), fabric.die_first_bank[die], share.banks, next);
    }
    fabric.bank_die.resize(static_cast<size_t>(fabric.die_first_bank[die + 1]),
                           static_cast<int32_t>(die));
  }
  DrawFloorplan(fabric);
  return std::move(outline.fabric);
}

int64_t LeastBanks(const ModelPlan& plan, const ChipSpec& chip, int64_t dies) {
  const auto matrices = CutMatrices(plan, chip);
  return LeastBanksOf(UnitsOf(plan, matrices, MakeProgram(plan.config)), chip.fold, dies);
}

}  // namespace burin
