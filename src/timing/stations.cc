#include "timing/stations.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin {
namespace {

constexpr int64_t kResidualBytes = 4;  // int32 a value
constexpr int64_t kTokenBytes = 4;

bool ComesBack(const std::vector<StationMap::Place>& places) {
  std::vector<StationMap::Place> visited;
  for (const auto& place : places) {
    if (!visited.empty() && visited.back() == place) continue;
    if (std::ranges::find(visited, place) != visited.end()) return true;
    visited.push_back(place);
  }
  return false;
}

}  // namespace

std::vector<StationMap::Place> StationMap::PlacesOf(const PlacedFabric& fabric) {
  std::vector<Place> places(fabric.program.size());
  Place here;                                         // of the last step that names a matrix
  for (size_t i = fabric.program.size(); i-- > 0;) {  // steps before a pass run on its engine
    const Step& step = fabric.program[i];
    if (step.matrices[0] >= 0) {
      const PlacedMatrix& matrix = fabric.matrices[static_cast<size_t>(step.matrices[0])];
      here = {matrix.die, fabric.chip.fold > 1 ? 0 : matrix.engine};
    }
    places[i] = here;
  }
  return places;
}

StationMap::StationMap(const PlacedFabric& fabric, const LinkTiming& link)
    : fabric_(fabric), link_(link), places_(PlacesOf(fabric)), one_station_(ComesBack(places_)) {}

int64_t StationMap::Cross(int32_t from, int32_t to, int64_t bytes) {
  Station link;
  link.name = fmt::format("link {}-{}", from, to);
  link.die = from;
  link.is_link = true;
  link.busy_cycles = link_.TransferCycles(bytes);
  link.delay_cycles = link_.latency_cycles;
  const int64_t cycles = link.busy_cycles + link.delay_cycles;
  link_cycles_ += cycles;
  if (one_station_) {
    stations_.back().busy_cycles += cycles;
  } else {
    stations_.push_back(std::move(link));
  }
  return cycles;
}

int64_t StationMap::Enter(size_t index) {
  const Place place = places_[index];
  int64_t cycles = 0;
  const bool first = stations_.empty();
  if (!first && place == here_) return 0;
  if (!first && place.die != here_.die) {
    cycles = Cross(here_.die, place.die, fabric_.plan.config.hidden * kResidualBytes);
  }
  here_ = place;
  if (first || !one_station_) {
    Station station;
    station.die = place.die;
    station.name = one_station_            ? std::string("all dies")
                   : fabric_.chip.fold > 1 ? fmt::format("die {}", place.die)
                   : fabric_.dies > 1 ? fmt::format("die {} engine {}", place.die, place.engine)
                                      : fmt::format("engine {}", place.engine);
    stations_.push_back(std::move(station));
  }
  return cycles;
}

void StationMap::Add(const Step& step, int64_t cycles) {
  Station& station = stations_.back();
  station.busy_cycles += cycles;
  station.attends += step.op == Op::kAttend;
}

int64_t StationMap::Return() {
  const int32_t first = places_.front().die;
  if (here_.die == first) return 0;
  const int64_t cycles = Cross(here_.die, first, kTokenBytes);
  if (one_station_) {
    way_back_cycles_ = cycles;
  } else {
    stations_.back().is_way_back = true;
  }
  return cycles;
}

}  // namespace burin
