#include "rtl/emit.h"

#include <fmt/format.h>

#include "base/check.h"
#include "rtl/bank_rom.h"
#include "rtl/chip_module.h"
#include "rtl/fabric_module.h"
#include "rtl/hardware_files.h"
#include "rtl/rom.h"
#include "rtl/verilog.h"

namespace burin {
namespace {

constexpr std::string_view kEmitted = "emitted/", kTile = "tile/";
constexpr std::string_view kHead = "`default_nettype none\n";
constexpr std::string_view kTail = "`default_nettype wire\n";

std::string Wrap(const std::string& text) { return std::string(kHead) + text + std::string(kTail); }

// Modules by hand go to hw/, what lies in emitted/ to the top; tile/ is not for a chip.
Status CopyHardware(OutputFolder& folder) {
  for (const BuiltInFile& file : HardwareFiles()) {
    const std::string_view name = file.name;
    if (name.starts_with(kTile)) continue;
    const bool emitted = name.starts_with(kEmitted);
    BURIN_TRY(folder.Write(
        emitted ? std::string(name.substr(kEmitted.size())) : fmt::format("hw/{}", name),
        file.text()));
  }
  return {};
}

}  // namespace

uint64_t EstimateBytes(const PlacedFabric& fabric, const EnginePlan& plan, int64_t tokens) {
  constexpr uint64_t kFixed = 250'000, kTraceWord = 9;  // modules by hand, benches, scripts
  int64_t words = 2 + 2 * fabric.chip.top_k;            // of a token in the trace
  for (const StepResult& result : plan.results) words += 1 + result.values;
  return EstimateBankBytes(fabric) + kFixed + kTraceWord * static_cast<uint64_t>(words * tokens);
}

uint64_t EstimateBankBytes(const PlacedFabric& fabric) {
  const BankGeometry g = BankGeometry::Of(fabric);
  const auto digits = [](int64_t bits) { return static_cast<uint64_t>((bits + 3) / 4 + 1); };
  const auto banks = static_cast<uint64_t>(fabric.banks);
  const auto fold = static_cast<uint64_t>(g.fold);
  const uint64_t codes = static_cast<uint64_t>(g.rows) * digits(g.code_word);
  const uint64_t scales = static_cast<uint64_t>(g.groups * g.walk) * digits(g.scale_word);
  constexpr uint64_t kTextOfBank = 3500;
  return banks * (fold * (codes + scales) + kTextOfBank);
}

Result<EmittedChip> EmitChip(const PlacedFabric& fabric, const EnginePlan& plan,
                             OutputFolder& folder) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  RomStore roms(folder);
  BURIN_ASSIGN(const verilog::Module chip, MakeChip(fabric, plan, roms));
  BURIN_TRY(folder.Write("burin_chip.sv", Wrap(verilog::Print(chip))));
  BURIN_ASSIGN(const verilog::Module banks, MakeFabric(fabric, plan, roms));
  BURIN_TRY(folder.Write("burin_fabric.sv", Wrap(verilog::Print(banks))));
  BURIN_TRY(folder.Write("burin_roms.sv", Wrap(roms.Modules())));
  BURIN_TRY(CopyHardware(folder));
  return EmittedChip{fabric.banks, roms.modules(), roms.bits()};
}

}  // namespace burin
