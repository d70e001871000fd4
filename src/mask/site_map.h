// Places of vias to positions in a bank and back. Sites are a product of columns of x and rows of
// y, both for weights and for constants, so two short tables answer for every via of a bank.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "mask/bank.h"
#include "mask/oasis_writer.h"

namespace burin::mask {

// An array of positions, each with one via whose place says its value.
class SiteMap {
 public:
  static SiteMap OfWeights(const Bank& bank);    // rows x columns, values 0 .. lines - 1
  static SiteMap OfConstants(const Bank& bank);  // words x bits, values 0 and 1

  int rows() const { return static_cast<int>(ys_.size()); }
  int cols() const { return cols_; }
  int values() const { return values_; }
  Layer layer() const { return layer_; }

  // What positions and values are called: "row", "column", "code"; "constant word", "bit", "value".
  const char* row_name() const { return names_[0]; }
  const char* col_name() const { return names_[1]; }
  const char* value_name() const { return names_[2]; }

  // The vias of a row, one for each of cols() values (0 .. values() - 1), as one record.
  void AddRow(OasisCell& cell, int row, const uint8_t* values);

  struct Site {
    int row = 0, col = 0, value = 0;
  };
  // The site that a rectangle is exactly on.
  std::optional<Site> Find(const Rect& rect) const;
  // The site nearest to it, in x and in y.
  Site Nearest(const Rect& rect) const;

 private:
  SiteMap(Layer layer, int cols, int values, int rows)
      : layer_(layer), cols_(cols), values_(values), ys_(static_cast<size_t>(rows)) {}
  void Finish();

  Layer layer_;
  const char* names_[3] = {"row", "column", "code"};
  int cols_, values_;
  int32_t width_ = 0, height_ = 0;
  std::vector<int32_t> xs_;  // [cols][values]: left edges
  std::vector<int32_t> ys_;  // [rows]: lower edges
  int32_t grid_ = 1;         // of which all steps in x are multiples
  // From an edge, less the smallest, to 1 + index; 0: no site.
  int32_t x_min_ = 0, y_min_ = 0;
  std::vector<uint32_t> by_x_, by_y_;
  std::vector<uint32_t> steps_;
};

}  // namespace burin::mask
