// The files of a tile, its trace among them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

#include "base/check.h"
#include "quant/quantized_model.h"
#include "rtl/bank_rom.h"
#include "rtl/fabric_module.h"
#include "rtl/hardware_files.h"
#include "rtl/tile.h"

namespace burin {
namespace {

// Of hw/, by where it goes: hand-written modules, bench, and the scripts that a chip has, too.
constexpr std::array<std::pair<std::string_view, std::string_view>, 17> kFiles = {{
    {"burin_adder_tree.sv", "hw/burin_adder_tree.sv"},
    {"burin_bank.sv", "hw/burin_bank.sv"},
    {"burin_broadcast.sv", "hw/burin_broadcast.sv"},
    {"burin_broadcast.svh", "hw/burin_broadcast.svh"},
    {"burin_fixed.svh", "hw/burin_fixed.svh"},
    {"burin_repeater.sv", "hw/burin_repeater.sv"},
    {"burin_row_driver.sv", "hw/burin_row_driver.sv"},
    {"emitted/Makefile", "Makefile"},
    {"emitted/sim/bench.h", "sim/bench.h"},
    {"emitted/sim/lint.vlt", "sim/lint.vlt"},
    {"emitted/sim/verilator.vlt", "sim/verilator.vlt"},
    {"emitted/synth/area.tcl", "synth/area.tcl"},
    {"emitted/synth/fan_out.py", "synth/fan_out.py"},
    {"emitted/synth/merge_liberty.py", "synth/merge_liberty.py"},
    {"emitted/synth/read.tcl", "synth/read.tcl"},
    {"tile/sim/bench.cc", "sim/bench.cc"},
    {"tile/sim/bench.sv", "sim/bench.sv"},
}};

Status CopyFiles(OutputFolder& folder) {
  const auto files = HardwareFiles();
  for (const auto& names : kFiles) {
    const auto file = std::find_if(files.begin(), files.end(),
                                   [&](const BuiltInFile& f) { return f.name == names.first; });
    BURIN_CHECK(file != files.end());
    BURIN_TRY(folder.Write(std::string(names.second), file->text()));
  }
  return {};
}

std::string Wrapped(const std::string& text) {
  return "`default_nettype none\n" + text + "`default_nettype wire\n";
}

// docs/rtl.md, "Tiles".
class TileTrace {
 public:
  TileTrace(const Tile& tile, const TileTimes& times, int64_t passes) : tile_(tile) {
    constexpr int64_t kMagic = 0x4C495442, kVersion = 1;  // "BTIL"
    const PlacedFabric& fabric = tile.fabric;
    const MatrixShape& shape = fabric.matrices[static_cast<size_t>(tile.matrix)].shape;
    lanes_ = fabric.chip.vector_lanes;
    words_ = (shape.groups() * shape.group + lanes_ - 1) / lanes_;
    Put(kMagic);
    Put(kVersion);
    const Sha256Digest& digest = fabric.plan.weights->digest;
    for (size_t i = 0; i < digest.size(); i += 4) {
      uint32_t word;
      std::memcpy(&word, digest.data() + i, 4);
      Put(word);
    }
    for (const int64_t field :
         {lanes_, words_, shape.groups(), TilePassRows(tile), int64_t{tile.matrix},
          (tile.columns + lanes_ - 1) / lanes_, tile.columns, times.collect, times.tree, passes,
          int64_t{shape.DropBits()}, tile.first_column}) {
      Put(field);
    }
  }

  void Add(const TilePass& pass) {
    const BlockFloatBatch& x = pass.input;
    BURIN_CHECK(x.tokens == 1 && static_cast<int64_t>(pass.sums.size()) == tile_.columns);
    Put(pass.position);
    Put(x.CommonExponent(0));
    for (int64_t g = 0; g < x.groups; ++g) Put(x.TokenExponents(0)[g]);
    for (int64_t i = 0; i < words_ * lanes_; ++i) {
      Put(i < x.groups * x.group ? x.TokenMantissas(0)[i] : 0);
    }
    for (const int32_t sum : pass.sums) Put(sum);
  }

  Status Write(OutputFolder& folder) const {
    BURIN_TRY(folder.Write("sim/trace.hex", text_));
    return folder.Write(
        "sim/trace_size.svh",
        fmt::format("localparam integer TRACE_WORDS = {};\nlocalparam integer TRACE_LANES = {};\n",
                    text_.size() / 9, lanes_));
  }

 private:
  void Put(int64_t value) { text_ += fmt::format("{:08x}\n", static_cast<uint32_t>(value)); }

  const Tile& tile_;
  int64_t lanes_ = 0, words_ = 0;
  std::string text_;
};

}  // namespace

uint64_t EstimateTileBytes(const Tile& tile, int64_t passes) {
  constexpr uint64_t kFixed = 43'000, kTraceWord = 9;
  const int64_t rows = tile.fabric.plan.matrices[static_cast<size_t>(tile.matrix)].rows;
  const int64_t words = passes * (rows + rows / tile.fabric.plan.group + tile.columns);
  return EstimateBankBytes(tile.fabric) + kTraceWord * static_cast<uint64_t>(words) + kFixed;
}

Result<EmittedChip> EmitTile(const Tile& tile, const TileTimes& times,
                             std::span<const TilePass> passes, OutputFolder& folder) {
  RomStore roms(folder);
  BURIN_ASSIGN(const verilog::Module module, MakeFabric(tile.fabric, tile.plan, roms));
  BURIN_TRY(folder.Write(fmt::format("{}.sv", module.name), Wrapped(verilog::Print(module))));
  BURIN_TRY(folder.Write("burin_roms.sv", Wrapped(roms.Modules())));
  BURIN_TRY(CopyFiles(folder));
  TileTrace trace(tile, times, static_cast<int64_t>(passes.size()));
  for (const TilePass& pass : passes) trace.Add(pass);
  BURIN_TRY(trace.Write(folder));
  return EmittedChip{tile.fabric.banks, roms.modules(), roms.bits()};
}

}  // namespace burin
