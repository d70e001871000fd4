// A model on a chip: every block of every matrix in its bank, memories and engines, and where they
// lie on the die. Built once by Place, then const; timing, cost, RTL and masks read only this.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabric/chip_spec.h"
#include "fabric/program.h"
#include "model/model.h"
#include "numeric/packed_matrix.h"
#include "quant/quantized_model.h"
#include "quant/tensor_list.h"

namespace burin {

// What placement must know of a model: geometry and the width of each matrix. From weights or, for
// a report without weights, from a configuration and patterns of bits alone.
struct ModelPlan {
  ModelConfig config;
  std::string name;  // "llama-3.1-8b", or the cartridge's file name
  int64_t group = 128;
  int64_t context = 0;                // positions that the model (or its cartridge) has
  int64_t needed_context = 1;         // positions that the KV SRAM must hold: a wish of the caller
  std::vector<MatrixEntry> matrices;  // MatricesOf(config)
  std::vector<int> bits;              // of each matrix: 3, 4 or 6
  const QuantizedModel* weights = nullptr;  // null: geometry only
};

ModelPlan PlanOf(const QuantizedModel& model, std::string name);
// `bits` and `tensor_bits` as of `burin engrave`. Errors: as there.
// group 0: DefaultGroup(config); context 0: all that the model has.
Result<ModelPlan> PlanOf(const ModelConfig& config, std::string name, int bits,
                         const std::string& tensor_bits, int64_t group, int64_t context);

// Rows [row_begin, row_end) x physical columns [column_begin, column_end) of a matrix, on one page
// of one bank, from its word line 0 and column 0 on.
struct PlacedBlock {
  int32_t matrix = 0;  // index into plan.matrices
  int32_t row_block = 0, column_block = 0;
  int32_t bank = 0;                          // [0, banks)
  int32_t page = 0;                          // [0, fold)
  int64_t row_begin = 0, row_end = 0;        // of the matrix
  int64_t column_begin = 0, column_end = 0;  // physical: 2n and 2n + 1 at 6 bits
};

// The blocks of one matrix: [begin, begin + row_blocks * column_blocks) of PlacedFabric::blocks,
// column block by column block, in it row block by row block.
struct PlacedMatrix {
  MatrixShape shape;
  int64_t first_block = 0;
  int64_t row_blocks = 0, column_blocks = 0;
  int64_t physical_columns = 0;
  int32_t die = 0;
  int32_t engine = 0;   // layer engine that feeds and collects it; embedding and head: the first
                        // and the last of their die
  double reach_mm = 0;  // Manhattan distance from that engine to the farthest of its banks
  int32_t wire_stages = 0;  // registers on that way, on the broadcast and again on the collect
};

// Sizes that the floorplan needs of the process. The defaults are unit sizes: good for a picture of
// what lies beside what, not for lengths of wires (in_mm = false: no wire stages are counted).
struct FloorplanSizes {
  bool in_mm = false;
  double bank_width = 1, bank_height = 1;  // mm
  double kv_mm2_per_byte = 0;              // SRAM with its periphery
  double adapter_mm2_per_byte = 0;
  double vector_mm2 = 1, attention_mm2 = 1, adapter_mm2 = 1;  // of one layer engine
  double head_mm2 = 1, link_mm2 = 1;                          // of a die
  // Sides of an exposure, the shorter first; 0: none. A die is square, or, where its square comes
  // near the shorter side, of the exposure's proportions.
  double exposure_width_mm = 0, exposure_height_mm = 0;
};

// A rectangle of the floorplan, in mm from the die's lower left corner.
struct FloorplanItem {
  enum class Kind { kBank, kVector, kAttention, kAdapter, kKv, kAdapterSram, kHead, kLink };
  Kind kind = Kind::kBank;
  int32_t index = 0;  // of its kind
  int32_t die = 0;
  double x = 0, y = 0, width = 0, height = 0;
};

// "bank", "vector", "attention", "adapter", "kv", "adapter_sram", "head", "link": in dumps and
// masks.
const char* FloorplanKindName(FloorplanItem::Kind kind);

struct PlacedFabric {
  ChipSpec chip;
  ModelPlan plan;
  std::vector<PlacedMatrix> matrices;  // as plan.matrices
  std::vector<PlacedBlock> blocks;     // in token order
  int64_t banks = 0;                   // in use, of all dies
  int64_t dies = 1;
  std::vector<int32_t> bank_die;        // [banks]; the banks of a die follow each other
  std::vector<int64_t> die_first_bank;  // [dies + 1]
  int64_t engines = 1;                  // layer engines in use, of all dies
  int64_t max_context = 0;              // positions of one user that the KV SRAM holds
  Program program;                      // one token
  FloorplanSizes sizes;
  std::vector<FloorplanItem> floorplan;  // all banks in order of index, then the rest
  double die_width = 0, die_height = 0;  // of the largest die: all dies of a chip are alike
};

// Errors: kBadInput, naming the limit and the nearest value that would do: rows that the group does
// not divide, more levels than lines, too few banks or dies, KV or adapter SRAM too small.
// Same plan and chip, same result. A chip without a number of banks (0) gets as many as one die of
// that model needs.
Result<PlacedFabric> Place(const ModelPlan& plan, const ChipSpec& chip,
                           const FloorplanSizes& sizes = {});

// The same without blocks, floorplan and wires: which die and engine has a matrix, and how many
// banks there are. A hundredth of the work, for searches.
Result<PlacedFabric> PlaceOutline(const ModelPlan& plan, const ChipSpec& chip);

// The fewest banks a die with which `dies` dies hold the model, whatever chip.banks says; 0 if the
// model has fewer parts (embedding, layers, head) than that. chip.fold, rows and columns count.
int64_t LeastBanks(const ModelPlan& plan, const ChipSpec& chip, int64_t dies);

// Bytes of the KV SRAM that a position of one user takes in that many layers: for each KV head, K
// and V: head_dim mantissas and an exponent.
int64_t KvBytesPerPosition(const ModelConfig& config, int64_t layers);

// Checks what Place promises, by other means: no two blocks share a place, every weight has exactly
// one, no two matrices of a step share a bank, capacities hold. Errors name the block.
Status VerifyPlacement(const PlacedFabric& fabric);

// Where the banks and engines of a die of that chip lie; depends on nothing else. Banks first, in
// order of index; with chip.banks = 0 there are `banks` of them.
struct DieFloorplan {
  std::vector<FloorplanItem> items;  // die 0
  double width = 0, height = 0;
};
DieFloorplan FloorplanOfDie(const ChipSpec& chip, int64_t banks, const FloorplanSizes& sizes);

// The code that cell (word line, physical column) of a block holds; needs plan.weights. At 6 bits
// the high or the low half.
// Rows or columns beyond the block: 0, as in the cartridge.
uint32_t CellCode(const PlacedFabric& fabric, const PlacedBlock& block, int64_t word_line,
                  int64_t physical_column);

// The codes of all cells of a block, [chip.rows][chip.columns], as CellCode gives them.
void BlockCodes(const PlacedFabric& fabric, const PlacedBlock& block, std::span<uint8_t> codes);

}  // namespace burin
