// Layout as data: rectangles in integer nanometres on numbered layers, cells of them, and arrays of
// cells.
//
// A bank is drawn in its own axes: x runs along the word lines (one step a column), y along the
// level lines (one step a row). Every layout of this module is made of rectangles alone; a polygon
// is a union of touching rectangles.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin::mask {

// One nanometre is the database unit of every file that this module writes.
struct Point {
  int32_t x = 0, y = 0;
  friend bool operator==(const Point&, const Point&) = default;
};

// Half-open in no direction: the area between (x0, y0) and (x1, y1), x0 < x1, y0 < y1.
struct Rect {
  int32_t x0 = 0, y0 = 0, x1 = 0, y1 = 0;

  int32_t width() const { return x1 - x0; }
  int32_t height() const { return y1 - y0; }
  Rect Moved(Point by) const { return {x0 + by.x, y0 + by.y, x1 + by.x, y1 + by.y}; }
  // Every side moved outwards by dx and dy.
  Rect Grown(int32_t dx, int32_t dy) const { return {x0 - dx, y0 - dy, x1 + dx, y1 + dy}; }
  bool Contains(const Rect& r) const {
    return x0 <= r.x0 && y0 <= r.y0 && r.x1 <= x1 && r.y1 <= y1;
  }
  // True if the two share area or touch.
  bool Touches(const Rect& r) const { return x0 <= r.x1 && r.x0 <= x1 && y0 <= r.y1 && r.y0 <= y1; }
  friend bool operator==(const Rect&, const Rect&) = default;

  static Rect Centered(int32_t x, int32_t y, int32_t width, int32_t height) {
    return {x - width / 2, y - height / 2, x - width / 2 + width, y - height / 2 + height};
  }
};

// The number of a layer in GDSII and OASIS.
struct Layer {
  int16_t number = 0, datatype = 0;
  friend auto operator<=>(const Layer&, const Layer&) = default;
};

struct Shape {
  Layer layer;
  Rect rect;
};

// A name at a point, for people and for netlist comparison; no reader of weights looks at it.
struct Label {
  Layer layer;
  Point at;
  std::string text;
};

// A regular array of a cell: copy (i, j) has its origin at origin + (i * step.x, j * step.y).
struct Placement {
  size_t cell = 0;  // index in Layout::cells
  Point origin;
  int32_t columns = 1, rows = 1;
  Point step;
};

struct Cell {
  std::string name;
  std::vector<Shape> shapes;
  std::vector<Label> labels;
  std::vector<Placement> placements;
};

// Cells in an order in which each comes after those that it places; the last one is the top.
struct Layout {
  std::vector<Cell> cells;
};

}  // namespace burin::mask
