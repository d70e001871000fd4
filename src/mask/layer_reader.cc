#include "mask/layer_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace burin::mask {
namespace {

uint64_t Key(Point at) {
  return uint64_t{static_cast<uint32_t>(at.x)} << 32 | static_cast<uint32_t>(at.y);
}

std::string Nanometres(const Rect& rect) {
  return fmt::format("({}, {}) to ({}, {}) nm", rect.x0, rect.y0, rect.x1, rect.y1);
}

}  // namespace

Result<LayerReader> LayerReader::Open(const std::filesystem::path& path, const Die& die,
                                      const ReportProblem& report) {
  BURIN_ASSIGN(OasisFile file, OasisFile::Open(path));
  LayerReader reader(std::move(file), die);
  BURIN_TRY(reader.ReadTop(report));
  return reader;
}

Status LayerReader::ReadTop(const ReportProblem& report) {
  banks_.resize(die_->bank_origins().size());
  tables_.resize(die_->table_origins().size());
  std::unordered_map<uint64_t, std::vector<size_t>*> by_origin;
  for (size_t i = 0; i < banks_.size(); ++i) by_origin[Key(die_->bank_origins()[i])] = &banks_[i];
  for (size_t i = 0; i < tables_.size(); ++i)
    by_origin[Key(die_->table_origins()[i])] = &tables_[i];
  size_t top = file_.cells().size();
  for (size_t i = 0; i < file_.cells().size(); ++i) {
    if (!file_.cells()[i].places) continue;
    if (top < file_.cells().size()) {
      return BadInput(file_.object(),
                      fmt::format("cells '{}' and '{}' place others", file_.cells()[top].name,
                                  file_.cells()[i].name),
                      "one that does");
    }
    top = i;
  }
  if (top == file_.cells().size())
    return BadInput(file_.object(), "no cell that places others", "one");
  OasisVisitor visitor;
  visitor.placement = [&](size_t cell, Point at, std::span<const Point> offsets) -> Status {
    for (const Point& by : offsets) {
      const Point origin{at.x + by.x, at.y + by.y};
      const auto place = by_origin.find(Key(origin));
      if (place == by_origin.end()) {
        report(fmt::format("cell '{}' at ({}, {}) nm, where the die has no bank",
                           file_.cells()[cell].name, origin.x, origin.y));
        continue;
      }
      place->second->push_back(cell);
    }
    return {};
  };
  BURIN_TRY(file_.Visit(top, visitor));
  return TakeStrays(top, report);
}

// Rectangles that were drawn beside the cells belong to the bank that they lie on.
Status LayerReader::TakeStrays(size_t top, const ReportProblem& report) {
  OasisVisitor visitor;
  visitor.rectangle = [&](Layer layer, const Rect& rect, std::span<const Point> offsets) -> Status {
    for (const Point& by : offsets) {
      const Rect drawn = rect.Moved(by);
      auto find = [&](const std::vector<Point>& origins, const Rect& box, int64_t base) {
        for (size_t i = 0; i < origins.size(); ++i) {
          if (!box.Moved(origins[i]).Contains(drawn)) continue;
          const Point back{-origins[i].x, -origins[i].y};
          strays_.push_back({base + static_cast<int64_t>(i), layer, drawn.Moved(back)});
          return true;
        }
        return false;
      };
      if (!find(die_->bank_origins(), die_->bank().extent(), 0) &&
          !find(die_->table_origins(), die_->table_unit().extent(),
                static_cast<int64_t>(banks_.size()))) {
        report(fmt::format("a rectangle {} on layer {}/{}, outside of all banks", Nanometres(drawn),
                           layer.number, layer.datatype));
      }
    }
    return {};
  };
  BURIN_TRY(file_.Visit(top, visitor));
  std::stable_sort(strays_.begin(), strays_.end(),
                   [](const Stray& a, const Stray& b) { return a.place < b.place; });
  return {};
}

Result<int64_t> LayerReader::ReadBank(int64_t bank, const SiteMap& sites, std::span<uint8_t> values,
                                      const ReportProblem& report,
                                      const DescribePlace& describe) const {
  return Read(fmt::format("bank {}", bank), bank, banks_[static_cast<size_t>(bank)], sites, values,
              report, describe);
}

Result<int64_t> LayerReader::ReadTable(int64_t unit, const SiteMap& sites,
                                       std::span<uint8_t> values,
                                       const ReportProblem& report) const {
  return Read(fmt::format("table unit {}", unit), static_cast<int64_t>(banks_.size()) + unit,
              tables_[static_cast<size_t>(unit)], sites, values, report, {});
}

Result<int64_t> LayerReader::Read(const std::string& name, int64_t place,
                                  const std::vector<size_t>& cells, const SiteMap& sites,
                                  std::span<uint8_t> values, const ReportProblem& report,
                                  const DescribePlace& describe) const {
  std::fill(values.begin(), values.end(), kNoVia);
  int64_t vias = 0;
  // "row 3, column 5 (what lies there)", and what should be there.
  auto describe_site = [&](const SiteMap::Site& at) {
    PlaceText text = describe ? describe(at.row, at.col) : PlaceText{};
    text.where = fmt::format("{} {}, {} {}{}", sites.row_name(), at.row, sites.col_name(), at.col,
                             text.where);
    return text;
  };
  auto take = [&](Layer layer, const Rect& rect) {
    if (layer != sites.layer()) {
      report(fmt::format("{}: a rectangle {} on layer {}/{}, which is not this file's", name,
                         Nanometres(rect), layer.number, layer.datatype));
      return;
    }
    ++vias;
    const auto site = sites.Find(rect);
    if (!site) {
      const SiteMap::Site near = sites.Nearest(rect);
      const PlaceText text = describe_site(near);
      report(fmt::format("{}: a via {} on no site; nearest: {}, {} {}{}", name, Nanometres(rect),
                         text.where, sites.value_name(), near.value, text.wanted));
      return;
    }
    uint8_t& value = values[static_cast<size_t>(site->row) * static_cast<size_t>(sites.cols()) +
                            static_cast<size_t>(site->col)];
    if (value != kNoVia) {
      const PlaceText text = describe_site(*site);
      report(fmt::format("{}, {}: two vias, {} {} and {}{}", name, text.where, sites.value_name(),
                         value, site->value, text.wanted));
      return;
    }
    value = static_cast<uint8_t>(site->value);
  };
  OasisVisitor visitor;
  visitor.rectangle = [&](Layer layer, const Rect& rect, std::span<const Point> offsets) -> Status {
    for (const Point& by : offsets) take(layer, rect.Moved(by));
    return {};
  };
  for (const size_t cell : cells) BURIN_TRY(file_.Visit(cell, visitor));
  const auto first = std::lower_bound(strays_.begin(), strays_.end(), place,
                                      [](const Stray& s, int64_t p) { return s.place < p; });
  for (auto s = first; s != strays_.end() && s->place == place; ++s) take(s->layer, s->rect);
  if (cells.size() > 1) report(fmt::format("{}: {} cells lie on it", name, cells.size()));
  return vias;
}

}  // namespace burin::mask
