// One programmed layer of a die, read back from its file: which cell lies on which bank, and what
// its vias say.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "base/result.h"
#include "mask/die.h"
#include "mask/oasis_reader.h"
#include "mask/site_map.h"

namespace burin::mask {

inline constexpr uint8_t kNoVia = 0xFF;

// Told what is wrong with the geometry; called from many threads.
using ReportProblem = std::function<void(std::string)>;

// What lies at a row and column, for reports: text behind the place, and what should be there.
struct PlaceText {
  std::string where, wanted;
};
using DescribePlace = std::function<PlaceText(int row, int col)>;

class LayerReader {
 public:
  // Opens the file and finds by their places which cells lie on which banks and table units.
  // Errors: kIo, malformed, more than one cell that places others. Reported: a cell where nothing
  // of the die is, two on one place.
  static Result<LayerReader> Open(const std::filesystem::path& path, const Die& die,
                                  const ReportProblem& report);

  // Values [rows][cols] of a bank or table unit, kNoVia where there is none; the number of vias. Of
  // two vias for one place the first counts. Reported, with the bank's name: vias on no site, two
  // for one place, other layers; `describe` may be empty and is asked for places with such a via.
  Result<int64_t> ReadBank(int64_t bank, const SiteMap& sites, std::span<uint8_t> values,
                           const ReportProblem& report, const DescribePlace& describe) const;
  Result<int64_t> ReadTable(int64_t unit, const SiteMap& sites, std::span<uint8_t> values,
                            const ReportProblem& report) const;

 private:
  LayerReader(OasisFile file, const Die& die) : file_(std::move(file)), die_(&die) {}
  Status ReadTop(const ReportProblem& report);
  Status TakeStrays(size_t top, const ReportProblem& report);
  Result<int64_t> Read(const std::string& name, int64_t place, const std::vector<size_t>& cells,
                       const SiteMap& sites, std::span<uint8_t> values, const ReportProblem& report,
                       const DescribePlace& describe) const;

  struct Stray {
    int64_t place = 0;  // bank, or banks + table unit
    Layer layer;
    Rect rect;  // in the axes of its bank
  };

  OasisFile file_;
  const Die* die_;
  std::vector<std::vector<size_t>> banks_, tables_;  // cells on each
  std::vector<Stray> strays_;                        // drawn beside the cells, sorted by place
};

}  // namespace burin::mask
