#include "mask/cell.h"

#include <algorithm>
#include <numeric>

#include "base/check.h"
#include "mask/painter.h"

namespace burin::mask {
int32_t TrackOfRow(int row) {
  constexpr int32_t kTracks[kUnitRows] = {-1, 1, 2, 4};
  return row / kUnitRows * kUnitRows + kTracks[row % kUnitRows];
}

namespace {

// Sizes along the level lines.
void DeriveRows(RuleReader& rule, CellDimensions& d) {
  d.gate_length = rule("gate.width");
  d.contact = rule.Or("contact.width", 0);
  if (d.contact == 0) d.contact = rule("contact.size");
  const int32_t contact_to_gate = rule("contact.to.gate");
  d.gate_offset = std::max(d.contact / 2 + contact_to_gate + d.gate_length / 2,
                           (rule("gate.space") + d.gate_length) / 2);
  d.drain_offset = d.gate_offset + d.gate_length / 2 + contact_to_gate + d.contact / 2;
  d.active_end = std::max(d.drain_offset + d.contact / 2 + rule("draw.drain_past_contact"),
                          d.gate_offset + d.gate_length / 2 + rule("active.past.gate"));
  const int32_t in_local = rule("contact.in.local");
  d.rail_height = std::max(rule("local.width"), d.contact + 2 * in_local);
  d.strap_height =
      std::max({rule("strap.width"), rule("weight_via.size") + 2 * rule("weight_via.in.strap"),
                rule("via0.size") + 2 * rule("via0.in.strap")});
  // Two rows: up to the next word line behind the end of active; and a drain's pad between two
  // rails; and straps.
  const int32_t by_gates =
      d.active_end + rule("gate.to.active") + d.gate_offset + d.gate_length / 2;
  const int32_t by_local = d.rail_height + d.contact + 2 * rule("local.space");
  const int32_t by_straps = 2 * (d.strap_height + rule("strap.space"));
  const int32_t grid = rule("draw.gate_grid");
  d.row_pitch = CeilTo((std::max({by_gates, by_local, by_straps}) + 1) / 2, std::max(grid, 1));
  d.line_bottom = -d.row_pitch - d.row_pitch / 2;
}

// Right end of strip A's straps and the width of a column, if straps go `end` beyond the centers of
// the first and the last via.
int32_t StrapsEndingAt(RuleReader& rule, int32_t end, CellDimensions& d) {
  const int32_t tip = rule("draw.strap_tip"), left_margin = tip / 2;
  d.strap_left = left_margin;
  d.first_line = left_margin + end;
  d.strap_right = d.LineCenter(d.lines - 1) + end;
  const int32_t jog = std::max(rule("strap.width"), rule("via0.size") + 2 * rule("via0.in.strap"));
  const int32_t grid =
      std::lcm(std::max(rule("draw.active_grid"), 1), std::max(rule.Or("draw.column_grid", 1), 1));
  d.column_width = CeilTo(d.strap_right + tip + jog + tip - left_margin, grid);
  d.jog_right = d.column_width - (tip - left_margin);
  d.jog_left = d.jog_right - jog;
  d.jog_center = d.jog_left + jog / 2;
  return d.column_width;
}

// Lines, straps and jogs along the word lines.
void DeriveColumn(RuleReader& rule, CellDimensions& d) {
  const int32_t via = d.weight_via = rule("weight_via.size");
  d.line_width = std::max(rule("line.width"), via + 2 * rule("weight_via.in.line"));
  d.line_pitch = std::max(d.line_width + rule("line.space"), via + rule("weight_via.space"));
  // Two opposite sides of a via need the wider enclosure: along the strap everywhere, but at its
  // ends across it if that makes a column narrower and the straps beside it leave the room.
  const int32_t sides = rule("weight_via.in.strap"),
                wide = rule.Or("weight_via.in.strap.ends", sides);
  const int32_t tall = via + 2 * wide;
  CellDimensions padded = d;
  const bool narrower =
      StrapsEndingAt(rule, sides + via / 2, padded) < StrapsEndingAt(rule, wide + via / 2, d);
  if (narrower && tall > d.strap_height && tall + rule("strap.space") <= d.row_pitch) {
    d = padded;
    d.strap_pad_height = tall;
  }
  const int32_t grid = std::max(rule("draw.active_grid"), 1);
  d.width = CeilTo(rule("draw.cell_width"), grid);
  const int32_t contact_margin = rule.Or("contact.in.active.ends", rule.Or("contact.in.active", 0));
  const int32_t right = CeilTo(d.jog_center + rule("via0.size") / 2 + contact_margin, grid);
  d.strip_b = right - d.width;
  d.strip_a = CeilTo(std::max(right - d.column_width + rule("active.space"), 0), grid);
}

void DeriveTaps(RuleReader& rule, int32_t strap_pad, CellDimensions& d) {
  const int32_t grid = std::max(rule("draw.active_grid"), 1), tip = rule("draw.strap_tip");
  d.select_margin = std::max(rule("n_active.in.n_select"), rule("p_tap.in.p_select"));
  d.vdd_line = d.line_width / 2;
  d.vss_line = d.vdd_line + d.line_pitch;
  const int32_t by_straps = d.vss_line + strap_pad - strap_pad / 2 + tip / 2;
  const int32_t tap =
      std::max(rule("active.width"), d.contact + 2 * rule.Or("contact.in.tap.ends", 0));
  const int32_t free_right = d.column_width - (d.strip_b + d.width);
  const int32_t by_tap = tap + 2 * rule("active.space") - free_right - d.strip_a;
  const int32_t tap_grid = std::lcm(grid, std::max(rule.Or("draw.column_grid", 1), 1));
  d.tap_width = CeilTo(std::max(by_straps, by_tap), tap_grid);
  const int32_t reach = rule.Or("draw.taps_in_array", 0);
  d.taps_in_array = reach > 0;
  // A tap serves half of the columns on either side of it.
  d.columns_per_tap = 16;
  const int32_t shield = d.LineCenter(d.lines - 1) + d.line_pitch;
  if (d.column_width + d.first_line - shield >= d.line_pitch) d.shield_line = shield;
  while (d.taps_in_array && d.columns_per_tap > 1 &&
         int64_t{d.columns_per_tap} * d.column_width / 2 > reach - d.tap_width) {
    d.columns_per_tap /= 2;
  }
}

}  // namespace

int32_t CellDimensions::StrapCenter(int row) const { return TrackOfRow(row) * row_pitch; }

int32_t CellDimensions::GateCenter(int row) const {
  const int32_t pair = row / 2 * 2 * row_pitch;
  return row % 2 == 0 ? pair - gate_offset : pair + gate_offset;
}

int32_t CellDimensions::EdgeGap() const {
  const int32_t right = column_width - LineCenter(lines - 1);  // of the column's right edge
  const int32_t left_tap = tap_width - vss_line + first_line, right_tap = right + vdd_line;
  const int32_t left_shield = column_width - shield_line + first_line;
  return std::max({left_tap, right_tap, shield_line > 0 ? left_shield : 0}) - line_width;
}

double CellDimensions::CellArea() const { return 1e-6 * column_width * row_pitch; }

namespace {

// Rules that drawing needs beside those that the sizes follow from: a file that lacks one is
// refused before.
Status CheckDrawnRules(const Rules& rules) {
  RuleReader rule(rules);
  for (const char* key :
       {"contact.in.local", "contact.in.tap", "gate_contact.in.local", "gate_contact.in.gate",
        "n_active.in.n_select", "n_tap.in.n_select", "n_tap.in.nwell", "nwell.space",
        "p_active.in.nwell", "p_active.in.p_select", "p_tap.in.p_select", "strap.area",
        "via0.in.local"}) {
    rule(key);
  }
  if (rules.layer(Role::kGateCut)) rule("gate_contact.in.gate_cut");
  if (!rules.Find("contact.width")) {
    for (const char* key : {"contact.size", "contact.space", "contact.in.active"}) rule(key);
  }
  BURIN_TRY(rule.status());
  const int32_t in_active = rule.Or("contact.in.active", 0), in_tap = rule("contact.in.tap");
  const int32_t least = rule.Or("contact.size", rule.Or("contact.width", 0)) +
                        2 * std::max(rule.Or("contact.in.active.ends", in_active),
                                     rule.Or("contact.in.tap.ends", in_tap));
  for (const char* key : {"draw.cell_width", "draw.precharge_width", "draw.sense_width",
                          "draw.driver_n_width", "draw.driver_p_width"}) {
    if (const int32_t width = rule(key); rule.status() && width < least) {
      return BadInput(fmt::format("{}: rules.\"{}\"", rules.path(), key),
                      fmt::format("{} nm", width),
                      fmt::format("{} nm at least: a contact and what is around it", least));
    }
  }
  return rule.status();
}

}  // namespace

Result<CellDimensions> DeriveCell(const Rules& rules, int lines) {
  if (lines < kMinLines || lines > kMaxLines || (lines & (lines - 1)) != 0) {
    return BadInput("lines", fmt::format("{}", lines),
                    fmt::format("a power of two, {} .. {}", kMinLines, kMaxLines));
  }
  BURIN_TRY(CheckDrawnRules(rules));
  CellDimensions d;
  d.lines = lines;
  RuleReader rule(rules);
  DeriveRows(rule, d);
  DeriveColumn(rule, d);
  BURIN_TRY(rule.status());
  Cell scratch;
  Painter painter(rules, scratch);
  DeriveTaps(rule, painter.StrapPadRect(0, 0).width(), d);
  BURIN_TRY(rule.status());
  if (d.strip_b < d.strip_a + d.width + rule("active.space")) {
    return BadInput(rules.path() + ": rules.\"draw.cell_width\"", fmt::format("{} nm", d.width),
                    fmt::format("two strips in a column of {} nm", d.column_width));
  }
  return d;
}

namespace {

// What the via of the first or last line needs across its strap.
void DrawStrapEnd(Painter& p, const CellDimensions& d, int32_t x, int32_t track) {
  if (d.strap_pad_height == 0) return;
  const int32_t width = d.weight_via + 2 * p.Get("weight_via.in.strap");
  p.Box(Role::kStrap, Rect::Centered(x, track, width, d.strap_pad_height));
}

// The drain of a row of the unit: contact, pad, and strap on the row's track.
void DrawDrain(Painter& p, const CellDimensions& d, int row) {
  const int32_t ground = row < 2 ? 0 : 2 * d.row_pitch, side = row % 2 == 0 ? -1 : 1;
  const int32_t gap = ground + side * d.row_pitch;  // middle between this pair and the next
  const int32_t left = row < 2 ? d.strip_a : d.strip_b;
  const Rect pad =
      p.ActiveContacts(Role::kActive, left, left + d.width, ground + side * d.drain_offset);
  const int32_t half = d.strap_height / 2, track = d.StrapCenter(row);
  DrawStrapEnd(p, d, d.LineCenter(0), track);
  if (row < 2) {
    DrawStrapEnd(p, d, d.LineCenter(d.lines - 1), track);
    p.LocalToStrap(pad, (pad.x0 + pad.x1) / 2, gap);
    p.Box(Role::kStrap, {d.strap_left, track - half, d.strap_right, track - half + d.strap_height});
    return;
  }
  p.LocalToStrap(pad, d.jog_center, gap);
  p.Box(Role::kStrap, {d.strap_left, track - half, d.jog_right, track - half + d.strap_height});
  const int32_t end = p.Get("via0.size") / 2 + p.Get("via0.in.strap.ends", p.Get("via0.in.strap"));
  p.Box(Role::kStrap, {d.jog_left, gap - end, d.jog_right, track});
}

// Ground rail and word lines of a pair of rows, from x = 0 to `width`.
void DrawRows(Painter& p, const CellDimensions& d, int32_t y, int32_t width) {
  p.Box(Role::kLocal, {0, y - d.rail_height / 2, width, y - d.rail_height / 2 + d.rail_height});
  for (int32_t gate : {y - d.gate_offset, y + d.gate_offset}) {
    p.Box(Role::kGate,
          {0, gate - d.gate_length / 2, width, gate - d.gate_length / 2 + d.gate_length});
  }
}

void DrawLine(Painter& p, const CellDimensions& d, int32_t center) {
  const int32_t x = center - d.line_width / 2;
  p.Box(Role::kLine, {x, d.line_bottom, x + d.line_width, d.line_bottom + kUnitRows * d.row_pitch});
}

}  // namespace

Cell DrawUnit(const Rules& rules, const CellDimensions& d) {
  Cell cell;
  cell.name = fmt::format("unit_{}", d.lines);
  Painter p(rules, cell);
  for (int32_t y : {0, 2 * d.row_pitch}) {
    const int32_t left = y == 0 ? d.strip_a : d.strip_b;
    p.Box(Role::kActive, {left, y - d.active_end, left + d.width, y + d.active_end});
    p.ActiveContacts(Role::kActive, left, left + d.width, y);
    DrawRows(p, d, y, d.column_width);
  }
  for (int row = 0; row < kUnitRows; ++row) DrawDrain(p, d, row);
  for (int line = 0; line < d.lines; ++line) DrawLine(p, d, d.LineCenter(line));
  return cell;
}

Rect TapRect(Painter& p, const CellDimensions& d, int32_t y) {
  const int32_t ends = p.Get("contact.in.tap.ends", p.Get("contact.in.tap"));
  const int32_t sides = p.Get("contact.in.tap"), least = p.Get("active.width");
  // Centered between the strips of the columns beside it.
  const int32_t middle = (d.strip_b + d.width - d.column_width + d.tap_width + d.strip_a) / 2;
  const int32_t grid = p.Get("draw.active_grid");
  const int32_t width = CeilTo(std::max(d.contact + 2 * ends, least), grid);
  const int32_t left = FloorTo(middle - width / 2, grid);
  const int32_t height = std::max(d.contact + 2 * sides, least);
  return {left, y - height / 2, left + width, y - height / 2 + height};
}

Cell DrawTapUnit(const Rules& rules, const CellDimensions& d) {
  Cell cell;
  cell.name = fmt::format("tap_{}", d.lines);
  Painter p(rules, cell);
  for (int32_t y : {0, 2 * d.row_pitch}) {
    DrawRows(p, d, y, d.tap_width);
    p.RailToLine(d.vss_line, y);
    if (!d.taps_in_array) continue;
    const Rect tap = TapRect(p, d, y);
    p.Active(Role::kTap, Role::kPSelect, tap);
    p.ActiveContacts(Role::kTap, tap.x0, tap.x1, y);
  }
  for (int32_t x : {d.vdd_line, d.vss_line}) DrawLine(p, d, x);
  return cell;
}

}  // namespace burin::mask
