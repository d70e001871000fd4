// What was drawn and simulated, beside what the chip model takes for it.
#include <gtest/gtest.h>

#include "cost/calibration_page.h"
#include "fabric/bracket_reader.h"
#include "fabric/data_files.h"

namespace burin {
namespace {

Constants On(const std::string& process) {
  return LoadConstants(LoadChip("nano").value(), process).value();
}

// Cells with the drivers and line ends that a drawn bank of 128 rows and 64 columns has, a cell.
double BankUm2PerCell(int64_t levels, const Point& p) {
  ChipSpec chip = LoadChip("nano").value();  // 128 x 64, fold 1
  chip.levels = levels;
  const auto rows = static_cast<double>(chip.rows), columns = static_cast<double>(chip.columns);
  const double transistors =
      rows * p[Param::kWordDriver] + columns * static_cast<double>(levels) * p[Param::kLineKeeper];
  const double mm2 = BankArray(chip, p).mm2() + transistors / (p[Param::kLogicDensity] * 1e6);
  return mm2 * 1e6 / (rows * columns);
}

struct Read {
  int64_t rows = 0;
  std::string load;
  double delay_ns = 0, energy_fj = 0;
};

struct ColumnFile {
  std::string models;
  int64_t lines = 0;
  std::vector<Read> reads;
};

ColumnFile ReadColumn(const std::string& name) {
  const DataText data = ReadData("measurements", name).value();
  TomlReader reader = TomlReader::Parse(data.text, data.object).value();
  ColumnFile file;
  reader.Text("command");
  reader.Text("wires");
  file.models = reader.Text("models");
  file.lines = reader.Int("lines", 8, 16);
  for (const char* key : {"supply_V", "row_pitch_um", "transistor_width_um"}) {
    reader.Number(key, 1e-3, 1e3);
  }
  if (reader.Has("trip_V")) reader.Number("trip_V", 1e-3, 1e3);
  for (int64_t i = 0; i < reader.ArraySize("read"); ++i) {
    const std::string at = fmt::format("read[{}].", i);
    file.reads.push_back({reader.Int(at + "rows", 1, 65536), reader.Text(at + "load"),
                          reader.Number(at + "delay_ns", 1e-6, 1e6),
                          reader.Number(at + "energy_fJ", 1e-6, 1e9)});
    for (const char* key : {"line_end_V", "neighbour_least_V", "far_least_V"}) {
      reader.Number(at + key, -1, 10);
    }
    for (const char* key : {"edge_least_V", "disturb_mV", "margin_mV"}) {
      if (reader.Has(at + key)) reader.Number(at + key, -1e4, 1e4);
    }
  }
  const Status finished = reader.Finish();
  EXPECT_TRUE(finished) << finished.error().ToString();
  return file;
}

}  // namespace

void AddCells(Page& page) {
  const DataText data = ReadData("measurements", "rom_cell").value();
  TomlReader reader = TomlReader::Parse(data.text, data.object).value();
  page.Add(
      fmt::format("## A drawn cell\n\n`{}` (data/measurements/rom_cell.toml), drawn by the rules "
                  "and passed by KLayout ([masks.md](masks.md)), against `rom_cell`, "
                  "`compute_cell_factor`, `line_pitch` and `row_pitch`; the bank with its word "
                  "drivers and line ends, too.\n\n{}",
                  reader.Text("command"), kMeasuredHeader));
  for (int64_t i = 0; i < reader.ArraySize("cell"); ++i) {
    const std::string at = fmt::format("cell[{}].", i);
    const std::string process = reader.Text(at + "process");
    const int64_t lines = reader.Int(at + "lines", 8, 16);
    const double cell = reader.Number(at + "cell_um2", 1e-6, 1e6);
    const double row = reader.Number(at + "row_pitch_um", 1e-6, 1e3);
    const double column = reader.Number(at + "column_um", 1e-6, 1e3);
    const double bank = reader.Number(at + "bank_um2_per_cell", 1e-6, 1e6);
    const Constants c = On(process);
    const std::string what = fmt::format("{}, {} lines: ", process, lines);
    page.Row(
        what + "cell, um2",
        BandAt(c, {Param::kRomCell, Param::kComputeFactor, Param::kLinePitch, Param::kRowPitch},
               [&](const Point& p) { return WeightCell(lines, p).um2(); }),
        cell, "P");
    page.Row(what + "word lines, um",
             BandAt(c, {Param::kRowPitch}, [](const Point& p) { return p[Param::kRowPitch]; }), row,
             "P");
    page.Row(what + "column, pitches of a line",
             BandAt(c, {Param::kLinePitch},
                    [&](const Point& p) {
                      return static_cast<double>(lines) * p[Param::kLinePitch] /
                             c[Param::kLinePitch].nominal;
                    }),
             column / c[Param::kLinePitch].nominal, "P");
    page.Row(what + "bank of 128 x 64, um2 a cell",
             BandAt(c,
                    {Param::kRomCell, Param::kComputeFactor, Param::kLinePitch, Param::kRowPitch,
                     Param::kPageOverhead, Param::kRedundancy, Param::kWordDriver,
                     Param::kLineKeeper, Param::kLogicDensity},
                    [&](const Point& p) { return BankUm2PerCell(lines, p); }),
             bank, "P");
  }
  const Status finished = reader.Finish();
  EXPECT_TRUE(finished) << finished.error().ToString();
  const Constants n6 = LoadConstants(LoadChip("hc1").value()).value();
  const Point p = n6.Nominal();
  page.Add(fmt::format(
      "\nA drawn column has more than its level lines: a ground line, and the distance to the next "
      "column (the rows above, in pitches). The formula counts the level lines alone. With two "
      "pitches more a cell of hc1 would be {:.4f} instead of {:.4f} um2. The formula was not "
      "changed for it: its ends were set from published cells, and the miss stays here.\n\n",
      (8 + 2) * p[Param::kLinePitch] * p[Param::kRowPitch], WeightCell(8, p).um2()));
}

void AddReads(Page& page) {
  page.Add(
      "## A read of a column\n\nngspice on a column of the drawn sizes (`scripts/spice/column.py`, "
      "data/measurements/column_*.toml), against `rom_read`: energy a bit of a read in which the "
      "cells of a column are spread over its lines, and in which all of them hang on the line that "
      "falls, the worst.\n\n");
  page.Add(kMeasuredHeader);
  std::string times;
  for (const auto& [name, process, chip_name] : {std::tuple("column_sky130_8", "sky130", "nano"),
                                                 std::tuple("column_sky130_16", "sky130", "nano"),
                                                 std::tuple("column_freepdk45_16", "", "edge")}) {
    const ColumnFile file = ReadColumn(name);
    const double bits = file.lines == 16 ? 4 : 3;
    const Bracket clock = LoadChip(chip_name).value().clock_hz;
    for (const Read& read : file.reads) {
      const std::string what =
          fmt::format("{} lines, {} rows, {}", file.lines, read.rows, read.load);
      if (*process != '\0') {
        const Bracket energy = On(process)[Param::kRomRead];
        page.Row(fmt::format("{}: {}, fJ/bit", process, what),
                 {energy.low * 1e3, energy.nominal * 1e3, energy.high * 1e3}, read.energy_fj / bits,
                 "P");
      }
      if (read.load != "full") continue;
      const double share = read.delay_ns * 1e-9 * clock.nominal;
      times += fmt::format("| {} | {} | {} | {:.3g} | {} | {:.3g} | {:.1f} % |\n", file.models,
                           file.lines, read.rows, read.delay_ns, chip_name, 1e9 / clock.nominal,
                           share * 100);
      // A read, decoder and selector must find room in the shortest cycle that the chip may have.
      EXPECT_LT(read.delay_ns * 1e-9 * clock.high, 0.5) << name << ", " << read.rows << " rows";
    }
  }
  page.Add(
      "\n`rom_read` does not know the rows of a line: long lines and columns of equal codes leave "
      "its range. How long the worst read takes, beside the cycle of a chip:\n\n| "
      "models | "
      "lines | rows | ns | chip | cycle, ns | share |\n|---|---|---|---|---|---|---|\n" +
      times +
      "\nThe 45 nm column of 256 rows is one row block of hc1, whose cycle at 6 nm is taken for "
      "1.0 ns "
      "(0.7 to 2.0). There is no open transistor model below 45 nm to check that.\n\n");
}

}  // namespace burin
