#include "cost/chip_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <numeric>

#include "base/philox.h"
#include "cost/binding.h"
#include "cost/comparison.h"
#include "fabric/data_files.h"
#include "model/presets.h"

namespace burin {
namespace {

using testing::HasSubstr;

ModelPlan PresetPlan(const std::string& name, int bits = 3, const std::string& tensor_bits = "") {
  return PlanOf(FindPreset(name).value(), name, bits, tensor_bits, 0, 0).value();
}

PlacedFabric PlaceOn(const ModelPlan& plan, const ChipSpec& chip, const Constants& constants) {
  return Place(plan, chip, SizesFor(chip, plan.config, constants)).value();
}

// On a process where everything is one: a column is 14 bits * levels legs, legs of its three read
// paths, 21 bits of adder and register, 53 more registers.
TEST(Area, FormulasByHand) {
  const ChipSpec nano = LoadChip("nano").value();
  Point p = LoadConstants(nano, "unit").value().Nominal();
  for (const Param part : {Param::kFullAdder, Param::kFlipFlop, Param::kSelectLeg,
                           Param::kMultiplierBit, Param::kWordDriver, Param::kLineKeeper}) {
    p.Set(part, 1);
  }
  EXPECT_DOUBLE_EQ(ColumnTransistors(8, p), 14 * 8 + (21 + 32 + 32) + 21 * 2 + 53);
  EXPECT_DOUBLE_EQ(ScalerTransistors(p), 21 * 5 + 24 + 32 * 5 * 2 + 64 + 96);
  EXPECT_DOUBLE_EQ(MultiplierBankTransistors(16, p), 16 * (48 + 14) + 8);
  // 16 lines of 1 um are wider than the transistor of 1 um2.
  EXPECT_DOUBLE_EQ(WeightCell(16, p).um2(), 16);
  // R = 128 rows, doubled by 100 % spares, and one row at the end of the page; 64 columns of 16 um.
  const ArraySize array = BankArray(nano, p);
  EXPECT_DOUBLE_EQ(array.height_mm, 0.257);
  EXPECT_DOUBLE_EQ(array.width_mm, 1.024);
}

// An exposure has an area and two sides.
TEST(ChipModel, ADieMustLieInOneExposure) {
  const ChipSpec chip = LoadChip("hc1").value();
  const Constants constants = LoadConstants(chip).value();
  const PlacedFabric fabric = PlaceOn(PresetPlan("llama-3.1-8b"), chip, constants);
  const ChipModel model(fabric, constants, {}, ChipModel::Bands::kNone);
  Estimate e = model.nominal();
  EXPECT_NEAR(e.die_width_mm * e.die_height_mm, e.die_mm2, 1e-6 * e.die_mm2);
  EXPECT_TRUE(FitsExposure(e, constants.tech)) << e.die_width_mm << " x " << e.die_height_mm;
  std::swap(e.die_width_mm, e.die_height_mm);  // a mask can be turned
  EXPECT_TRUE(FitsExposure(e, constants.tech));
  e.die_width_mm = e.die_height_mm = 27;  // 729 mm2, and too wide
  e.die_mm2 = 729;
  EXPECT_FALSE(FitsExposure(e, constants.tech));
  e.die_width_mm = 26, e.die_height_mm = 33, e.die_mm2 = 859;
  EXPECT_FALSE(FitsExposure(e, constants.tech));
}

TEST(ChipModel, BlocksSumAndBandsEnclose) {
  const ChipSpec chip = LoadChip("hc1").value();
  const Constants constants = LoadConstants(chip).value();
  const PlacedFabric fabric = PlaceOn(PresetPlan("llama-3.1-8b"), chip, constants);
  const ChipModel model(fabric, constants, {});
  const Estimate& e = model.nominal();
  double mm2 = 0, watt = 0;
  for (const AreaBlock& block : e.area) mm2 += block.mm2;
  for (const PowerItem& item : e.power) watt += item.watt;
  EXPECT_DOUBLE_EQ(mm2, e.area_mm2);
  EXPECT_DOUBLE_EQ(watt, e.power_w);
  EXPECT_DOUBLE_EQ(e.tokens_per_s_user * e.token_s, 1);
  EXPECT_DOUBLE_EQ(e.card_power_w, 2.5 * e.power_w);
  for (const Metric& metric : {Metric([](const Estimate& x) { return x.tokens_per_s_user; }),
                               Metric([](const Estimate& x) { return x.area_mm2; }),
                               Metric([](const Estimate& x) { return x.power_w; }),
                               Metric([](const Estimate& x) { return x.tokens.usd(); })}) {
    const Band band = model.BandOf(metric);
    EXPECT_LT(band.low, band.nominal);
    EXPECT_LT(band.nominal, band.high);
    // No constant alone leaves its band.
    for (const Sensitivity& s : model.SensitivitiesOf(metric)) {
      EXPECT_GE(std::min(s.at_low, s.at_high), band.low * (1 - 1e-12));
      EXPECT_LE(std::max(s.at_low, s.at_high), band.high * (1 + 1e-12));
    }
  }
  // A number that has a factor of 1 or more above another is above it at both ends, too.
  const Band explained = model.BandOf([](const Estimate& x) { return x.power_w; });
  const Band whole = model.BandOf([](const Estimate& x) { return x.card_power_w; });
  EXPECT_GE(whole.low, explained.low);
  EXPECT_GE(whole.high, explained.high);
  EXPECT_EQ(model.SensitivitiesOf([](const Estimate& x) { return x.token_s; })[0].param,
            Param::kClock);
}

// With no spare banks: the same model on chips that differ in rows only.
TEST(ChipModel, MoreRowsNeverMorePeriphery) {
  for (const char* name : {"llama-3.1-8b", "qwen3-8b", "smollm2-135m"}) {
    ChipSpec chip = LoadChip("hc1").value();
    chip.banks = 0;
    chip.vector_lanes = 64;
    const Constants constants = LoadConstants(chip).value();
    double before = INFINITY, efficiency_before = 0;
    for (const int64_t rows : {128, 256, 512, 1024}) {
      chip.rows = rows;
      chip.fold = 1;
      const PlacedFabric fabric = PlaceOn(PresetPlan(name), chip, constants);
      const auto blocks = AreaBlocks(CountParts(fabric), chip, constants.Nominal());
      const double periphery =
          std::accumulate(blocks.begin() + 1, blocks.begin() + 5, 0.0,
                          [](double sum, const AreaBlock& b) { return sum + b.mm2; });
      EXPECT_LE(periphery, before) << name << ", " << rows << " rows";
      EXPECT_GE(ArrayEfficiency(blocks), efficiency_before);
      before = periphery;
      efficiency_before = ArrayEfficiency(blocks);
    }
  }
}

// What serves a column, on random chips of random folds: fewer columns, never more.
TEST(ChipModel, MoreRowsNeverMoreColumnLogicOnRandomChips) {
  const ModelPlan plan = PresetPlan("smollm2-135m");
  int64_t smaller = 0;
  for (uint32_t seed = 0; seed < 200; ++seed) {
    auto dice = [seed, n = 0u](int64_t low, int64_t high) mutable {
      return low +
             static_cast<int64_t>(Philox(seed, 5, n++)[0] % static_cast<uint32_t>(high - low + 1));
    };
    ChipSpec chip = LoadChip("nano").value();
    chip.columns = 64 << dice(0, 2);
    chip.fold = dice(1, 8);
    chip.levels = dice(0, 1) == 0 ? 8 : 16;
    chip.columns_per_scaler = 16 << dice(0, 2);
    chip.banks = 0;
    const Constants constants = LoadConstants(chip, dice(0, 1) == 0 ? "n7" : "sky130").value();
    double before = INFINITY;
    for (const int64_t rows : {128, 256, 512, 1024}) {
      chip.rows = rows;
      const auto blocks =
          AreaBlocks(CountParts(PlaceOutline(plan, chip).value()), chip, constants.Nominal());
      const double logic = blocks[2].mm2 + blocks[3].mm2 + blocks[4].mm2;
      EXPECT_LE(logic, before) << seed << ", " << rows << " rows";
      smaller += logic < before && before < INFINITY;
      before = logic;
    }
  }
  EXPECT_GT(smaller, 100);
}

TEST(ChipModel, MoreBitsNeverSmallerOnRandomChips) {
  for (uint32_t seed = 0; seed < 200; ++seed) {
    auto dice = [seed, n = 0u](int64_t low, int64_t high) mutable {
      return low +
             static_cast<int64_t>(Philox(seed, 3, n++)[0] % static_cast<uint32_t>(high - low + 1));
    };
    ChipSpec chip = LoadChip("nano").value();
    chip.rows = 64 << dice(0, 3);
    chip.columns = 64 << dice(0, 2);
    chip.fold = dice(1, 8);
    chip.vector_lanes = 16 << dice(0, 2);
    chip.levels = 16;
    chip.banks = 0;
    chip.kv_bytes = int64_t{1} << 32;
    const Constants constants = LoadConstants(chip, dice(0, 1) == 0 ? "n7" : "sky130").value();
    double before = 0;
    for (const int bits : {3, 4, 6}) {
      const ModelPlan plan =
          PlanOf(FindPreset("smollm2-135m").value(), "m", bits, "", 64, 0).value();
      const PlacedFabric fabric = PlaceOutline(plan, chip).value();  // no wires: the cut alone
      const double area = TotalArea(AreaBlocks(CountParts(fabric), chip, constants.Nominal()));
      EXPECT_GE(area, before) << seed << ", " << bits << " bits";
      if (bits == 6) {  // two cells a weight
        EXPECT_GT(area, before) << seed;
      }
      before = area;
    }
  }
}

TEST(Money, ByHand) {
  const ChipSpec nano = LoadChip("nano").value();
  Point p = LoadConstants(nano, "unit").value().Nominal();
  p.Set(Param::kCardParts, 100);
  p.Set(Param::kRespinWork, 1);
  p.Set(Param::kServerParts, 1000);
  p.Set(Param::kHostPower, 500);
  p.Set(Param::kElectricity, 0.36);
  p.Set(Param::kPue, 1);
  p.Set(Param::kLife, 1);
  p.Set(Param::kUtilization, 0.5);
  const CardCost cards = CostOfCards(50, 2, p);  // two dies, packages, boards
  EXPECT_DOUBLE_EQ(cards.usd(), 2 * (50 + 1 + 100));
  const ServerCost server = CostOfServer(cards.usd(), 100, 2, p);  // holds the model five times
  EXPECT_DOUBLE_EQ(server.usd(), 5 * 302 + 1000);
  EXPECT_DOUBLE_EQ(server.power_w, 1000);
  // Five copies of 200 tokens/s half of the time: 500 tokens/s, 2000 s a million.
  const TokenCost tokens = CostOfTokens(server, CopiesInServer(2) * 200, p);
  EXPECT_DOUBLE_EQ(tokens.hardware, 2510 / kSecondsInYear * 2000);
  EXPECT_DOUBLE_EQ(CostOfModel(3, p).respin, 3 * 2 * 1 + 1);  // two masks a die, work once
  EXPECT_DOUBLE_EQ(tokens.electricity, 1000 * 2000 / 3.6e6 * 0.36);
  EXPECT_DOUBLE_EQ(BreakEvenTokens(300, 0.05, 0.02), 1e10);
  EXPECT_TRUE(std::isinf(BreakEvenTokens(300, 0.02, 0.02)));
  EXPECT_DOUBLE_EQ(CardsToMake(100 * 0.5 * kSecondsInMonth * 2.5, 100, 1, p), 3);
}

TEST(Constants, EveryProcessAndChipLoads) {
  for (const std::string& tech : DataNames("tech")) {
    const auto constants = LoadConstants(LoadChip("nano").value(), tech);
    EXPECT_TRUE(constants) << constants.error().ToString();
  }
  for (const std::string& name : ChipNames()) {
    const auto constants = LoadConstants(LoadChip(name).value());
    ASSERT_TRUE(constants) << constants.error().ToString();
    for (const ParamInfo& info : ParamInfos()) {
      EXPECT_FALSE((*constants)[info.param].source.empty()) << info.key;
    }
  }
  const auto systems = LoadComparison();
  ASSERT_TRUE(systems) << systems.error().ToString();
  EXPECT_GE(systems->size(), 7u);
}

TEST(Constants, RefusalsNameFileLineAndKey) {
  const ChipSpec nano = LoadChip("nano").value();
  const std::string good = ReadData("tech", "n7").value().text;
  const std::string path = testing::TempDir() + "own.toml";
  auto error_of = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    std::ofstream(path) << text;
    const auto constants = LoadConstants(nano, path);
    return constants ? std::string("no error") : constants.error().ToString();
  };
  EXPECT_THAT(error_of("line_pitch =", "line_pith ="), HasSubstr("line_pitch"));
  EXPECT_THAT(error_of("rom_cell = { low = 0.0034", "rom_cell = { low = -1"),
              HasSubstr("own.toml:8: rom_cell.low"));
  EXPECT_THAT(error_of("unit = \"um2\"", "unit = \"nm2\""), HasSubstr("own.toml:8: rom_cell.unit"));
  EXPECT_THAT(error_of(", grade = \"P\"", ""), HasSubstr("rom_cell.grade"));
  EXPECT_THAT(error_of("wafer_mm = 300", "wafer_mm = 3000"), HasSubstr("own.toml:3: wafer_mm"));
  EXPECT_THAT(LoadConstants(nano, "n66").error().ToString(), HasSubstr("n6"));
}

}  // namespace
}  // namespace burin
