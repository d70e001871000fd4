#include "mask/bank.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include "base/check.h"
#include "mask/painter.h"
#include "mask/periphery.h"

namespace burin::mask {
namespace {

constexpr int kMaxRows = 4096, kMaxColumns = 4096, kMaxWords = 65536, kMaxBits = 64;
constexpr int64_t kMaxExtent = 100'000'000;  // nm; coordinates are 32 bits wide

Status CheckRange(const char* what, int value, int low, int high) {
  if (low <= value && value <= high) return {};
  return BadInput(fmt::format("bank: {}", what), fmt::format("{}", value),
                  fmt::format("{} .. {}", low, high));
}

Status CheckShape(const BankShape& s) {
  BURIN_TRY(CheckRange("rows", s.rows, kUnitRows, kMaxRows));
  BURIN_TRY(CheckRange("columns", s.cols, 1, kMaxColumns));
  BURIN_TRY(CheckRange("constant words", s.constant_words, 0, kMaxWords));
  BURIN_TRY(CheckRange("constant bits", s.constant_bits, 0, kMaxBits));
  if (s.rows % kUnitRows != 0) {
    return BadInput("bank: rows", fmt::format("{}", s.rows),
                    fmt::format("a multiple of {}", kUnitRows));
  }
  if ((s.constant_words == 0) != (s.constant_bits == 0)) {
    return BadInput("bank: constants",
                    fmt::format("{} words of {} bits", s.constant_words, s.constant_bits),
                    "both 0, or neither");
  }
  return {};
}

void Append(const Layout& layout, size_t cell, Point at, Layer wanted, bool all,
            std::vector<Shape>& out) {
  const Cell& c = layout.cells[cell];
  for (const Shape& shape : c.shapes) {
    if (all || shape.layer == wanted) out.push_back({shape.layer, shape.rect.Moved(at)});
  }
  for (const Placement& place : c.placements) {
    for (int32_t j = 0; j < place.rows; ++j) {
      for (int32_t i = 0; i < place.columns; ++i) {
        Append(layout, place.cell,
               {at.x + place.origin.x + i * place.step.x, at.y + place.origin.y + j * place.step.y},
               wanted, all, out);
      }
    }
  }
}

// Everything that a bank's base is drawn from.
struct Plan {
  const Rules& rules;
  const BankShape& shape;
  const CellDimensions& cell;
  const PeripheryDimensions& periphery;
  Columns columns;
  int32_t rows_height() const { return shape.rows * cell.row_pitch; }
};

// Cells, taps and drivers: index of each in the layout, then their arrays in the bank.
void PlaceArrays(const Plan& plan, Layout& layout, Cell& bank) {
  const CellDimensions& d = plan.cell;
  layout.cells.push_back(DrawUnit(plan.rules, d));
  layout.cells.push_back(DrawTapUnit(plan.rules, d));
  layout.cells.push_back(DrawDriver(plan.rules, d, plan.periphery.driver, true));
  layout.cells.push_back(DrawDriver(plan.rules, d, plan.periphery.driver, false));
  const int32_t units = plan.shape.rows / kUnitRows, step = kUnitRows * d.row_pitch;
  const int per_tap = d.columns_per_tap;
  for (int first = 0; first < plan.shape.cols; first += per_tap) {
    const int count = std::min(per_tap, plan.shape.cols - first);
    bank.placements.push_back({0,
                               {plan.columns.cells[static_cast<size_t>(first)], 0},
                               count,
                               units,
                               {d.column_width, step}});
  }
  for (const int32_t left : plan.columns.taps)
    bank.placements.push_back({1, {left, 0}, 1, units, {0, step}});
  bank.placements.push_back({2, {0, 0}, 1, units, {0, step}});
  bank.placements.push_back({3, {plan.columns.right, 2 * d.row_pitch}, 1, units, {0, step}});
}

// One n select over the cells of each group of columns.
void DrawArraySelect(Painter& p, const Plan& plan) {
  const CellDimensions& d = plan.cell;
  const int32_t low = -d.active_end - d.select_margin;
  const int32_t high = plan.rows_height() - 2 * d.row_pitch + d.active_end + d.select_margin;
  for (size_t i = 0; i + 1 < plan.columns.taps.size(); ++i) {
    const int32_t left = plan.columns.taps[i] + d.tap_width + d.strip_a - d.select_margin;
    const int32_t right =
        plan.columns.taps[i + 1] - d.column_width + d.strip_b + d.width + d.select_margin;
    p.Box(Role::kNSelect, {left, low, right, high});
  }
}

// Row of rails below the array: ground with its taps, then supply, each tied to the lines of all
// columns of taps and to the drivers.
void DrawSupplies(Painter& p, const Plan& plan) {
  const CellDimensions& d = plan.cell;
  const DriverDimensions& v = plan.periphery.driver;
  const int32_t vss = -4 * d.row_pitch, vdd = -6 * d.row_pitch, right = plan.columns.right;
  const int32_t n_bus = (v.n_left + v.n_right) / 2, p_bus = (v.p_left + v.p_right) / 2;
  const int32_t end = vdd - d.row_pitch, half = d.line_width / 2;
  for (const int32_t y : {vss, vdd}) {
    const int32_t reach = y == vss ? n_bus : p_bus, room = p.Get("local.width");
    p.Box(Role::kLocal, {-reach - room, y - d.rail_height / 2, right + reach + room,
                         y - d.rail_height / 2 + d.rail_height});
    for (const int32_t x : {-reach, right + reach}) p.RailToLine(x, y);
    for (const int32_t left : plan.columns.taps)
      p.RailToLine(left + (y == vss ? d.vss_line : d.vdd_line), y);
  }
  const int32_t least = p.Get("active.width");
  const int32_t height = std::max(d.contact + 2 * p.Get("contact.in.tap"), least);
  const int32_t grid = p.Get("draw.active_grid");
  const Rect tap{0, vss - height / 2, CeilTo(right, grid), vss - height / 2 + height};
  p.Active(Role::kTap, Role::kPSelect, tap);
  p.ActiveContacts(Role::kTap, tap.x0, tap.x1, vss);
  for (const int32_t left : plan.columns.taps) {
    for (const int32_t x : {left + d.vdd_line, left + d.vss_line}) {
      p.Box(Role::kLine, {x - half, end, x - half + d.line_width, d.line_bottom});
    }
  }
  for (const int32_t x : {-n_bus, -p_bus, right + n_bus, right + p_bus}) {
    p.Box(Role::kLine, {x - half, end, x - half + d.line_width, plan.rows_height() + d.row_pitch});
  }
  // Each well of drivers has one tap at its lower end at least.
  for (const int32_t sign : {-1, 1}) {
    const int32_t x = sign < 0 ? -p_bus : right + p_bus;
    const int32_t ends = p.Get("contact.in.tap.ends", p.Get("contact.in.tap"));
    const int32_t width = CeilTo(std::max(d.contact + 2 * ends, least), grid);
    const int32_t x0 = FloorTo(x - width / 2, grid);
    const Rect well_tap{x0, vdd - height / 2, x0 + width, vdd - height / 2 + height};
    p.Active(Role::kTap, Role::kNSelect, well_tap);
    p.ActiveContacts(Role::kTap, well_tap.x0, well_tap.x1, vdd);
    const int32_t low = well_tap.y0 - std::max(p.Get("n_tap.in.nwell"), d.row_pitch);
    const int32_t x_low = sign < 0 ? -v.well_right : right + v.well_left;
    p.Box(Role::kNwell,
          {x_low, low, x_low + v.well_right - v.well_left, plan.rows_height() + d.row_pitch});
  }
}

// Ground lines between columns of a group, from the ground rail below the array to the top.
void DrawShields(Painter& p, const Plan& plan, int32_t top) {
  const CellDimensions& d = plan.cell;
  const int32_t vss = -4 * d.row_pitch;
  for (int col = 0; col + 1 < plan.shape.cols && d.shield_line > 0; ++col) {
    if ((col + 1) % d.columns_per_tap == 0) continue;  // a column of supply lines stands there
    const int32_t x = plan.columns.cells[static_cast<size_t>(col)] + d.shield_line;
    p.RailToLine(x, vss);
    const int32_t left = x - d.line_width / 2;
    p.Box(Role::kLine, {left, vss - d.row_pitch, left + d.line_width, top});
  }
}

// Names for people and for netlist comparison.
void DrawLabels(Painter& p, const Plan& plan) {
  const CellDimensions& d = plan.cell;
  const DriverDimensions& v = plan.periphery.driver;
  for (int row = 0; row < plan.shape.rows; ++row) {
    const int32_t x = v.input[row % 2];
    p.Text(Role::kStrap, {row % kUnitRows < 2 ? -x : plan.columns.right + x, d.GateCenter(row)},
           fmt::format("IN[{}]", row));
  }
  p.Text(Role::kLine, {plan.columns.taps[0] + d.vss_line, -4 * d.row_pitch}, "VSS");
  p.Text(Role::kLine, {plan.columns.taps[0] + d.vdd_line, -6 * d.row_pitch}, "VDD");
}

void LabelColumns(Painter& p, const Plan& plan, int32_t top) {
  for (int col = 0; col < plan.shape.cols; ++col) {
    for (int line = 0; line < plan.shape.lines; ++line) {
      const int32_t x = plan.columns.cells[static_cast<size_t>(col)] + plan.cell.LineCenter(line);
      p.Text(Role::kLine, {x, 0}, fmt::format("LINE[{}][{}]", col, line));
      p.Text(Role::kLine, {x, top}, fmt::format("SELECT[{}][{}]", col, line));
    }
  }
}

struct ConstantGrid {
  int32_t rail_width, rail_pitch, stub_length, stub_height, bit_pitch, word_pitch, via;
};

Result<ConstantGrid> DeriveConstants(const Rules& rules) {
  RuleReader rule(rules);
  ConstantGrid g{};
  const int32_t in_line = rule("constant_via.in.line"), in = rule("constant_via.in.constant");
  const int32_t ends = rule.Or("constant_via.in.constant.ends", in), grid = rules.grid();
  g.via = rule("constant_via.size");
  g.rail_width = std::max(rule("line.width"), g.via + 2 * in_line);
  g.rail_pitch = std::max(g.rail_width + rule("line.space"), g.via + rule("constant_via.space"));
  g.stub_height = std::max(rule("constant.width"), g.via + 2 * in);
  const int32_t by_area = (rule("constant.area") + g.stub_height - 1) / std::max(g.stub_height, 1);
  g.stub_length = CeilTo(std::max(g.rail_pitch + g.via + 2 * ends, by_area), 2 * grid);
  g.bit_pitch = CeilTo(std::max(2 * g.rail_pitch, g.stub_length + rule.Or("draw.constant_tip",
                                                                          rule("constant.space"))),
                       2 * grid);
  g.word_pitch = CeilTo(
      std::max(g.stub_height + rule("constant.space"), g.via + rule("constant_via.space")), grid);
  BURIN_TRY(rule.status());
  return g;
}

}  // namespace

Result<Bank> Bank::Create(const Rules& rules, const BankShape& shape) {
  BURIN_TRY(CheckShape(shape));
  Bank bank;
  bank.shape_ = shape;
  BURIN_ASSIGN(bank.cell_, DeriveCell(rules, shape.lines));
  BURIN_ASSIGN(const PeripheryDimensions periphery, DerivePeriphery(rules, bank.cell_));
  BURIN_ASSIGN(const ConstantGrid constants, DeriveConstants(rules));
  const CellDimensions& d = bank.cell_;
  const int64_t high =
      int64_t{shape.rows} * d.row_pitch + int64_t{shape.constant_words} * constants.word_pitch;
  const int64_t wide = std::max(int64_t{shape.cols} * (d.column_width + d.tap_width),
                                int64_t{shape.constant_bits} * constants.bit_pitch);
  if (std::max(high, wide) > kMaxExtent) {
    return BadInput("bank", fmt::format("{} x {} nm", wide, high),
                    fmt::format("{} nm a side", kMaxExtent));
  }
  bank.weight_layer_ = *rules.layer(Role::kWeightVia);
  bank.constant_layer_ = *rules.layer(Role::kConstantVia);

  Plan plan{rules, shape, d, periphery, {}};
  for (int col = 0; col < shape.cols; ++col) {
    if (col % d.columns_per_tap == 0)
      plan.columns.taps.push_back(bank.ColumnLeft(col) - d.tap_width);
    plan.columns.cells.push_back(bank.ColumnLeft(col));
  }
  plan.columns.taps.push_back(bank.ColumnLeft(shape.cols - 1) + d.column_width);
  plan.columns.right = bank.ArrayRight();

  Cell top;
  top.name = fmt::format("bank_{}x{}x{}", shape.rows, shape.cols, shape.lines);
  Painter p(rules, top);
  PlaceArrays(plan, bank.base_, top);
  DrawArraySelect(p, plan);
  DrawSupplies(p, plan);
  DrawLabels(p, plan);
  const int32_t array_top = plan.rows_height() + d.line_bottom;  // where the units' lines end
  const int32_t sense_top = DrawSense(rules, d, periphery.sense, plan.columns, array_top, top);
  DrawShields(p, plan, sense_top);
  LabelColumns(p, plan, sense_top - d.line_width);

  bank.constant_via_ = constants.via;
  bank.constant_rail_pitch_ = constants.rail_pitch;
  bank.constant_bit_pitch_ = constants.bit_pitch;
  bank.constant_word_pitch_ = constants.word_pitch;
  // Center of word 0, bit 0, half way between its two sites.
  bank.constant_origin_ = {constants.bit_pitch / 2,
                           sense_top + 2 * d.row_pitch + constants.word_pitch};
  const int32_t bottom = sense_top + 2 * d.row_pitch;
  const int32_t end = bottom + (shape.constant_words + 1) * constants.word_pitch;
  for (int bit = 0; bit < shape.constant_bits; ++bit) {
    for (int value = 0; value < 2; ++value) {
      const Rect site = bank.ConstantSite(0, bit, value);
      const int32_t x = site.x0 + constants.via / 2 - constants.rail_width / 2;
      p.Box(Role::kLine, {x, bottom, x + constants.rail_width, end});
      p.Text(Role::kLine, {x + constants.rail_width / 2, bottom + 1}, value ? "VDD" : "VSS");
    }
  }
  if (shape.constant_words > 0) {
    Cell stub;
    stub.name = "constant_bit";
    Painter q(rules, stub);
    q.Box(Role::kConstant, Rect::Centered(0, 0, constants.stub_length, constants.stub_height));
    bank.base_.cells.push_back(std::move(stub));
    top.placements.push_back({bank.base_.cells.size() - 1,
                              bank.constant_origin_,
                              shape.constant_bits,
                              shape.constant_words,
                              {constants.bit_pitch, constants.word_pitch}});
  }
  bank.base_.cells.push_back(std::move(top));
  bank.extent_ = BoundingBox(bank.base_);
  return bank;
}

int32_t Bank::ArrayRight() const {
  return ColumnLeft(shape_.cols - 1) + cell_.column_width + cell_.tap_width;
}

Rect Bank::ConstantSite(int word, int bit, int value) const {
  const int32_t x = constant_origin_.x + bit * constant_bit_pitch_ - constant_rail_pitch_ / 2 +
                    value * constant_rail_pitch_;
  return Rect::Centered(x, constant_origin_.y + word * constant_word_pitch_, constant_via_,
                        constant_via_);
}

std::vector<Rect> Bank::FixedVias() const { return Flatten(base_, weight_layer_); }

Layout ProgrammedBank(const Bank& bank, std::vector<Shape> vias) {
  Layout layout = bank.base();
  const size_t base = layout.cells.size() - 1;
  layout.cells.push_back({"program", std::move(vias), {}, {}});
  Cell top;
  top.name = "TOP";
  top.placements = {{base, {}, 1, 1, {}}, {base + 1, {}, 1, 1, {}}};
  layout.cells.push_back(std::move(top));
  return layout;
}

std::vector<Rect> Flatten(const Layout& layout, Layer layer) {
  std::vector<Shape> shapes;
  if (!layout.cells.empty()) Append(layout, layout.cells.size() - 1, {}, layer, false, shapes);
  std::vector<Rect> rects;
  rects.reserve(shapes.size());
  for (const Shape& shape : shapes) rects.push_back(shape.rect);
  std::sort(rects.begin(), rects.end(), [](const Rect& a, const Rect& b) {
    return std::tie(a.y0, a.x0, a.y1, a.x1) < std::tie(b.y0, b.x0, b.y1, b.x1);
  });
  return rects;
}

namespace {

Rect BoxOf(const Layout& layout, size_t cell) {
  constexpr int32_t kFar = std::numeric_limits<int32_t>::max();
  Rect box{kFar, kFar, -kFar, -kFar};
  for (const Shape& shape : layout.cells[cell].shapes) box = Hull(box, shape.rect);
  for (const Placement& place : layout.cells[cell].placements) {
    const Rect one = BoxOf(layout, place.cell).Moved(place.origin);
    box = Hull(box, one);
    box =
        Hull(box, one.Moved({(place.columns - 1) * place.step.x, (place.rows - 1) * place.step.y}));
  }
  return box;
}

}  // namespace

Rect BoundingBox(const Layout& layout) {
  return layout.cells.empty() ? Rect{} : BoxOf(layout, layout.cells.size() - 1);
}

}  // namespace burin::mask
