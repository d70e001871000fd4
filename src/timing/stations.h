// Which station a step belongs to, and the links between them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "timing/schedule.h"

namespace burin {

// Walks the program in order and makes the stations as it meets them. A station is
//   with folded banks: a die, since a page of a bank is chosen for a whole pass;
//   else a layer engine with the banks of its layers, as the placement has dealt them.
// A placement in which a token comes back to a station that it has left is one station in all: it
// is then owned by one token from start to end.
class StationMap {
 public:
  StationMap(const PlacedFabric& fabric, const LinkTiming& link);

  // Moves to the station of step `index`; returns the cycles of links in between.
  int64_t Enter(size_t index);
  size_t current() const { return stations_.size() - 1; }
  void Add(const Step& step, int64_t cycles);
  // The token's id goes back to the die that holds the embedding; returns its cycles, 0 on one die.
  int64_t Return();
  int64_t link_cycles() const { return link_cycles_; }
  // Of a single station, the cycles of the way back among its own.
  int64_t way_back_cycles() const { return way_back_cycles_; }
  std::vector<Station> Take() { return std::move(stations_); }

  // The die and the engine of a step.
  struct Place {
    int32_t die = 0;
    int32_t engine = 0;  // 0 on folded dies
    bool operator==(const Place&) const = default;
  };
  // Of every step of the program.
  static std::vector<Place> PlacesOf(const PlacedFabric& fabric);

 private:
  int64_t Cross(int32_t from, int32_t to, int64_t bytes);

  const PlacedFabric& fabric_;
  const LinkTiming link_;
  std::vector<Place> places_;
  bool one_station_ = false;
  int64_t link_cycles_ = 0, way_back_cycles_ = 0;
  std::vector<Station> stations_;
  Place here_;
};

}  // namespace burin
