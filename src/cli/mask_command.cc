// burin mask: layouts of the ROM.
#include <fmt/ranges.h>

#include <memory>

#include "base/output_file.h"
#include "cli/app.h"
#include "cli/console.h"
#include "cli/mask_engrave_command.h"
#include "fabric/data_files.h"
#include "mask/bank.h"
#include "mask/gdsii_writer.h"
#include "mask/netlist.h"
#include "mask/patterns.h"

namespace burin {
namespace {

struct CellFlags {
  std::string rules = "sky130", out, netlist, pattern = "random", json;
  mask::BankShape shape{8, 8, 16, 0, 0};
  uint64_t seed = 1;
};

int CodeOf(const CellFlags& flags, int row, int col) {
  return flags.pattern == "all-pairs" ? mask::AllPairsCode(row, col, flags.shape.lines)
                                      : mask::RandomCode(flags.seed, row, col, flags.shape.lines);
}

// Vias of a bank: weights by the pattern, constants by the seed.
std::vector<mask::Shape> ProgramOf(const CellFlags& flags, const mask::Bank& bank) {
  const mask::BankShape& s = bank.shape();
  std::vector<mask::Shape> vias;
  for (int row = 0; row < s.rows; ++row) {
    for (int col = 0; col < s.cols; ++col) {
      const int code = CodeOf(flags, row, col);
      vias.push_back({bank.weight_layer(), bank.ViaSite(row, col, code)});
    }
  }
  for (int word = 0; word < s.constant_words; ++word) {
    for (int bit = 0; bit < s.constant_bits; ++bit) {
      const int value = mask::RandomCode(flags.seed + 1, word, bit, 2);
      vias.push_back({bank.constant_layer(), bank.ConstantSite(word, bit, value)});
    }
  }
  return vias;
}

Json ToJson(const CellFlags& flags, const mask::Bank& bank) {
  const mask::BankShape& s = bank.shape();
  const mask::CellDimensions& d = bank.cell();
  const mask::Rect box = bank.extent();
  Json codes = Json::array();
  for (int row = 0; row < s.rows && flags.pattern != "none"; ++row) {
    Json line = Json::array();
    for (int col = 0; col < s.cols; ++col) {
      line.push_back(CodeOf(flags, row, col));
    }
    codes.push_back(std::move(line));
  }
  return {{"rules", flags.rules},
          {"rows", s.rows},
          {"columns", s.cols},
          {"lines", s.lines},
          {"row_pitch_nm", d.row_pitch},
          {"column_width_nm", d.column_width},
          {"line_pitch_nm", d.line_pitch},
          {"line_width_nm", d.line_width},
          {"strap_height_nm", d.strap_height},
          {"edge_gap_nm", d.EdgeGap()},
          {"transistor_width_nm", d.width},
          {"cell_um2", RoundTo(d.CellArea(), 6)},
          {"array_um2", RoundTo(1e-6 * bank.ArrayRight() * d.row_pitch * s.rows, 3)},
          {"bank_um2", RoundTo(1e-6 * box.width() * box.height(), 3)},
          {"codes", std::move(codes)}};
}

Status RunMaskCell(const CellFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  if (flags.pattern != "all-pairs" && flags.pattern != "random" && flags.pattern != "none") {
    return BadInput("--pattern", OneLine(flags.pattern), "all-pairs, random or none");
  }
  for (const std::string& path : {flags.out, flags.netlist}) {
    if (!path.empty()) BURIN_TRY(CheckWritable(path));
  }
  BURIN_ASSIGN(const mask::Rules rules, mask::Rules::Load(flags.rules));
  BURIN_ASSIGN(const mask::Bank bank, mask::Bank::Create(rules, flags.shape));
  const mask::BankShape& s = bank.shape();
  if (flags.pattern == "all-pairs" && (s.rows < mask::AllPairsRows(s.lines) || s.cols <= s.lines)) {
    return BadInput(
        "--pattern all-pairs", fmt::format("{} x {} cells", s.rows, s.cols),
        fmt::format("{} rows and {} columns at least", mask::AllPairsRows(s.lines), s.lines + 1));
  }
  if (!flags.netlist.empty()) {
    const auto code = [&](int row, int col) { return CodeOf(flags, row, col); };
    BURIN_ASSIGN(const std::string spice, mask::ToSpice(rules, bank, code));
    BURIN_TRY(WriteFileAtomically(flags.netlist, spice));
  }
  if (!flags.out.empty()) {
    const mask::Layout layout =
        flags.pattern == "none" ? bank.base() : mask::ProgrammedBank(bank, ProgramOf(flags, bank));
    BURIN_ASSIGN(const std::string bytes, mask::ToGdsii(layout, "burin"));
    BURIN_TRY(WriteFileAtomically(flags.out, bytes));
  }
  const mask::CellDimensions& d = bank.cell();
  const mask::Rect box = bank.extent();
  console.Print(fmt::format(
      "process     {}\n"
      "cell        {:.4f} um2: {} nm a row, {} nm a column of {} lines at {} nm\n"
      "transistor  {} nm wide, {} nm long\n"
      "bank        {} x {} cells, {:.2f} x {:.2f} um with drivers and sense, {:.3f} um2 a cell\n",
      rules.name(), d.CellArea(), d.row_pitch, d.column_width, d.lines, d.line_pitch, d.width,
      d.gate_length, s.rows, s.cols, 1e-3 * box.width(), 1e-3 * box.height(),
      1e-6 * box.width() * box.height() / s.rows / s.cols));
  if (!flags.out.empty()) console.Print(fmt::format("written     {}\n", flags.out));
  return console.WriteJson(ToJson(flags, bank));
}

void AddMaskCellCommand(CLI::App& mask, Action& action) {
  auto flags = std::make_shared<CellFlags>();
  CLI::App* command =
      mask.add_subcommand("cell", "Draw one bank of ROM cells from a process's rules");
  command
      ->add_option("--rules", flags->rules,
                   fmt::format("{}, or a rule file; sky130", fmt::join(DataNames("rules"), ", ")))
      ->option_text("NAME");
  command->add_option("--lines", flags->shape.lines, "Level lines a column: 8 or 16; 16")
      ->option_text("N");
  command->add_option("--rows", flags->shape.rows, "Word lines, a multiple of 4; 8")
      ->option_text("N");
  command->add_option("--cols", flags->shape.cols, "Columns; 8")->option_text("N");
  command->add_option("--constant-words", flags->shape.constant_words, "Words of constants; 0")
      ->option_text("N");
  command->add_option("--constant-bits", flags->shape.constant_bits, "Bits of such a word; 0")
      ->option_text("N");
  command
      ->add_option(
          "--pattern", flags->pattern,
          "Codes of the cells: random, all-pairs (every code beside every code), none; random")
      ->option_text("NAME");
  command->add_option("--seed", flags->seed, "Of the random codes; 1")->option_text("N");
  command->add_option("-o,--output", flags->out, "GDSII file to write")->option_text("FILE");
  command->add_option("--netlist", flags->netlist, "SPICE file to write: the bank as it is meant")
      ->option_text("FILE");
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunMaskCell(*flags); }; });
}

}  // namespace

void AddMaskCommand(CLI::App& app, Action& action) {
  CLI::App* command = app.add_subcommand("mask", "Draw a model as two mask layers on a base die");
  command->require_subcommand(0, 1);
  AddMaskEngraveCommands(*command, action);
  AddMaskCellCommand(*command, action);
}

}  // namespace burin
