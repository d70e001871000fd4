#include "cost/knobs.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "timing/units.h"

namespace burin {
namespace {

using units::CeilDiv;

// A knob that is one number of the chip's file.
struct PlainKnob {
  Knob knob;
  const char* name;
  int64_t ChipSpec::*field;
};
constexpr PlainKnob kPlain[] = {
    {Knob::kRows, "rows", &ChipSpec::rows},
    {Knob::kFold, "fold", &ChipSpec::fold},
    {Knob::kColumnsPerScaler, "columns_per_scaler", &ChipSpec::columns_per_scaler},
    {Knob::kVectorLanes, "vector_lanes", &ChipSpec::vector_lanes},
    {Knob::kAttentionPositions, "attention_positions", &ChipSpec::attention_positions},
    {Knob::kAttentionHeads, "attention_heads", &ChipSpec::attention_heads},
    {Knob::kHeadLanes, "head_lanes", &ChipSpec::head_lanes},
    {Knob::kLayerEngines, "layer_engines", &ChipSpec::layer_engines},
    {Knob::kAdapterLanes, "adapter_lanes", &ChipSpec::adapter_lanes},
};

// first, 2 first, 4 first, ... up to `last`.
std::vector<int64_t> PowersOfTwo(int64_t first, int64_t last) {
  std::vector<int64_t> list;
  for (int64_t v = first; v <= last; v *= 2) list.push_back(v);
  return list;
}

// 1 to 8, then eight values an octave.
std::vector<int64_t> Eighths(int64_t last) {
  std::vector<int64_t> list;
  for (int64_t v = 1, step = 1; v <= last; v += step) {
    list.push_back(v);
    if (v >= 16 * step) step *= 2;
  }
  return list;
}

// SRAM macros of 16 KB answer with 16 bytes a cycle: no more positions than all of them feed.
int64_t MostPositionsAtOnce(const ChipSpec& chip, const ModelConfig& c, int64_t context) {
  constexpr int64_t kMacroBytesPerPortByte = 1024;
  const int64_t a_position = c.kv_heads * (c.head_dim + 1);  // keys, or values, of a walk
  return std::min(context, chip.kv_bytes / kMacroBytesPerPortByte / a_position);
}

}  // namespace

const char* KnobName(Knob knob) {
  const auto plain = std::ranges::find(kPlain, knob, &PlainKnob::knob);
  if (plain != std::end(kPlain)) return plain->name;
  return knob == Knob::kPositions ? "kv_bytes" : knob == Knob::kClock ? "clock" : "dies";
}

KnobSpace::KnobSpace(const ChipModel& model, int64_t wished_context)
    : base_(model.fabric().chip), plan_(model.fabric().plan), dies_(model.fabric().dies) {
  plan_.needed_context = 1;
  const ModelConfig& c = plan_.config;
  for (const PlainKnob& k : kPlain) start_[k.knob] = base_.*k.field;
  start_[Knob::kPositions] = KvPositions(model.fabric());
  start_[Knob::kClock] = 100;
  start_[Knob::kDies] = dies_;
  auto set = [&](Knob knob, std::vector<int64_t> values) {
    std::erase(values, start_[knob]);
    ladders_[static_cast<size_t>(knob)] = std::move(values);
  };
  set(Knob::kRows, PowersOfTwo(plan_.group, 4096));
  set(Knob::kFold, Eighths(64));
  set(Knob::kColumnsPerScaler, PowersOfTwo(2, plan_.group));
  set(Knob::kVectorLanes, PowersOfTwo(16, 4096));
  set(Knob::kAttentionPositions,
      PowersOfTwo(1, MostPositionsAtOnce(base_, c, model.workload().context)));
  std::vector<int64_t> heads = PowersOfTwo(1, c.heads - 1);
  heads.push_back(c.heads);
  set(Knob::kAttentionHeads, heads);
  set(Knob::kHeadLanes, PowersOfTwo(1, 4096));
  std::vector<int64_t> engines = PowersOfTwo(1, c.layers - 1);
  engines.push_back(c.layers);
  set(Knob::kLayerEngines, engines);
  if (model.workload().adapter_rank > 0) {
    set(Knob::kAdapterLanes, PowersOfTwo(1, std::min<int64_t>(65536, 32 * base_.max_rank)));
  }
  for (int i = 1; wished_context > start_[Knob::kPositions] && i <= 16; ++i) {
    const double ratio = static_cast<double>(wished_context) /
                         static_cast<double>(std::max<int64_t>(1, start_[Knob::kPositions]));
    const double v = static_cast<double>(wished_context) / std::pow(ratio, 1 - i / 16.0);
    ladders_[static_cast<size_t>(Knob::kPositions)].push_back(std::llround(v));
  }
  const double faster = 100 * base_.clock_hz.high / base_.clock_hz.nominal;
  for (int64_t percent = 101; static_cast<double>(percent) <= faster; ++percent) {
    ladders_[static_cast<size_t>(Knob::kClock)].push_back(percent);
  }
  for (const int64_t n : Eighths(base_.banks > 0 ? std::min<int64_t>(64, c.layers) : 0)) {
    if (n > dies_) ladders_[static_cast<size_t>(Knob::kDies)].push_back(n);
  }
}

// As many cells in all as before, and room for the model and its largest step.
void KnobSpace::SetBanks(const Setting& s, ChipSpec& chip) const {
  const bool same =
      s[Knob::kRows] == base_.rows && s[Knob::kFold] == base_.fold && s[Knob::kDies] == dies_;
  if (base_.banks == 0 || same) return;
  const int64_t cells = base_.banks * dies_ * base_.rows * base_.fold;
  chip.banks = CeilDiv(cells, s[Knob::kDies] * chip.rows * chip.fold);
  chip.banks = std::max(chip.banks, LeastBanks(plan_, chip, s[Knob::kDies]));
}

bool KnobSpace::SetMemories(const Setting& s, ChipSpec& chip) const {
  const bool other_dies = s[Knob::kDies] != dies_;
  if (other_dies) chip.adapter_bytes = CeilDiv(base_.adapter_bytes * dies_, s[Knob::kDies]);
  if (!other_dies && s[Knob::kPositions] == start_[Knob::kPositions]) return true;
  // Layers in equal runs, if the banks allow it; else as the banks would have them.
  auto set_for = [&](int64_t layers) {
    const double bytes = static_cast<double>(s[Knob::kPositions]) *
                         static_cast<double>(KvBytesPerPosition(plan_.config, layers));
    chip.kv_bytes = static_cast<int64_t>(std::min(bytes, 1e15));
  };
  set_for(CeilDiv(plan_.config.layers, s[Knob::kDies]));
  ModelPlan plan = plan_;
  plan.needed_context = NeededContext(s);
  const auto even = PlaceOutline(plan, chip);
  if (even && even->dies == s[Knob::kDies]) return true;
  chip.kv_bytes = int64_t{1} << 50;
  const auto outline = PlaceOutline(plan_, chip);
  if (!outline) return false;
  set_for(MostLayersOnADie(*outline));
  return true;
}

int64_t KnobSpace::NeededContext(const Setting& s) const {
  return std::clamp<int64_t>(s[Knob::kPositions], 1, plan_.context);
}

std::optional<ChipSpec> KnobSpace::ChipOf(const Setting& s) const {
  ChipSpec chip = base_;
  for (const PlainKnob& k : kPlain) chip.*k.field = s[k.knob];
  if (chip.layer_engines > 1 && chip.fold > 1 && chip.layer_engines != base_.layer_engines) {
    return std::nullopt;  // folded banks serve one token at a time
  }
  chip.dies = std::max(base_.dies, s[Knob::kDies]);
  const double faster = static_cast<double>(s[Knob::kClock]) / 100;
  chip.clock_hz.nominal *= faster;
  chip.mm_per_cycle.nominal /= faster;
  if (!ValidateChip(chip)) return std::nullopt;
  SetBanks(s, chip);
  if (!SetMemories(s, chip) || !ValidateChip(chip)) return std::nullopt;
  return chip;
}

std::vector<Change> KnobSpace::ChangesOf(const Setting& s, const ChipSpec& chip) const {
  std::vector<Change> changes;
  auto add = [&](Knob knob, std::string from, std::string to) {
    if (s[knob] != start_[knob])
      changes.push_back({KnobName(knob), std::move(from), std::move(to)});
  };
  for (const PlainKnob& k : kPlain) {
    add(k.knob, fmt::format("{}", start_[k.knob]), fmt::format("{}", s[k.knob]));
  }
  add(Knob::kPositions, fmt::format("{}", base_.kv_bytes), fmt::format("{}", chip.kv_bytes));
  add(Knob::kClock, fmt::format("{:.4g} MHz", base_.clock_hz.nominal / 1e6),
      fmt::format("{:.4g} MHz", chip.clock_hz.nominal / 1e6));
  add(Knob::kDies, fmt::format("{}", dies_), fmt::format("{}", s[Knob::kDies]));
  return changes;
}

}  // namespace burin
