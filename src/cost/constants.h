// Every constant of the outside world that the chip model uses, each with low, nominal and high,
// unit, source and grade. They come from data files: a process (data/tech/NAME.toml), the parts of
// digital circuits (data/parts.toml), money (data/economy.toml) and the chip's own
// (data/chips/NAME.toml).
#pragma once

#include <array>
#include <cstddef>
#include <span>
#include <string>

#include "base/result.h"
#include "fabric/bracket.h"
#include "fabric/chip_spec.h"

namespace burin {

enum class Param {
  // process: geometry
  kRomCell,        // storage ROM cell
  kComputeFactor,  // cell with level lines beside it, over the storage cell
  kLinePitch,      // of the level lines of a column
  kRowPitch,       // of word lines
  kRomEfficiency,  // of small ROMs: cells over cells and periphery
  kPageOverhead,   // rows' worth of height at the end of a page
  kSramDensity,    // usable, with periphery
  kLogicDensity,   // usable, with wires and fill
  kCellDensity,    // of standard cells before placement: what synthesis reports
  kOverheadShare,  // of area: wires between blocks, clock, power grid, test
  kRedundancy,     // spare share of arrays
  kLinkArea,       // host and card-to-card PHY of a die
  // process: energy
  kSelectAdd,  // a weight: select a product and add it
  kRomRead,    // a bit
  kSramRead,   // a byte
  kWire,       // a bit and mm
  kMac,        // an 8-bit multiply-add of attention or adapter
  kVectorOp,   // a 32-bit operation of the vector unit
  kLeakLogic,
  kLeakSram,
  kLeakRom,       // W/mm2
  kClockLogic,    // a mm2 and cycle
  kClockArray,    // share of that in arrays
  kSystemFactor,  // unexplained: published over bottom-up
  kPowerLimit,    // W/mm2 that cooling takes
  // process: yield and prices
  kDefects,
  kClustering,
  kRepair,  // share of array defects that spares repair or quality bears
  kWafer,
  kMask,
  kMaskSet,
  kPackage,
  kRespinWeeks,  // from tape-out of two layers to packaged dies, base wafers in stock
  kFirstWeeks,   // from tape-out of all layers
  // parts
  kFullAdder,
  kFlipFlop,
  kSelectLeg,
  kMultiplierBit,
  kWordDriver,
  kLineKeeper,
  kSramCell,
  kSramPeriphery,
  kVectorLane,
  kMacUnit,
  kSequencer,
  // money
  kCardParts,
  kServerParts,
  kHostPower,
  kElectricity,
  kPue,
  kLife,
  kUtilization,
  kDesign,
  kRespinWork,
  // the chip
  kClock,
  kLinkBandwidth,
  kLinkLatency,
  kCount
};
inline constexpr size_t kParamCount = static_cast<size_t>(Param::kCount);

// Where a constant comes from.
struct ParamInfo {
  Param param;
  const char* file;  // "tech", "parts", "economy", "chip"
  const char* key;   // in that file
  const char* unit;
  const char* meaning;
};
std::span<const ParamInfo> ParamInfos();  // in order of Param
const ParamInfo& InfoOf(Param param);

// One value for each constant.
class Point {
 public:
  double operator[](Param p) const { return values_[static_cast<size_t>(p)]; }
  void Set(Param p, double value) { values_[static_cast<size_t>(p)] = value; }

 private:
  std::array<double, kParamCount> values_{};
};

// A process as a whole: what is no bracket.
struct TechFacts {
  std::string name, title;
  double wafer_mm = 300;
  double reticle_width_mm = 26, reticle_height_mm = 33;
  double reticle_mm2() const { return reticle_width_mm * reticle_height_mm; }
};

struct Constants {
  TechFacts tech;
  std::array<Bracket, kParamCount> brackets;

  const Bracket& operator[](Param p) const { return brackets[static_cast<size_t>(p)]; }
  Point Nominal() const;
};

// The constants of a chip on its process (or on another: `process`, a name of data/tech or a file).
// Errors: an unknown name, with the near ones; a key that is missing, unknown, negative, without
// unit, source or grade: file, line, key.
Result<Constants> LoadConstants(const ChipSpec& chip, const std::string& process = {});

}  // namespace burin
