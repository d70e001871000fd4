#include "mask/site_map.h"

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "base/check.h"

namespace burin::mask {
namespace {

std::vector<uint32_t> Inverse(const std::vector<int32_t>& edges, int32_t least) {
  const int32_t most = *std::max_element(edges.begin(), edges.end());
  std::vector<uint32_t> table(static_cast<size_t>(most - least) + 1);
  for (size_t i = 0; i < edges.size(); ++i) {
    uint32_t& entry = table[static_cast<size_t>(edges[i] - least)];
    BURIN_CHECK(entry == 0);  // sites are disjoint
    entry = static_cast<uint32_t>(i) + 1;
  }
  return table;
}

size_t NearestEdge(const std::vector<int32_t>& edges, int32_t edge) {
  size_t best = 0;
  for (size_t i = 1; i < edges.size(); ++i) {
    if (std::abs(int64_t{edges[i]} - edge) < std::abs(int64_t{edges[best]} - edge)) best = i;
  }
  return best;
}

}  // namespace

SiteMap SiteMap::OfWeights(const Bank& bank) {
  const BankShape& s = bank.shape();
  SiteMap map(bank.weight_layer(), s.cols, s.lines, s.rows);
  for (int col = 0; col < s.cols; ++col) {
    for (int code = 0; code < s.lines; ++code) map.xs_.push_back(bank.ViaSite(0, col, code).x0);
  }
  for (int row = 0; row < s.rows; ++row)
    map.ys_[static_cast<size_t>(row)] = bank.ViaSite(row, 0, 0).y0;
  const Rect first = bank.ViaSite(0, 0, 0);
  map.width_ = first.width();
  map.height_ = first.height();
  map.Finish();
  return map;
}

SiteMap SiteMap::OfConstants(const Bank& bank) {
  const BankShape& s = bank.shape();
  SiteMap map(bank.constant_layer(), s.constant_bits, 2, s.constant_words);
  map.names_[0] = "constant word", map.names_[1] = "bit", map.names_[2] = "value";
  for (int bit = 0; bit < s.constant_bits; ++bit) {
    for (int value = 0; value < 2; ++value) map.xs_.push_back(bank.ConstantSite(0, bit, value).x0);
  }
  for (int word = 0; word < s.constant_words; ++word) {
    map.ys_[static_cast<size_t>(word)] = bank.ConstantSite(word, 0, 0).y0;
  }
  const Rect first = bank.ConstantSite(0, 0, 0);
  map.width_ = first.width();
  map.height_ = first.height();
  map.Finish();
  return map;
}

void SiteMap::Finish() {
  x_min_ = *std::min_element(xs_.begin(), xs_.end());
  y_min_ = *std::min_element(ys_.begin(), ys_.end());
  by_x_ = Inverse(xs_, x_min_);
  by_y_ = Inverse(ys_, y_min_);
  grid_ = 0;
  for (const int32_t x : xs_) grid_ = std::gcd(grid_, x - x_min_);
  grid_ = std::max(grid_, 1);
}

void SiteMap::AddRow(OasisCell& cell, int row, const uint8_t* values) {
  steps_.resize(static_cast<size_t>(cols_) - 1);
  int32_t last = xs_[values[0]];
  const Point first{last, ys_[static_cast<size_t>(row)]};
  const int32_t* xs = xs_.data();
  const auto grid = static_cast<uint32_t>(grid_);
  for (int col = 1; col < cols_; ++col) {
    xs += values_;
    const int32_t x = xs[values[col]];
    steps_[static_cast<size_t>(col) - 1] = static_cast<uint32_t>(x - last) / grid;
    last = x;
  }
  cell.AddRow(layer_, width_, height_, first, steps_, grid_);
}

std::optional<SiteMap::Site> SiteMap::Find(const Rect& rect) const {
  const int64_t x = int64_t{rect.x0} - x_min_, y = int64_t{rect.y0} - y_min_;
  if (rect.width() != width_ || rect.height() != height_ || x < 0 || y < 0 ||
      x >= static_cast<int64_t>(by_x_.size()) || y >= static_cast<int64_t>(by_y_.size())) {
    return std::nullopt;
  }
  const uint32_t column = by_x_[static_cast<size_t>(x)], row = by_y_[static_cast<size_t>(y)];
  if (column == 0 || row == 0) return std::nullopt;
  const int index = static_cast<int>(column - 1);
  return Site{static_cast<int>(row - 1), index / values_, index % values_};
}

SiteMap::Site SiteMap::Nearest(const Rect& rect) const {
  const auto x = static_cast<int>(NearestEdge(xs_, rect.x0));
  return {static_cast<int>(NearestEdge(ys_, rect.y0)), x / values_, x % values_};
}

}  // namespace burin::mask
