#include "cost/constants.h"

#include <algorithm>

#include "base/check.h"
#include "fabric/bracket_reader.h"
#include "fabric/data_files.h"

namespace burin {
namespace {

// clang-format off
constexpr ParamInfo kInfos[] = {
    {Param::kRomCell, "tech", "rom_cell", "um2", "storage ROM cell"},
    {Param::kComputeFactor, "tech", "compute_cell_factor", "1", "cell with level lines, over the storage cell"},
    {Param::kLinePitch, "tech", "line_pitch", "um", "pitch of level lines"},
    {Param::kRowPitch, "tech", "row_pitch", "um", "pitch of word lines"},
    {Param::kRomEfficiency, "tech", "rom_efficiency", "1", "small ROMs: cells over cells and periphery"},
    {Param::kPageOverhead, "tech", "page_overhead", "rows", "height at the end of a page"},
    {Param::kSramDensity, "tech", "sram_density", "Mbit/mm2", "SRAM with periphery"},
    {Param::kLogicDensity, "tech", "logic_density", "MTr/mm2", "logic with wires and fill"},
    {Param::kCellDensity, "tech", "cell_density", "MTr/mm2", "standard cells before placement"},
    {Param::kOverheadShare, "tech", "overhead_share", "1", "wires between blocks, clock, power, test"},
    {Param::kRedundancy, "tech", "redundancy", "1", "spare share of arrays"},
    {Param::kLinkArea, "tech", "link_area", "mm2", "host and card-to-card PHY"},
    {Param::kSelectAdd, "tech", "select_add", "pJ", "select a product and add it, a weight"},
    {Param::kRomRead, "tech", "rom_read", "pJ/bit", "ROM read"},
    {Param::kSramRead, "tech", "sram_read", "pJ/byte", "SRAM read or write"},
    {Param::kWire, "tech", "wire", "pJ/bit/mm", "wire"},
    {Param::kMac, "tech", "mac", "pJ", "8-bit multiply-add"},
    {Param::kVectorOp, "tech", "vector_op", "pJ", "32-bit operation of the vector unit"},
    {Param::kLeakLogic, "tech", "leak_logic", "W/mm2", "leakage of logic"},
    {Param::kLeakSram, "tech", "leak_sram", "W/mm2", "leakage of SRAM"},
    {Param::kLeakRom, "tech", "leak_rom", "W/mm2", "leakage of ROM"},
    {Param::kClockLogic, "tech", "clock_energy", "pJ/mm2", "clock tree, a mm2 of logic and cycle"},
    {Param::kClockArray, "tech", "clock_array_share", "1", "of that in arrays"},
    {Param::kSystemFactor, "tech", "system_factor", "1", "unexplained: published over bottom-up power"},
    {Param::kPowerLimit, "tech", "power_limit", "W/mm2", "what cooling takes"},
    {Param::kDefects, "tech", "defect_density", "1/cm2", "defects"},
    {Param::kClustering, "tech", "clustering", "1", "alpha of the negative binomial"},
    {Param::kRepair, "tech", "repair_share", "1", "array defects that spares repair or quality bears"},
    {Param::kWafer, "tech", "wafer_price", "USD", "wafer"},
    {Param::kMask, "tech", "mask_price", "USD", "one mask"},
    {Param::kMaskSet, "tech", "mask_set_price", "USD", "all masks"},
    {Param::kPackage, "tech", "package_price", "USD", "package and test of a die"},
    {Param::kRespinWeeks, "tech", "respin_weeks", "weeks", "two masks and the metal above, base wafers in stock"},
    {Param::kFirstWeeks, "tech", "first_weeks", "weeks", "all layers, packaged"},
    {Param::kFullAdder, "parts", "full_adder", "transistors", "full adder"},
    {Param::kFlipFlop, "parts", "flip_flop", "transistors", "flip-flop"},
    {Param::kSelectLeg, "parts", "select_leg", "transistors", "one input of a one-hot selector, a bit"},
    {Param::kMultiplierBit, "parts", "multiplier_bit", "transistors", "a partial-product bit"},
    {Param::kWordDriver, "parts", "word_driver", "transistors", "word-line decoder and driver, a row"},
    {Param::kLineKeeper, "parts", "line_keeper", "transistors", "precharge and sense of a level line"},
    {Param::kSramCell, "parts", "sram_cell", "transistors", "SRAM cell"},
    {Param::kSramPeriphery, "parts", "sram_periphery", "1", "SRAM periphery, of the cells' transistors"},
    {Param::kVectorLane, "parts", "vector_lane", "transistors", "a lane of the vector unit"},
    {Param::kMacUnit, "parts", "mac_unit", "transistors", "8-bit multiply-add with its register"},
    {Param::kSequencer, "parts", "sequencer", "transistors", "sequencer and tables of a layer engine"},
    {Param::kCardParts, "economy", "card_parts", "USD", "board, regulators, cooling of a card"},
    {Param::kServerParts, "economy", "server_parts", "USD", "chassis, two-socket host, network of a server"},
    {Param::kHostPower, "economy", "host_power", "W", "server without its cards"},
    {Param::kElectricity, "economy", "electricity", "USD/kWh", "electricity"},
    {Param::kPue, "economy", "pue", "1", "data centre's power over that of its machines"},
    {Param::kLife, "economy", "life", "years", "a server earns its price back in"},
    {Param::kUtilization, "economy", "utilization", "1", "share of time that a card answers"},
    {Param::kDesign, "economy", "design_cost", "USD", "first design of a chip family, without masks"},
    {Param::kRespinWork, "economy", "respin_work", "USD", "engineering of a model's two masks"},
    {Param::kClock, "chip", "clock_hz", "Hz", "clock"},
    {Param::kLinkBandwidth, "chip", "link_bytes_per_s", "B/s", "card-to-card link"},
    {Param::kLinkLatency, "chip", "link_latency_s", "s", "latency of the link"},
};
// clang-format on
static_assert(std::size(kInfos) == kParamCount);

Status ReadBrackets(TomlReader& reader, std::string_view file, Constants& constants) {
  for (const ParamInfo& info : kInfos) {
    if (file == info.file) {
      constants.brackets[static_cast<size_t>(info.param)] =
          reader.ReadBracket(info.key, info.unit, info.param == Param::kRedundancy);
    }
  }
  return reader.Finish();
}

Status ReadTech(const std::string& process, Constants& constants) {
  BURIN_ASSIGN(const DataText data, ReadData("tech", process));
  BURIN_ASSIGN(TomlReader reader, TomlReader::Parse(data.text, data.object));
  TechFacts& tech = constants.tech;
  tech.name = std::filesystem::path(data.object).stem().string();
  tech.title = reader.Text("title");
  tech.wafer_mm = reader.Number("wafer_mm", 50, 450);
  tech.reticle_width_mm = reader.Number("reticle_width_mm", 1, 100);
  tech.reticle_height_mm = reader.Number("reticle_height_mm", 1, 100);
  return ReadBrackets(reader, "tech", constants);
}

Status ReadBuiltIn(const char* file, Constants& constants) {
  for (const BuiltInFile& built_in : BuiltInFiles()) {
    if (std::string(file) + ".toml" != built_in.name) continue;
    BURIN_ASSIGN(TomlReader reader,
                 TomlReader::Parse(built_in.text(), std::string("data/") + built_in.name));
    return ReadBrackets(reader, file, constants);
  }
  return BadInput(std::string("data/") + file + ".toml", "is not in this build");
}

}  // namespace

std::span<const ParamInfo> ParamInfos() { return kInfos; }

const ParamInfo& InfoOf(Param param) {
  const ParamInfo& info = kInfos[static_cast<size_t>(param)];
  BURIN_CHECK(info.param == param);
  return info;
}

Point Constants::Nominal() const {
  Point point;
  for (const ParamInfo& info : kInfos) point.Set(info.param, (*this)[info.param].nominal);
  return point;
}

Result<Constants> LoadConstants(const ChipSpec& chip, const std::string& process) {
  Constants constants;
  BURIN_TRY(ReadTech(process.empty() ? chip.process : process, constants));
  BURIN_TRY(ReadBuiltIn("parts", constants));
  BURIN_TRY(ReadBuiltIn("economy", constants));
  constants.brackets[static_cast<size_t>(Param::kClock)] = chip.clock_hz;
  constants.brackets[static_cast<size_t>(Param::kLinkBandwidth)] = chip.link_bytes_per_s;
  constants.brackets[static_cast<size_t>(Param::kLinkLatency)] = chip.link_latency_s;
  return constants;
}

}  // namespace burin
