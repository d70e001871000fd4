#include "cost/area.h"

#include <algorithm>

namespace burin {
namespace {

constexpr double kUm2InMm2 = 1e-6;
constexpr double kProductBits = 14;      // activation of 8 bits times a level of 7
constexpr double kAccumulatorBits = 21;  // contract 4.1
constexpr double kSumBits = 32;          // contract 4.2
constexpr double kMantissaBits = 8, kLevelBits = 6, kScaleBits = 5, kShiftLevels = 5;
constexpr double kListEntryBits = 64;  // a logit and its id

double Count(int64_t n) { return static_cast<double>(n); }

// A bit of a register, and of an adder with its register.
double AddBit(const Point& p) { return p[Param::kFullAdder] + p[Param::kFlipFlop]; }

class Blocks {
 public:
  explicit Blocks(const Point& p) : p_(p) {}

  void Logic(std::string name, double transistors) {
    Add(std::move(name), AreaKind::kLogic, transistors,
        transistors / (p_[Param::kLogicDensity] * 1e6));
  }
  void Sram(std::string name, double bits) {
    Add(std::move(name), AreaKind::kSram,
        bits * p_[Param::kSramCell] * (1 + p_[Param::kSramPeriphery]),
        bits / (p_[Param::kSramDensity] * 1e6));
  }
  void Rom(std::string name, double bits) {
    Add(std::move(name), AreaKind::kRom, bits,
        bits * p_[Param::kRomCell] * kUm2InMm2 / p_[Param::kRomEfficiency]);
  }
  void Add(std::string name, AreaKind kind, double transistors, double mm2) {
    list_.push_back({std::move(name), kind, transistors, mm2});
  }
  std::vector<AreaBlock> Take() {
    const double share = p_[Param::kOverheadShare];
    Add("wires, power, test", AreaKind::kLogic, 0, TotalArea(list_) * share);
    return std::move(list_);
  }

