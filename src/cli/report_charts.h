// Bars and lines of the report's page.
#pragma once

#include <string>
#include <vector>

#include "cost/chip_model.h"

namespace burin {

// Text for HTML: <, >, & and quotes escaped, control characters dropped.
std::string Escape(const std::string& text);

struct BarRow {
  std::string label;
  double share = 0;  // of the longest possible bar
  std::string value;
};
std::string BarList(const std::vector<BarRow>& rows);

// Steps of the first layer, one below the other, then those behind the last layer.
std::string Waterfall(const ChipModel& model);

// Area of a die whose KV SRAM holds more and fewer positions, beside one exposure.
std::string ContextBars(const ChipModel& model);

// Tokens a second of all users and of each, against users in flight.
std::string UsersChart(const ChipModel& model);

}  // namespace burin
