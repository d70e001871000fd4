// The page that calibration_test writes, and its sections on what was measured. Of the test alone.
#pragma once

#include <fmt/format.h>

#include <initializer_list>
#include <string>

#include "cost/chip_model.h"

namespace burin {

inline std::string Number(double v) {
  if (v >= 1000) return fmt::format("{:.0f}", v);
  return v >= 100 ? fmt::format("{:.0f}", v) : fmt::format("{:.3g}", v);
}

class Page {
 public:
  void Add(const std::string& text) { text_ += text; }
  // A prediction beside a published value; counts those inside their bracket.
  void Row(const std::string& what, const Band& b, double published, const std::string& grade) {
    const bool inside = published >= b.low && published <= b.high;
    inside_ += inside;
    ++rows_;
    text_ += fmt::format("| {} | {} | {} | {} | {} [{}] | {:+.0f} % | {} |\n", what, Number(b.low),
                         Number(b.nominal), Number(b.high), Number(published), grade,
                         100 * (b.nominal / published - 1), inside ? "yes" : "**no**");
  }
  std::string text() const { return text_; }
  int inside() const { return inside_; }
  int rows() const { return rows_; }

 private:
  std::string text_;
  int inside_ = 0, rows_ = 0;
};

inline constexpr const char* kHeader =
    "| | low | nominal | high | published | residual | inside |\n|---|---|---|---|---|---|---|\n";
inline constexpr const char* kMeasuredHeader =
    "| | low | nominal | high | measured | residual | inside |\n|---|---|---|---|---|---|---|\n";

// The band of `value` when each of `params` goes to its ends.
template <typename Value>
Band BandAt(const Constants& constants, std::initializer_list<Param> params, const Value& value) {
  auto at = [&](Param param, double end) {
    Point point = constants.Nominal();
    point.Set(param, end);
    return value(point);
  };
  std::vector<Swing> swings;
  for (const Param param : params) {
    swings.push_back({at(param, constants[param].low), at(param, constants[param].high)});
  }
  return BandOfSwings(value(constants.Nominal()), swings);
}

void AddCells(Page& page);  // data/measurements/rom_cell.toml
void AddReads(Page& page);  // data/measurements/column_*.toml

}  // namespace burin
