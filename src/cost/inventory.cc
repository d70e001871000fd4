#include "cost/inventory.h"

#include <algorithm>

#include "base/check.h"

namespace burin {
namespace {

constexpr int64_t kSumBits = 32;  // column sums, vector lanes
constexpr int64_t kMantissaBits = 8;
constexpr int64_t kProductBits = 14;  // 8-bit activation times a level of 7 bits
constexpr int64_t kLevelBits = 7;
constexpr int64_t kFunctionTableBits = int64_t{18} * 1024;  // numerics.md, section 5

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Codebooks of all pages; function tables of each engine; program, rotary table, vectors.
int64_t ConstantBits(const PlacedFabric& fabric, int64_t pages) {
  const int64_t codebooks = pages * fabric.chip.levels * kLevelBits;
  return codebooks + fabric.engines * kFunctionTableBits +
         fabric.chip.table_bytes * 8 * fabric.dies;
}

// The longest vector that an engine keeps, and the number of values of the others.
int64_t VectorMemoryBits(const PlacedFabric& fabric) {
  const ModelConfig& c = fabric.plan.config;
  const int64_t values = c.hidden * 2 + std::max(c.q_width() * 2 + c.kv_width() * 2, 2 * c.ffn);
  return fabric.engines * values * kSumBits;
}

void CountMatrices(const PlacedFabric& fabric, Inventory& n) {
  const ChipSpec& chip = fabric.chip;
  for (const PlacedMatrix& m : fabric.matrices) {
    n.cells_used += m.shape.rows * m.physical_columns;
    n.tree_adders += (m.row_blocks - 1) * chip.vector_lanes;
    const int64_t broadcast = m.row_blocks * kMantissaBits;
    const int64_t collect = chip.vector_lanes * kSumBits;
    n.wire_bits += m.wire_stages * (broadcast + collect);
  }
  for (const Step& step : fabric.program) {  // matrices of a pass share their drivers
    if (step.op != Op::kPass) continue;
    n.row_drivers += fabric.matrices[static_cast<size_t>(step.matrices[0])].row_blocks;
  }
}

}  // namespace

Inventory CountParts(const PlacedFabric& fabric) {
  const ChipSpec& chip = fabric.chip;
  Inventory n;
  n.dies = fabric.dies;
  n.banks = chip.banks > 0 ? chip.banks * fabric.dies : fabric.banks;
  n.pages = n.banks * chip.fold;
  n.word_lines = n.pages * chip.rows;
  n.cell_sites = n.word_lines * chip.columns;
  n.columns = n.banks * chip.columns;
  n.levels = chip.levels;
  n.scalers = n.columns / chip.columns_per_scaler;
  n.scale_bits = n.pages * (chip.rows / chip.smallest_group) * chip.columns * 8;
  n.engines = chip.layer_engines * fabric.dies;
  CountMatrices(fabric, n);
  n.driver_bits = n.row_drivers * chip.rows * kMantissaBits;
  n.constant_bits = ConstantBits(fabric, n.pages);
  n.vector_lanes = n.engines * chip.vector_lanes;
  n.vector_bits = VectorMemoryBits(fabric);
  n.attention_macs =
      n.engines * chip.attention_heads * chip.attention_positions * fabric.plan.config.head_dim;
  n.adapter_macs = n.engines * chip.adapter_lanes;
  n.kv_bits = chip.kv_bytes * 8 * fabric.dies;
  n.adapter_bits = chip.adapter_bytes * 8 * fabric.dies;
  n.head_cells = chip.top_k * chip.head_lanes;
  return n;
}

Events CountEvents(const PlacedFabric& fabric, int64_t positions, int64_t adapter_rank,
                   double bank_width_mm) {
  BURIN_CHECK(positions >= 1 && adapter_rank >= 0);
  const ModelConfig& c = fabric.plan.config;
  Events e;
  double bits_mm = 0;
  for (const Step& step : fabric.program) {
    e.vector_bytes += step.op == Op::kPass ? 0 : static_cast<double>(step.values) * 8;
    const bool walks = step.op == Op::kNorm || step.op == Op::kHeadNorm;
    const bool vector = walks || step.op == Op::kRotate || step.op == Op::kQuantize ||
                        step.op == Op::kQuantizeHeads || step.op == Op::kSwiGlu ||
                        step.op == Op::kCollect || step.op == Op::kCollectAdd;
    if (vector) e.vector_ops += static_cast<double>(step.values) * (walks ? 3 : 1);
    if (step.op != Op::kPass) continue;
    for (const int32_t index : step.matrices) {
      if (index < 0) continue;
      const PlacedMatrix& m = fabric.matrices[static_cast<size_t>(index)];
      const auto rows = static_cast<double>(m.shape.rows);
      const auto cells = rows * static_cast<double>(m.physical_columns);
      e.weights += cells;
      e.code_bits += rows * static_cast<double>(m.shape.cols * m.shape.bits);
      e.scale_bits += static_cast<double>(m.shape.groups() * m.physical_columns * 8);
      const double row_reads = rows * static_cast<double>(m.column_blocks);
      e.product_bits_mm +=
          row_reads * static_cast<double>(fabric.chip.levels * kProductBits) * bank_width_mm;
      const double down = rows * kMantissaBits;
      const double up = static_cast<double>(m.shape.cols * kSumBits);
      e.activation_bits += down;
      e.sum_bits += up;
      bits_mm += (down + up) * m.reach_mm;
      if (step.layer >= 0) {
        const auto rank = static_cast<double>(adapter_rank);
        e.adapter_macs += rank * (rows + static_cast<double>(m.shape.cols));
      }
    }
  }
  e.adapter_bytes = e.adapter_macs;
  e.reach_mm = e.activation_bits > 0 ? bits_mm / (e.activation_bits + e.sum_bits) : 0;
  const auto layers = static_cast<double>(c.layers);
  const auto seen = static_cast<double>(positions);
  e.attention_macs = layers * seen * static_cast<double>(2 * c.q_width());
  // Query heads that share a key are served together as far as the engine has room.
  const int64_t turns = CeilDiv(c.heads / c.kv_heads, fabric.chip.attention_heads);
  e.kv_bytes = layers * (seen * static_cast<double>(turns) + 1) *
               static_cast<double>(2 * c.kv_heads * (c.head_dim + 1));
  e.link_bytes = static_cast<double>((fabric.dies - 1) * (c.hidden * 4 + 4));
  return e;
}

}  // namespace burin
