// Writes docs/calibration.md: what the model says of things that are published or measured, beside
// what was published or measured. The page must be what this test writes; BURIN_UPDATE_GOLDEN=1
// writes it anew.
#include <gtest/gtest.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "cost/calibration_page.h"
#include "cost/chip_model.h"
#include "cost/yield.h"
#include "fabric/bracket_reader.h"
#include "fabric/data_files.h"
#include "model/presets.h"

namespace burin {
namespace {

struct Hc1 {
  PlacedFabric fabric;
  Constants constants;
};

Hc1 PlaceHc1(const std::string& tensor_bits) {
  const ChipSpec chip = LoadChip("hc1").value();
  Constants constants = LoadConstants(chip).value();
  const ModelPlan plan =
      PlanOf(FindPreset("llama-3.1-8b").value(), "llama-3.1-8b", 3, tensor_bits, 128, 0).value();
  PlacedFabric fabric = Place(plan, chip, SizesFor(chip, plan.config, constants)).value();
  return {std::move(fabric), std::move(constants)};
}

void AddHc1(Page& page, const std::string& tensor_bits, const std::string& title) {
  const Hc1 hc1 = PlaceHc1(tensor_bits);
  const ChipModel model(hc1.fabric, hc1.constants, {1024, 1024, 0});
  const ChipModel demo(hc1.fabric, hc1.constants, {22, 22, 0});
  page.Add(fmt::format("### {}\n\n{}", title, kHeader));
  page.Row("tokens/s, one user, 1,024 positions",
           model.BandOf([](const Estimate& e) { return e.tokens_per_s_user; }), 16960, "V");
  page.Row("die, mm2", model.BandOf([](const Estimate& e) { return e.die_mm2; }), 815, "V");
  page.Row("transistors, G", model.BandOf([](const Estimate& e) { return e.transistors / 1e9; }),
           53, "V");
  page.Row("W of a card, explained", model.BandOf([](const Estimate& e) { return e.power_w; }), 200,
           "V");
  page.Row("W of a card, with the unexplained factor",
           model.BandOf([](const Estimate& e) { return e.card_power_w; }), 200, "V");
  page.Row("ms to the first token, prompt of 22",
           demo.BandOf([](const Estimate& e) { return e.first_token_s * 1e3; }), 1.179, "M");
  page.Row("mJ a token, with the factor",
           model.BandOf([](const Estimate& e) { return e.card_energy_per_token_j * 1e3; }), 11.8,
           "I");
  page.Row("USD a million tokens", model.BandOf([](const Estimate& e) { return e.tokens.usd(); }),
           0.0075, "V");
  const Estimate& e = model.nominal();
  double known = 0;
  for (const AreaBlock& b : e.area) {
    if (b.name == "weight cells" || b.name == "KV SRAM") known += b.transistors;
  }
  page.Add(
      fmt::format("\nWeight cells and KV SRAM are {:.1f} G transistors; of the published 53 G that "
                  "leaves {:.1f} G, and the model puts {:.1f} G there.\n\n",
                  known / 1e9, 53 - known / 1e9, (e.transistors - known) / 1e9));
}

void AddDie(Page& page) {
  const double yield = MurphyYield(827.08, 0.11);
  const int64_t gross = GrossDies(827.08, 300), good = GoodDies(827.08, 300, yield);
  page.Add(
      "## A published die cost, exactly\n\nHNLPU (arXiv 2508.16151): 827.08 mm2, 0.11 defects a "
      "cm2, a 5 nm wafer of 16,988 USD; Murphy.\n\n| | computed | published |\n|---|---|---|\n");
  page.Add(
      fmt::format("| gross dies | {} | 62 |\n| yield | {:.1f} % | 43 % |\n| good dies | {} | 27 |\n"
                  "| USD a die | {:.0f} | 629 |\n\n",
                  gross, yield * 100, good, 16988.0 / static_cast<double>(good)));
  EXPECT_EQ(gross, 62);
  EXPECT_EQ(std::lround(yield * 100), 43);
  EXPECT_EQ(std::lround(16988.0 / static_cast<double>(good)), 629);
}

// The selector and accumulator formula with the sizes of the measured column.
double ColumnTransistorsOf(int64_t levels, int64_t product, int64_t accumulator, const Point& p) {
  return static_cast<double>(product * levels) * p[Param::kSelectLeg] +
         static_cast<double>(accumulator) * (p[Param::kFullAdder] + p[Param::kFlipFlop]);
}

void AddSynthesis(Page& page) {
  const DataText data = ReadData("measurements", "column_area").value();
  TomlReader reader = TomlReader::Parse(data.text, data.object).value();
  const std::string command = reader.Text("command");
  const int64_t levels = reader.Int("levels", 1, 64), product = reader.Int("product_bits", 1, 64);
  const int64_t accumulator = reader.Int("accumulator_bits", 1, 64);
  const double measured = static_cast<double>(reader.Int("transistors", 1, 1 << 30));
  const ChipSpec nano = LoadChip("nano").value();
  page.Add(
      fmt::format("## A synthesized column\n\nA {}:1 selector of {}-bit products and a {}-bit "
                  "accumulator, `{}` (data/measurements/column_area.toml). The formula counts "
                  "parts (data/parts.toml); area is transistors over the process' cell "
                  "density.\n\n| | low | nominal | high | measured | residual | inside "
                  "|\n|---|---|---|---|---|---|---|\n",
                  levels, product, accumulator, command));
  for (int64_t i = -1; i < reader.ArraySize("library"); ++i) {
    const std::string at = fmt::format("library[{}].", std::max<int64_t>(i, 0));
    const Constants constants =
        LoadConstants(nano, i < 0 ? "sky130" : reader.Text(at + "process")).value();
    Point ends[3] = {constants.Nominal(), constants.Nominal(), constants.Nominal()};
    for (const Param part : {Param::kSelectLeg, Param::kFullAdder, Param::kFlipFlop}) {
      ends[0].Set(part, constants[part].low);
      ends[2].Set(part, constants[part].high);
    }
    ends[0].Set(Param::kCellDensity, constants[Param::kCellDensity].high);
    ends[2].Set(Param::kCellDensity, constants[Param::kCellDensity].low);
    double value[3];
    for (int k = 0; k < 3; ++k) {
      const double count = ColumnTransistorsOf(levels, product, accumulator, ends[k]);
      value[k] = i < 0 ? count : count / ends[k][Param::kCellDensity];
    }
    const Band band{value[0], value[1], value[2]};
    const std::string what = i < 0 ? "transistors" : reader.Text(at + "name") + ", um2";
    page.Row(what, band, i < 0 ? measured : reader.Number(at + "um2", 1e-6, 1e9), "P");
  }
  EXPECT_TRUE(reader.Finish());
  page.Add(
      "\nThe cell densities of these three processes come from this same column, so their areas "
      "test the count of transistors once more and nothing else. An independent bank is the "
      "next section.\n\n");
}

// Whole banks of hw/burin_bank.sv, where they have been measured.
void AddBanks(Page& page) {
  const auto data = ReadData("measurements", "bank_area");
  if (!data) return;
  TomlReader reader = TomlReader::Parse(data->text, data->object).value();
  page.Add(
      fmt::format("## A synthesized bank\n\n`hw/burin_bank.sv`, `{}` "
                  "(data/measurements/bank_area.toml), against columns, scalers and multiplier "
                  "bank of the area formulas.\n\n| | low | nominal | high | measured | residual | "
                  "inside |\n|---|---|---|---|---|---|---|\n",
                  reader.Text("command")));
  for (int64_t i = 0; i < reader.ArraySize("bank"); ++i) {
    const std::string at = fmt::format("bank[{}].", i);
    const std::string process = reader.Text(at + "process");
    const int64_t columns = reader.Int(at + "columns", 1, 65536);
    const int64_t levels = reader.Int(at + "levels", 8, 16);
    const int64_t scalers = reader.Int(at + "scalers", 1, 65536);
    const double um2 = reader.Number(at + "um2", 1e-6, 1e12);
    const Constants constants = LoadConstants(LoadChip("nano").value(), process).value();
    Point ends[3] = {constants.Nominal(), constants.Nominal(), constants.Nominal()};
    for (const Param part :
         {Param::kSelectLeg, Param::kFullAdder, Param::kFlipFlop, Param::kMultiplierBit}) {
      ends[0].Set(part, constants[part].low);
      ends[2].Set(part, constants[part].high);
    }
    ends[0].Set(Param::kCellDensity, constants[Param::kCellDensity].high);
    ends[2].Set(Param::kCellDensity, constants[Param::kCellDensity].low);
    double value[3];
    for (int k = 0; k < 3; ++k) {
      value[k] = (static_cast<double>(columns) * ColumnTransistors(levels, ends[k]) +
                  static_cast<double>(scalers) * ScalerTransistors(ends[k]) +
                  MultiplierBankTransistors(levels, ends[k])) /
                 ends[k][Param::kCellDensity];
    }
    page.Row(fmt::format("{}: {} columns, {} levels, {} scalers, um2", process, columns, levels,
                         scalers),
             {value[0], value[1], value[2]}, um2, "P");
  }
  const Status finished = reader.Finish();
  EXPECT_TRUE(finished) << finished.error().ToString();
  page.Add(
      "\nThe mapped bank is larger than nominal: yosys 0.23 gives every register bit an enable "
      "multiplexer where a chip gates its clock (the high end of `flip_flop`), every column "
      "decodes "
      "its code, which the lines of a ROM column do not need, and broadcasts have their "
      "buffers.\n\n");
}

// What fixed each constant: the sources of the data files, by grade.
void AddParameters(Page& page) {
  const Constants constants = LoadConstants(LoadChip("hc1").value()).value();
  page.Add(
      "## What fixed each constant\n\nOn `n6` with `hc1`. None was moved after looking at HC1's "
      "residuals. The synthesized bank moved two things: the read paths of a column were missing "
      "(the "
      "bank was 39 % below), and the high end of `flip_flop` got the enable multiplexer; with them "
      "HC1's "
      "die went from 769 to 812 mm2 and its transistors from 54 to 56 G. `system_factor` is the "
      "quotient "
      "of published watts and others' bottom-up models: it explains nothing, and every watt "
      "without it "
      "is printed beside.\n\n| constant | low | nominal | high | unit | fixed by "
      "|\n|---|---|---|---|---|---|\n");
  for (const ParamInfo& info : ParamInfos()) {
    const Bracket& b = constants[info.param];
    page.Add(fmt::format("| {} | {:.4g} | {:.4g} | {:.4g} | {} | [{}] {} |\n", info.key, b.low,
                         b.nominal, b.high, b.unit, b.grade, b.source));
  }
}

std::string MakePage(Page& page) {
  page.Add(
      "# Calibration: predicted, published, residual\n\nWritten by `build/release/cost_test` "
      "(`BURIN_UPDATE_GOLDEN=1` rewrites it); nobody edits it. Grades are those of "
      "[formats/tech.md](formats/tech.md). Low and high: each constant alone at its ends, "
      "the factors it moves a number by added as squares of logarithms "
      "([chip-model.md](chip-model.md)).\n\n## HC1, Llama-3.1-8B\n\nThe only "
      "hardwired "
      "language model in silicon; TSMC 6 nm. Its clock, banks, lanes and SRAM are not published: "
      "`data/chips/hc1.toml` chooses them and says why. Two of them are taken from what was "
      "published, so "
      "these numbers are no predictions: KV SRAM for 6,144 positions (the demo's limit), and a "
      "fold that "
      "keeps the die inside one exposure, which bounds its area from above. Which tensors have 6 "
      "bits is "
      "not published either; two plans bracket it.\n\n");
  AddHc1(page, "", "All matrices at 3 bits");
  AddHc1(page, "*.self_attn.*=6", "q, k, v, o at 6 bits, the rest at 3 (3.5 bits a weight)");
  page.Add(
      "Where it misses: without the factor the explained watts are well below the published ones, "
      "as in every "
      "other open model of this chip, and that the watts with the factor meet the published ones "
      "is the factor's own "
      "definition at work, no success of the model; the cost of a million tokens is below the "
      "vendor's, who must "
      "earn "
      "design, masks and margin, which are kept apart here; the first token is later than the "
      "demo's, by as much as the "
      "speed is lower, since one token after the other takes the folded die.\n\n");
  AddDie(page);
  AddSynthesis(page);
  AddBanks(page);
  AddCells(page);
  AddReads(page);
  AddParameters(page);
  return page.text();
}

TEST(Calibration, PageIsWhatTheModelSays) {
  Page page;
  const std::string text = MakePage(page);
  const std::string path = BURIN_SOURCE_DIR "/docs/calibration.md";
  if (std::getenv("BURIN_UPDATE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ifstream file(path);
  std::stringstream stored;
  stored << file.rdbuf();
  EXPECT_EQ(stored.str(), text) << "run BURIN_UPDATE_GOLDEN=1 "
                                << "cost_test, and read the difference";
}

// The targets that were set before the model existed.
TEST(Calibration, Hc1LiesInItsBrackets) {
  const Hc1 hc1 = PlaceHc1("*.self_attn.*=6");
  const ChipModel model(hc1.fabric, hc1.constants, {1024, 1024, 0});
  const Band speed = model.BandOf([](const Estimate& e) { return e.tokens_per_s_user; });
  EXPECT_LE(speed.low, 16960);
  EXPECT_GE(speed.high, 16960);
  EXPECT_NEAR(model.nominal().die_mm2, 815, 81.5);
  EXPECT_NEAR(model.nominal().transistors, 53e9, 5.3e9);
  const Band power = model.BandOf([](const Estimate& e) { return e.card_power_w; });
  EXPECT_LE(power.low, 200);
  EXPECT_GE(power.high, 250);
}

}  // namespace
}  // namespace burin
