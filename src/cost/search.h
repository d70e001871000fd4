// The search behind cost/require.h. Internal to cost.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "cost/require.h"

namespace burin {

class Search {
 public:
  Search(const ChipModel& model, const std::vector<Wish>& wishes);

  // The smallest change of fewer than `below` knobs, all of `always` (the clock last) and some of
  // `knobs`; none if there is none.
  std::optional<Design> Smallest(const std::vector<Knob>& knobs, const std::vector<Knob>& always,
                                 size_t below);
  // The chip that misses least of those that can be made, as far as turning one knob after the
  // other leads, from the chip as it is and from each number of rows.
  Design Nearest(const std::vector<Knob>& knobs);
  // Every knob at its fastest, whatever the area; an outline.
  std::optional<Design> Fastest(const std::vector<Knob>& knobs);

  // Placed as a whole.
  std::optional<Design> Exact(const Setting& setting);
  const KnobSpace& space() const { return space_; }
  bool CanBeMade(const Design& design) const;
  int64_t tried() const { return tried_; }
  bool complete() const { return complete_; }

 private:
  // Without blocks and wires: never slower nor larger than the chip.
  struct Sketch {
    Design design;
    bool fits = false;  // one exposure, cooling, positions
  };
  const Sketch* Outline(const Setting& setting);
  Setting Corner(const std::vector<Knob>& open, Setting setting, bool fastest);
  bool Promising(const std::vector<Knob>& open, const Setting& setting);
  void Descend(const std::vector<Knob>& set, size_t at, Setting& setting);
  void SolveClock(const std::vector<Knob>& set, size_t at, Setting& setting);
  std::optional<Design> Best();
  std::optional<Design> Settle(Setting setting);
  // What keeps it from being made; what is missing; area.
  using Rank = std::array<double, 3>;
  using Ranked = std::pair<Rank, Setting>;
  Rank RankOf(const Setting& setting);
  void Approach(const std::vector<Knob>& knobs, Setting at, std::vector<Ranked>& visited);
  void FindCorners();

  const ChipModel& model_;
  const std::vector<Wish> wishes_;
  const KnobSpace space_;
  ModelPlan plan_;
  Workload work_;
  ChipModel::Bands bands_ = ChipModel::Bands::kNone;
  const int64_t most_tries_, most_exact_;
  std::array<int64_t, kKnobCount> fastest_{}, smallest_{};
  std::map<Setting, std::optional<Sketch>> sketches_;
  std::vector<std::pair<double, Setting>> found_;  // cost of the outline, setting
  int64_t tried_ = 0, last_try_ = 0;
  bool complete_ = true, has_corners_ = false;
};

}  // namespace burin
