// Transistors and area of a chip by block. Arrays follow cells and pitches, logic follows
// transistors and density, SRAM follows bits: the three scale apart from process to process.
#pragma once

#include <string>
#include <vector>

#include "cost/constants.h"
#include "cost/inventory.h"
#include "fabric/placed_fabric.h"

namespace burin {

// What a block's area behaves like, for leakage, clock and yield.
enum class AreaKind { kRom, kSram, kLogic };

struct AreaBlock {
  std::string name;  // "weight cells", "selectors and accumulators"
  AreaKind kind = AreaKind::kLogic;
  double transistors = 0;
  double mm2 = 0;  // all dies
};

// Width and height of a weight cell, um: one gate high; wide enough for its transistor and for the
// level lines of its column.
struct CellSize {
  double width_um = 0, height_um = 0;
  double um2() const { return width_um * height_um; }
};
CellSize WeightCell(int64_t levels, const Point& p);

// Array of a bank without its logic, mm: R * F rows, the ends of F pages, spares.
struct ArraySize {
  double width_mm = 0, height_mm = 0;
  double mm2() const { return width_mm * height_mm; }
};
ArraySize BankArray(const ChipSpec& chip, const Point& p);

// Transistors of one column (selector, accumulator, drain register, column sum) and of one scaler,
// multiplier bank and row driver.
double ColumnTransistors(int64_t levels, const Point& p);
double ScalerTransistors(const Point& p);
double MultiplierBankTransistors(int64_t levels, const Point& p);

// All blocks in order; their sum is the area of all dies. The last one, "wires, power, test", is a
// share of the others.
std::vector<AreaBlock> AreaBlocks(const Inventory& n, const ChipSpec& chip, const Point& p);

double TotalArea(const std::vector<AreaBlock>& blocks);
double TotalArea(const std::vector<AreaBlock>& blocks, AreaKind kind);
double TotalTransistors(const std::vector<AreaBlock>& blocks);

// Share of the weight fabric that is cells: what "array efficiency" means here. It falls with fewer
// rows on a bit line, since each column's logic serves fewer cells.
double ArrayEfficiency(const std::vector<AreaBlock>& blocks);

// Sizes for the floorplan, from the chip and the nominal process alone.
FloorplanSizes SizesFor(const ChipSpec& chip, const ModelConfig& config,
                        const Constants& constants);

}  // namespace burin
