// What `burin report` found, and its three forms: a page for people, JSON, HTML.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cli/console.h"
#include "cli/placed_model.h"
#include "cost/chip_model.h"
#include "cost/comparison.h"
#include "cost/findings.h"
#include "cost/require.h"

namespace burin {

struct Report {
  const ChipModel& model;
  std::vector<System> systems;
  Binding binding;
  std::vector<Finding> answers;
  std::vector<BreakEven> break_evens;
  std::vector<Wish> wishes;
  std::optional<Answer> required;  // of the wishes
};

// One screen, lines of at most 80 columns.
std::string ReportText(const Report& report);
Json ReportJson(const Report& report);
// A page by itself: no script from elsewhere, no font, no picture; light and dark.
std::string ReportHtml(const Report& report);

// Cycles of a token by stage: steps of all layers under one name, in order of their first.
struct StageCycles {
  std::string name;
  int64_t cycles = 0, steps = 0;
};
std::vector<StageCycles> StagesOf(const ChipModel& model);

// Causes with names for people, in order.
std::vector<StageCycles> NamedCauses(const ChipModel& model);

// Four significant digits with commas: "14,405", "0.0031"; "-" for what is infinite.
std::string Figures(double value);

}  // namespace burin
