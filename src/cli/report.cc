#include "cli/report.h"

#include <algorithm>
#include <cmath>

namespace burin {

std::vector<StageCycles> StagesOf(const ChipModel& model) {
  std::vector<StageCycles> stages;
  const PlacedFabric& fabric = model.fabric();
  for (const StepTime& time : model.schedule().steps) {
    const std::string name = StageName(fabric, fabric.program[static_cast<size_t>(time.step)]);
    auto stage = std::ranges::find(stages, name, &StageCycles::name);
    if (stage == stages.end()) stage = stages.insert(stages.end(), {name, 0, 0});
    stage->cycles += time.cycles;
    ++stage->steps;
  }
  if (model.schedule().link_cycles > 0) {
    stages.push_back({"links", model.schedule().link_cycles, fabric.dies});
  }
  return stages;
}

std::vector<StageCycles> NamedCauses(const ChipModel& model) {
  const CycleCauses k = CausesOf(model.fabric(), model.schedule());
  std::vector<StageCycles> causes = {
      {"word lines", k.word_lines, 0}, {"attention", k.attention, 0},
      {"vector unit", k.vector, 0},    {"collecting sums", k.collect, 0},
      {"fill and drain", k.fill, 0},   {"wires", k.wire, 0},
      {"adapter", k.adapter, 0},       {"links", k.link, 0}};
  std::erase_if(causes, [](const StageCycles& c) { return c.cycles == 0; });
  return causes;
}

std::string Figures(double value) {
  if (!std::isfinite(value)) return "-";
  if (value >= 1e4) return WithCommas(static_cast<uint64_t>(std::llround(value)));
  if (value >= 1000) return WithCommas(static_cast<uint64_t>(std::llround(value)));
  if (value >= 100) return fmt::format("{:.0f}", value);
  if (value >= 10) return fmt::format("{:.1f}", value);
  if (value >= 1) return fmt::format("{:.2f}", value);
  return value == 0 ? "0" : fmt::format("{:.3g}", value);
}

}  // namespace burin