 private:
  const Point& p_;
  std::vector<AreaBlock> list_;
};

void AddFabric(Blocks& blocks, const Inventory& n, const ChipSpec& chip, const Point& p) {
  const double sites = Count(n.cell_sites);
  blocks.Add("weight cells", AreaKind::kRom, sites, BankArray(chip, p).mm2() * Count(n.banks));
  blocks.Logic("word and level lines",
               Count(n.word_lines) * p[Param::kWordDriver] +
                   Count(n.columns) * Count(n.levels) * p[Param::kLineKeeper]);
  blocks.Logic("selectors, accumulators", Count(n.columns) * ColumnTransistors(n.levels, p));
  blocks.Logic("scalers", Count(n.scalers) * ScalerTransistors(p));
  blocks.Logic("multiplier banks", Count(n.banks) * MultiplierBankTransistors(n.levels, p));
  blocks.Rom("scales and constants", Count(n.scale_bits + n.constant_bits));
  blocks.Logic("row drivers", Count(n.driver_bits) * p[Param::kFlipFlop]);
  blocks.Logic("adder trees", Count(n.tree_adders) * kSumBits * AddBit(p));
  blocks.Logic("registers on wires", Count(n.wire_bits) * p[Param::kFlipFlop]);
}

void AddEngines(Blocks& blocks, const Inventory& n, const Point& p) {
  blocks.Logic("vector units", Count(n.vector_lanes) * p[Param::kVectorLane]);
  blocks.Sram("vector memory", Count(n.vector_bits));
  blocks.Logic("attention", Count(n.attention_macs) * p[Param::kMacUnit]);
  blocks.Sram("KV SRAM", Count(n.kv_bits));
  blocks.Logic("adapter engines", Count(n.adapter_macs) * p[Param::kMacUnit]);
  blocks.Sram("adapter SRAM", Count(n.adapter_bits));
  blocks.Logic("top-k", Count(n.head_cells) * kListEntryBits * AddBit(p));
  blocks.Logic("sequencers, tables", Count(n.engines) * p[Param::kSequencer]);
  const double link = p[Param::kLinkArea] * Count(n.dies);
  blocks.Add("links", AreaKind::kLogic, link * p[Param::kLogicDensity] * 1e6, link);
}

}  // namespace

CellSize WeightCell(int64_t levels, const Point& p) {
  const double transistor = p[Param::kRomCell] * p[Param::kComputeFactor] / p[Param::kRowPitch];
  return {std::max(transistor, Count(levels) * p[Param::kLinePitch]), p[Param::kRowPitch]};
}

ArraySize BankArray(const ChipSpec& chip, const Point& p) {
  const CellSize cell = WeightCell(chip.levels, p);
  const double rows = Count(chip.rows * chip.fold) * (1 + p[Param::kRedundancy]) +
                      Count(chip.fold) * p[Param::kPageOverhead];
  return {Count(chip.columns) * cell.width_um * 1e-3, rows * cell.height_um * 1e-3};
}

double ColumnTransistors(int64_t levels, const Point& p) {
  // Read paths: drain register to scaler, column sum to scaler and to the collect port.
  const double read_bits = kAccumulatorBits + 2 * kSumBits;
  return (kProductBits * Count(levels) + read_bits) * p[Param::kSelectLeg] +
         kAccumulatorBits * AddBit(p) + (kAccumulatorBits + kSumBits) * p[Param::kFlipFlop];
}

double ScalerTransistors(const Point& p) {
  const double multiplier = kAccumulatorBits * kScaleBits * p[Param::kMultiplierBit];
  const double join = (kAccumulatorBits + 3) * p[Param::kFullAdder];
  const double shifter = kSumBits * kShiftLevels * 2 * p[Param::kSelectLeg];
  const double round_and_add = 2 * kSumBits * p[Param::kFullAdder];
  return multiplier + join + shifter + round_and_add + 3 * kSumBits * p[Param::kFlipFlop];
}

double MultiplierBankTransistors(int64_t levels, const Point& p) {
  return Count(levels) * (kMantissaBits * kLevelBits * p[Param::kMultiplierBit] +
                          kProductBits * p[Param::kFlipFlop]) +
         kMantissaBits * p[Param::kFlipFlop];
}

std::vector<AreaBlock> AreaBlocks(const Inventory& n, const ChipSpec& chip, const Point& p) {
  Blocks blocks(p);
  AddFabric(blocks, n, chip, p);
  AddEngines(blocks, n, p);
  return blocks.Take();
}

double TotalArea(const std::vector<AreaBlock>& blocks) {
  double sum = 0;
  for (const AreaBlock& block : blocks) sum += block.mm2;
  return sum;
}

double TotalArea(const std::vector<AreaBlock>& blocks, AreaKind kind) {
  double sum = 0;
  for (const AreaBlock& block : blocks) sum += block.kind == kind ? block.mm2 : 0;
  return sum;
}

double TotalTransistors(const std::vector<AreaBlock>& blocks) {
  double sum = 0;
  for (const AreaBlock& block : blocks) sum += block.transistors;
  return sum;
}

double ArrayEfficiency(const std::vector<AreaBlock>& blocks) {
  double fabric = 0;
  for (const AreaBlock& block : blocks) {
    fabric += block.mm2;
    if (block.name == "multiplier banks") break;  // what repeats with the banks
  }
  return blocks.empty() || fabric <= 0 ? 0 : blocks.front().mm2 / fabric;
}

FloorplanSizes SizesFor(const ChipSpec& chip, const ModelConfig& config,
                        const Constants& constants) {
  const Point p = constants.Nominal();
  FloorplanSizes sizes;
  sizes.in_mm = true;
  const ArraySize array = BankArray(chip, p);
  const double per_mm2 = p[Param::kLogicDensity] * 1e6;
  const double transistors = Count(chip.rows * chip.fold) * p[Param::kWordDriver] +
                             Count(chip.columns * chip.levels) * p[Param::kLineKeeper] +
                             Count(chip.columns) * ColumnTransistors(chip.levels, p) +
                             Count(chip.columns / chip.columns_per_scaler) * ScalerTransistors(p) +
                             MultiplierBankTransistors(chip.levels, p);
  const double spread = 1 + p[Param::kOverheadShare];
  sizes.bank_width = array.width_mm;
  sizes.bank_height = (array.mm2() + transistors / per_mm2) / array.width_mm * spread;
  sizes.kv_mm2_per_byte = 8 / (p[Param::kSramDensity] * 1e6) * spread;
  sizes.adapter_mm2_per_byte = sizes.kv_mm2_per_byte;
  sizes.vector_mm2 =
      (Count(chip.vector_lanes) * p[Param::kVectorLane] + p[Param::kSequencer]) / per_mm2 * spread;
  sizes.attention_mm2 = Count(chip.attention_heads * chip.attention_positions * config.head_dim) *
                        p[Param::kMacUnit] / per_mm2 * spread;
  sizes.adapter_mm2 = Count(chip.adapter_lanes) * p[Param::kMacUnit] / per_mm2 * spread;
  sizes.head_mm2 = std::max(
      1e-4, Count(chip.top_k * chip.head_lanes) * kListEntryBits * AddBit(p) / per_mm2 * spread);
  sizes.link_mm2 = p[Param::kLinkArea] * spread;
  const TechFacts& tech = constants.tech;
  sizes.exposure_width_mm = std::min(tech.reticle_width_mm, tech.reticle_height_mm);
  sizes.exposure_height_mm = std::max(tech.reticle_width_mm, tech.reticle_height_mm);
  return sizes;
}

}  // namespace burin
