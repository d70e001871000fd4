#include "cost/binding.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin {
namespace {

constexpr double kPercent = 100;

Binding LatencyOf(const ChipModel& model) {
  const CycleCauses k = CausesOf(model.fabric(), model.schedule());
  const auto all = static_cast<double>(model.schedule().cycles);
  auto share = [&](int64_t part) { return kPercent * static_cast<double>(part) / all; };
  const int64_t most = std::max({k.link, k.word_lines, k.attention, k.vector, k.collect});
  if (k.link == most) {
    return {
        "link", fmt::format("{:.0f} % of a token's time is spent between dies", share(k.link)), {}};
  }
  if (k.attention == most) {
    return {"attention",
            fmt::format("{:.0f} % of a token's time are walks over {} positions",
                        share(k.attention), model.workload().context),
            {}};
  }
  const std::string steps =
      fmt::format("{} steps depend on each other; ", model.schedule().steps.size());
  if (k.word_lines == most) {
    return {"latency",
            steps + fmt::format("{:.0f} % of the time are word lines, one a cycle",
                                share(k.word_lines)),
            {}};
  }
  return {"latency",
          steps + fmt::format("{:.0f} % of the time are {}, {} values a cycle", share(most),
                              k.vector == most ? "the vector unit" : "collecting sums",
                              model.fabric().chip.vector_lanes),
          {}};
}

}  // namespace

bool FitsExposure(const Estimate& e, const TechFacts& tech) {
  const double narrow = std::min(e.die_width_mm, e.die_height_mm);
  const double wide = std::max(e.die_width_mm, e.die_height_mm);
  return e.die_mm2 <= tech.reticle_mm2() &&
         narrow <= std::min(tech.reticle_width_mm, tech.reticle_height_mm) &&
         wide <= std::max(tech.reticle_width_mm, tech.reticle_height_mm);
}

bool CanBeCooled(const Estimate& e, const Constants& constants) {
  return e.watt_per_mm2 <= constants[Param::kPowerLimit].nominal;
}

Binding LimitOf(const ChipModel& model) {
  const Estimate& e = model.nominal();
  const TechFacts& tech = model.constants().tech;
  if (e.die_mm2 > tech.reticle_mm2()) {
    return {"area",
            fmt::format("a die of {:.0f} mm2 is larger than one exposure of {:.0f}", e.die_mm2,
                        tech.reticle_mm2()),
            {}};
  }
  if (!FitsExposure(e, tech)) {
    return {
        "area",
        fmt::format("a die of {:.1f} x {:.1f} mm does not lie in one exposure of {:.0f} x {:.0f}",
                    e.die_width_mm, e.die_height_mm, tech.reticle_width_mm, tech.reticle_height_mm),
        {}};
  }
  if (!CanBeCooled(e, model.constants())) {
    return {"power",
            fmt::format("{:.2f} W/mm2 with one user; cooling takes {:.2f}", e.watt_per_mm2,
                        model.constants()[Param::kPowerLimit].nominal),
            {}};
  }
  return LatencyOf(model);
}

}  // namespace burin
