// burin place: a model on a chip's banks.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <map>
#include <memory>

#include "base/output_file.h"
#include "cli/app.h"
#include "cli/console.h"
#include "cli/placed_model.h"
#include "cli/tensor_groups.h"
#include "fabric/dump.h"

namespace burin {
namespace {

struct PlaceFlags {
  ModelSourceFlags source;
  std::string dump, json;
};

// What the table and the JSON say of the matrices of one kind.
struct KindRow {
  std::string kind, bits, blocks_each;
  int64_t matrices = 0, blocks = 0, cells = 0;
};

std::string Joined(const std::string& a, const std::string& b) {
  return a.empty() || a == b ? b : a.find(b) != std::string::npos ? a : a + "/" + b;
}

std::vector<KindRow> RowsOf(const PlacedFabric& f) {
  std::vector<KindRow> rows;
  std::map<std::string, size_t> index;
  for (size_t m = 0; m < f.matrices.size(); ++m) {
    const PlacedMatrix& p = f.matrices[m];
    const std::string kind = KindOfTensor(f.plan.matrices[m].name);
    const auto [at, is_new] = index.try_emplace(kind, rows.size());
    if (is_new) rows.push_back({kind, "", "", 0, 0, 0});
    KindRow& row = rows[at->second];
    row.bits = Joined(row.bits, fmt::format("{}", p.shape.bits));
    row.blocks_each =
        Joined(row.blocks_each, fmt::format("{} x {}", p.row_blocks, p.column_blocks));
    ++row.matrices;
    row.blocks += p.row_blocks * p.column_blocks;
    row.cells += p.shape.rows * p.physical_columns;
  }
  return rows;
}

int64_t CellsOf(const PlacedFabric& f) {
  int64_t cells = 0;
  for (const PlacedMatrix& p : f.matrices) cells += p.shape.rows * p.physical_columns;
  return cells;
}

double UsedCells(const PlacedFabric& f) {
  return static_cast<double>(CellsOf(f)) / (static_cast<double>(f.banks * f.chip.fold) *
                                            static_cast<double>(f.chip.rows * f.chip.columns));
}

int64_t LayersOn(const PlacedFabric& f, int64_t die) {
  int64_t layers = 0;
  for (const Step& step : f.program) {
    if (step.op == Op::kAttend && f.matrices[static_cast<size_t>(1 + 7 * step.layer)].die == die)
      ++layers;
  }
  return layers;
}

std::string Describe(const PlacedFabric& f) {
  const ChipSpec& c = f.chip;
  const auto per_die = [&](int64_t n) {
    return static_cast<uint64_t>(c.banks > 0 ? c.banks * f.dies : n);
  };
  std::string text = fmt::format(
      "model       {}, {} weights at {:.2f} bits\n"
      "chip        {}: banks of {} x {} cells, {} levels, fold {}\n",
      OneLine(f.plan.name), WithCommas(f.plan.config.WeightCount()), BitsPerWeight(f),
      OneLine(c.name), c.rows, c.columns, c.levels, c.fold);
  text += fmt::format("dies        {} of at most {}\n", f.dies, c.dies);
  text += fmt::format("banks       {} of {}, {:.1f} % of their cells hold a weight\n",
                      WithCommas(static_cast<uint64_t>(f.banks)), WithCommas(per_die(f.banks)),
                      100 * UsedCells(f));
  text += fmt::format("context     {} positions of one user in {} bytes of KV SRAM a die\n",
                      WithCommas(static_cast<uint64_t>(f.max_context)),
                      WithCommas(static_cast<uint64_t>(c.kv_bytes)));
  const int64_t a_die = (f.engines + f.dies - 1) / f.dies;
  int32_t wire = 0;
  double reach = 0;
  for (const PlacedMatrix& p : f.matrices) {
    wire = std::max(wire, p.wire_stages);
    reach = std::max(reach, p.reach_mm);
  }
  text += fmt::format("program     {} steps a token, {} layer engine{} a die\n", f.program.size(),
                      a_die, a_die == 1 ? "" : "s");
  text += fmt::format(
      "floorplan   {:.1f} x {:.1f} mm; {:.1f} mm to the farthest bank, {} registers on the way\n\n",
      f.die_width, f.die_height, reach, wire);
  text += fmt::format("{:<14} {:>8} {:>5} {:>16} {:>10} {:>16}\n", "kind", "matrices", "bits",
                      "rows x columns", "blocks", "cells");
  for (const KindRow& row : RowsOf(f)) {
    text += fmt::format("{:<14} {:>8} {:>5} {:>16} {:>10} {:>16}\n", row.kind, row.matrices,
                        row.bits, row.blocks_each, WithCommas(static_cast<uint64_t>(row.blocks)),
                        WithCommas(static_cast<uint64_t>(row.cells)));
  }
  if (f.dies > 1) {
    text += fmt::format("\n{:>4} {:>7} {:>10} {:>18}\n", "die", "layers", "banks",
                        "KV bytes a position");
    for (int64_t die = 0; die < f.dies; ++die) {
      const auto d = static_cast<size_t>(die);
      text += fmt::format(
          "{:>4} {:>7} {:>10} {:>18}\n", die, LayersOn(f, die),
          WithCommas(static_cast<uint64_t>(f.die_first_bank[d + 1] - f.die_first_bank[d])),
          WithCommas(static_cast<uint64_t>(KvBytesPerPosition(f.plan.config, LayersOn(f, die)))));
    }
  }
  return text;
}

Json ToJson(const PlacedFabric& f) {
  Json json = {{"model", f.plan.name}, {"chip", f.chip.name}};
  if (f.plan.weights != nullptr) json["digest"] = ToHex(f.plan.weights->digest);
  json["weights"] = f.plan.config.WeightCount();
  json["bits_per_weight"] = RoundTo(BitsPerWeight(f), 4);
  json["dies"] = f.dies;
  json["banks"] = f.banks;
  json["blocks"] = f.blocks.size();
  json["cells"] = CellsOf(f);
  json["used_cells"] = RoundTo(UsedCells(f), 6);
  json["max_context"] = f.max_context;
  json["layer_engines"] = f.engines;
  json["steps"] = f.program.size();
  json["die_mm"] = {RoundTo(f.die_width, 3), RoundTo(f.die_height, 3)};
  json["banks_of_die"] = Json::array();
  for (size_t d = 0; d + 1 < f.die_first_bank.size(); ++d) {
    json["banks_of_die"].push_back(f.die_first_bank[d + 1] - f.die_first_bank[d]);
  }
  json["matrices"] = Json::array();
  for (size_t m = 0; m < f.matrices.size(); ++m) {
    const PlacedMatrix& p = f.matrices[m];
    json["matrices"].push_back({{"name", f.plan.matrices[m].name},
                                {"bits", p.shape.bits},
                                {"rows", p.shape.rows},
                                {"cols", p.shape.cols},
                                {"row_blocks", p.row_blocks},
                                {"column_blocks", p.column_blocks},
                                {"die", p.die},
                                {"engine", p.engine},
                                {"wire_stages", p.wire_stages}});
  }
  json["verified"] = true;
  return json;
}

// "-" is standard output.
Status WriteDump(const PlacedFabric& fabric, const std::string& target) {
  if (target == "-") {
    return DumpPlacement(fabric, [&](std::string_view piece) -> Status {
      if (std::fwrite(piece.data(), 1, piece.size(), stdout) == piece.size()) return {};
      return IoError("standard output", std::strerror(errno));
    });
  }
  BURIN_ASSIGN(OutputFile file, OutputFile::Create(target));
  BURIN_TRY(DumpPlacement(fabric, [&](std::string_view piece) { return file.Write(piece); }));
  return file.Commit();
}

Status RunPlace(const PlaceFlags& flags) {
  const Console console(flags.dump == "-" ? "-" : flags.json);
  if (flags.dump == "-" && !flags.json.empty()) {
    return BadInput("burin place", "--json with --dump -", "a file for one of them");
  }
  if (flags.dump != "-") {
    BURIN_TRY(console.Check());
    if (!flags.dump.empty()) BURIN_TRY(CheckWritable(flags.dump));
  }
  BURIN_ASSIGN(const PlacedModel placed, PlaceModel(flags.source));
  if (!flags.dump.empty()) BURIN_TRY(WriteDump(placed.fabric, flags.dump));
  if (flags.dump == "-") return {};
  console.Print(Describe(placed.fabric) +
                "\nverified    every weight has one place; no step meets itself in a bank\n");
  return console.WriteJson(ToJson(placed.fabric));
}

}  // namespace

void AddPlaceCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<PlaceFlags>();
  CLI::App* command = app.add_subcommand("place", "Put a model on the banks of a chip");
  AddModelSourceOptions(*command, flags->source);
  command
      ->add_option("--dump", flags->dump,
                   "Write every block and its place; - means standard output")
      ->option_text("FILE");
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunPlace(*flags); }; });
}

}  // namespace burin
