// A bank: rows x columns of ROM cells with their word-line drivers, precharge and sense inverters,
// and an array of constant bits; the base of it, which no model changes, and the places of the two
// programmed layers.
//
// What is drawn, from below: supply rails and substrate taps; the cells (cell.h) with taps and
// supply lines between groups of columns, ground lines between the columns of a group, the drivers
// of rows 0 and 1 of each four on the left, of rows 2 and 3 on the right; one precharge transistor
// a level line, one inverter a level line whose output (the select of that level) leaves at the
// top; the constant bits.
//
// Programming. Weights: exactly one via a cell, at ViaSite(row, col, code), whatever the codebook:
// so a bank can be read back without knowing the model, a missing and a second via are errors, and
// a code of level 0 is like any other. Constants: exactly one via a bit, at ConstantSite(word, bit,
// value), which ties the bit's output to supply or ground.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "mask/cell.h"
#include "mask/geometry.h"
#include "mask/rules.h"

namespace burin::mask {

struct BankShape {
  int rows = 0;   // a multiple of 4, 4 .. 4096
  int cols = 0;   // physical columns, 1 .. 4096; a six-bit weight takes two
  int lines = 0;  // level lines a column, a power of two in 2 .. 64: 8 for codes of 3 bits, 16 for
                  // 4 (and 3)
  int constant_words = 0, constant_bits = 0;  // 0 .. 65536 words, 0 .. 64 bits each
};

class Bank {
 public:
  // Errors: a shape out of range, a rule that is missing (names file and key), a bank above 100 mm.
  static Result<Bank> Create(const Rules& rules, const BankShape& shape);

  const BankShape& shape() const { return shape_; }
  const CellDimensions& cell() const { return cell_; }
  Layer weight_layer() const { return weight_layer_; }
  Layer constant_layer() const { return constant_layer_; }

  // The via that gives the cell at word line `row` and column `col` its code, on weight_layer().
  // Sites of one bank are disjoint, and disjoint from every via that the base has on the same
  // layer.
  Rect ViaSite(int row, int col, int code) const {
    const int32_t x = ColumnLeft(col) + cell_.LineCenter(code) - cell_.weight_via / 2;
    const int32_t y = cell_.StrapCenter(row) - cell_.weight_via / 2;
    return {x, y, x + cell_.weight_via, y + cell_.weight_via};
  }
  // The via that gives bit `bit` of constant word `word` the value 0 or 1, on constant_layer().
  Rect ConstantSite(int word, int bit, int value) const;

  // x of the left edge of a column of cells.
  int32_t ColumnLeft(int col) const {
    return col * cell_.column_width + (col / cell_.columns_per_tap + 1) * cell_.tap_width;
  }
  // Right edge of the array of cells, its last column of taps included.
  int32_t ArrayRight() const;

  // The base: all layers but the sites above. The last cell is the bank; its origin is the ground
  // contact of row 0. Depends on rules and shape only.
  const Layout& base() const { return base_; }
  // What the bank covers, drivers and constants included.
  Rect extent() const { return extent_; }
  // The fixed vias of the base on weight_layer() (supply rails, drivers, sense), sorted; a reader
  // skips these.
  std::vector<Rect> FixedVias() const;

 private:
  BankShape shape_;
  CellDimensions cell_;
  Layer weight_layer_, constant_layer_;
  int32_t constant_via_ = 0, constant_bit_pitch_ = 0, constant_word_pitch_ = 0,
          constant_rail_pitch_ = 0;
  Point constant_origin_;
  Layout base_;
  Rect extent_;
};

// The base of a bank and `vias` in a cell "program" beside it, both placed by the last cell, TOP.
Layout ProgrammedBank(const Bank& bank, std::vector<Shape> vias);

// All rectangles of a layer of the last cell, with the arrays written out, sorted by y, then x.
std::vector<Rect> Flatten(const Layout& layout, Layer layer);
// The smallest rectangle around all shapes of the last cell.
Rect BoundingBox(const Layout& layout);

}  // namespace burin::mask
