#include "timing/schedule.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/philox.h"
#include "model/presets.h"
#include "timing/simulation.h"
#include "timing/units.h"

namespace burin {
namespace {

// Draws from one seed.
class Dice {
 public:
  explicit Dice(uint32_t seed) : seed_(seed) {}
  int64_t operator()(int64_t low, int64_t high) {
    const auto span = static_cast<uint32_t>(high - low + 1);
    return low + Philox(seed_, 7, count_++)[0] % span;
  }

 private:
  uint32_t seed_, count_ = 0;
};

ModelConfig RandomModel(Dice& dice) {
  ModelConfig c;
  c.architecture = "llama";
  c.layers = dice(1, 5);
  c.kv_heads = dice(1, 3);
  c.heads = c.kv_heads * dice(1, 4);
  c.head_dim = 2 * dice(1, 16);
  c.hidden = 8 * dice(1, 24);
  c.ffn = 8 * dice(1, 40);
  c.vocab = dice(10, 400);
  c.max_positions = 4096;
  c.tied_head = dice(0, 3) == 0;
  c.qk_norm = dice(0, 1) == 0;
  return c;
}

ChipSpec RandomChip(Dice& dice) {
  ChipSpec chip = LoadChip("nano").value();
  chip.rows = 32 << dice(0, 2);
  chip.columns = 16 << dice(0, 3);
  chip.columns_per_scaler = 2 << dice(0, 3);
  chip.vector_lanes = 1 << dice(0, 8);
  chip.fold = dice(0, 2) == 0 ? dice(2, 6) : 1;
  chip.layer_engines = dice(1, 6);
  chip.attention_heads = dice(1, 4);
  chip.attention_positions = dice(1, 8);
  chip.head_lanes = dice(1, 16);
  chip.top_k = dice(1, 16);
  chip.adapter_lanes = dice(0, 1) == 0 ? dice(1, 16) : 16 << dice(0, 2);
  chip.banks = 0;
  chip.kv_bytes = int64_t{1} << 40;
  return chip;
}

struct Case {
  PlacedFabric fabric;
  TokenRequest request;
  LinkTiming link;
};

Case RandomCase(uint32_t seed) {
  Dice dice(seed);
  const ModelConfig model = RandomModel(dice);
  ChipSpec chip = RandomChip(dice);
  const ModelPlan plan =
      PlanOf(model, "random", dice(0, 1) == 0 ? 3 : 4, "*.down_proj=6", 32, 0).value();
  Case result{Place(plan, chip).value(), {}, {}};
  if (dice(0, 1) == 0) {  // the same on several dies, if a step fits one
    chip.banks = std::max<int64_t>(1, result.fabric.banks / dice(2, 4));
    chip.dies = 16;
    if (auto cut = Place(plan, chip)) result.fabric = std::move(*cut);
  }
  for (PlacedMatrix& m : result.fabric.matrices) m.wire_stages = static_cast<int32_t>(dice(0, 5));
  result.request = {dice(1, 300), dice(0, 2) == 0 ? dice(1, 16) : 0, dice(0, 4) != 0};
  result.link = {dice(0, 400), static_cast<double>(dice(0, 40)) / 8};
  return result;
}

#ifdef __SANITIZE_ADDRESS__  // which costs ten times as much
constexpr uint32_t kCases = 1000;
#else
constexpr uint32_t kCases = 10000;
#endif

TEST(Schedule, ClosedFormEqualsSimulationOnRandomChips) {
  int64_t several_dies = 0, several_engines = 0, folded = 0, came_back = 0;
  for (uint32_t seed = 0; seed < kCases; ++seed) {
    const Case c = RandomCase(seed);
    const TokenSchedule schedule = ScheduleToken(c.fabric, c.request, c.link);
    Dice dice(seed + 1000000);
    const int64_t users = dice(1, 2 * static_cast<int64_t>(schedule.stations.size())),
                  jobs = 3 * users;
    const auto simulated = SimulateTokens(
        c.fabric, users, jobs, [&](int64_t) { return c.request; }, c.link, true);
    ASSERT_EQ(simulated.bank_conflicts, 0) << seed;
    for (int64_t job = 0; job < jobs; ++job) {
      ASSERT_EQ(simulated.finish[static_cast<size_t>(job)], FinishCycle(schedule, users, job))
          << "seed " << seed << ", job " << job << " of " << users << " users";
    }
    ASSERT_EQ(simulated.busiest_cycles, jobs * schedule.bottleneck_cycles) << seed;
    several_dies += c.fabric.dies > 1;
    several_engines += c.fabric.engines > 1 && c.fabric.chip.fold == 1;
    folded += c.fabric.chip.fold > 1;
    came_back += schedule.stations[0].name == "all dies";
  }
  for (const int64_t kind : {several_dies, several_engines, folded, came_back})
    EXPECT_GT(kind, kCases / 40);
}

TEST(Schedule, PrefillEqualsSimulationOnRandomChips) {
  for (uint32_t seed = 0; seed < kCases / 5; ++seed) {
    const Case c = RandomCase(seed);
    Dice dice(seed + 2000000);
    const int64_t prompt = dice(1, 40), rank = c.request.adapter_rank;
    auto request_of = [&](int64_t job) { return TokenRequest{job + 1, rank, job + 1 == prompt}; };
    const auto overlapped = SimulateTokens(c.fabric, prompt, prompt, request_of, c.link, false);
    ASSERT_EQ(overlapped.finish.back(), PrefillCycles(c.fabric, prompt, rank, c.link)) << seed;
    ASSERT_EQ(overlapped.bank_conflicts, 0) << seed;
    const auto serial = SimulateTokens(c.fabric, 1, prompt, request_of, c.link, false);
    ASSERT_EQ(serial.finish.back(), PrefillCycles(c.fabric, prompt, rank, c.link, false)) << seed;
  }
}

TEST(Schedule, SumsHold) {
  for (uint32_t seed = 0; seed < 500; ++seed) {
    const Case c = RandomCase(seed);
    const TokenSchedule schedule = ScheduleToken(c.fabric, c.request, c.link);
    int64_t steps = schedule.link_cycles, stations = 0;
    for (const StepTime& step : schedule.steps) steps += step.cycles;
    EXPECT_EQ(steps, schedule.cycles) << seed;
    for (const Station& s : schedule.stations) stations += s.busy_cycles + s.delay_cycles;
    EXPECT_EQ(stations, schedule.cycles) << seed;
    const CycleCauses k = CausesOf(c.fabric, schedule);
    EXPECT_EQ(
        k.word_lines + k.attention + k.vector + k.collect + k.fill + k.wire + k.adapter + k.link,
        schedule.cycles)
        << seed;
    EXPECT_GE(std::min({k.word_lines, k.attention, k.vector, k.collect, k.fill, k.wire, k.adapter}),
              0);
  }
}

// The whole token: twice the rows save a level of a tree in at most three collects of a pass, and
// cost the pass a group of word lines or more.
TEST(Schedule, MoreRowsAreNeverFaster) {
  int64_t slower = 0;
  for (uint32_t seed = 0; seed < 1000; ++seed) {
    Dice dice(seed);
    const ModelConfig model = RandomModel(dice);
    ChipSpec chip = RandomChip(dice);
    const ModelPlan plan = PlanOf(model, "random", 3, "", 32, 0).value();
    const TokenRequest request{dice(1, 100), 0, true};
    chip.vector_lanes = 16;
    int64_t before = 0;
    for (const int64_t rows : {32, 64, 128, 256}) {
      chip.rows = rows;
      const int64_t cycles = ScheduleToken(Place(plan, chip).value(), request, {}).cycles;
      EXPECT_GE(cycles, before) << seed << ", " << rows << " rows";
      slower += before > 0 && cycles > before;
      before = cycles;
    }
  }
  EXPECT_GT(slower, 1000);
}

// The whole token, trees and all: more rows are not faster on any preset, either.
TEST(Schedule, MoreRowsAreNeverFasterOnPresets) {
  for (const char* name : {"llama-3.1-8b", "qwen3-8b", "llama-3.2-1b", "smollm2-135m"}) {
    ChipSpec chip = LoadChip("nano").value();
    chip.banks = 0;
    chip.columns = 256;
    chip.vector_lanes = 64;
    chip.kv_bytes = int64_t{1} << 40;
    const ModelPlan plan = PlanOf(FindPreset(name).value(), name, 3, "", 64, 0).value();
    int64_t before = 0;
    for (const int64_t rows : {64, 128, 256, 512, 1024}) {
      chip.rows = rows;
      const int64_t cycles = ScheduleToken(Place(plan, chip).value(), {1024, 0, true}, {}).cycles;
      EXPECT_GE(cycles, before) << name << ", " << rows << " rows";
      before = cycles;
    }
  }
}

TEST(Units, TreesAndRows) {
  EXPECT_EQ(units::TreeLevels(1), 0);
  EXPECT_EQ(units::TreeLevels(2), 1);
  EXPECT_EQ(units::TreeLevels(3), 2);
  EXPECT_EQ(units::TreeLevels(16), 4);
  EXPECT_EQ(units::TreeLevels(17), 5);
  EXPECT_EQ(units::PassRows(100, 256, 64), 128);
  EXPECT_EQ(units::PassRows(4096, 256, 64), 256);
}

TEST(Schedule, UsersFillTheEnginesAndThenNoMore) {
  Dice dice(3);
  ModelConfig model = RandomModel(dice);
  model.layers = 4;
  model.tied_head = false;
  ChipSpec chip = RandomChip(dice);
  chip.fold = 1;
  chip.layer_engines = 4;
  const auto fabric = Place(PlanOf(model, "m", 3, "", 32, 0).value(), chip).value();
  const TokenSchedule s = ScheduleToken(fabric, {10, 0, true}, {});
  const int64_t full = UsersToSaturate(s);
  EXPECT_GT(full, 1);
  EXPECT_DOUBLE_EQ(TokensPerCycle(s, full), 1.0 / static_cast<double>(s.bottleneck_cycles));
  EXPECT_DOUBLE_EQ(TokensPerCycle(s, 10 * full), TokensPerCycle(s, full));
  EXPECT_LT(TokensPerCycle(s, full - 1), TokensPerCycle(s, full));
}

}  // namespace
}  // namespace burin
