#include <algorithm>

#include "mask/periphery.h"

namespace burin::mask {
namespace {

// Half of what a gate contact with its pads takes along x, and the least distance of two such.
struct ContactRoom {
  int32_t half = 0, step = 0;
};

ContactRoom RoomOfGateContact(RuleReader& rule) {
  const int32_t size = rule("gate_contact.size");
  const int32_t gate =
      size + 2 * rule.Or("gate_contact.in.gate.ends", rule("gate_contact.in.gate"));
  const int32_t local =
      size + 2 * rule.Or("gate_contact.in.local.ends", rule("gate_contact.in.local"));
  const int32_t strap =
      rule("via0.size") + 2 * rule.Or("via0.in.strap.ends", rule("via0.in.strap"));
  ContactRoom room{std::max({gate, local, strap}) / 2,
                   std::max({gate + rule("gate.space"), local + rule("local.space"),
                             strap + rule("draw.strap_tip")})};
  if (const int32_t opening = rule.Or("gate_contact.in.gate_cut", -1); opening >= 0) {
    room.step = std::max(room.step, size + 2 * opening + rule("gate_cut.space"));
  }
  return room;
}

DriverDimensions DeriveDriver(RuleReader& rule) {
  DriverDimensions v;
  const int32_t grid = std::max(rule("draw.active_grid"), 1);
  const ContactRoom room = RoomOfGateContact(rule);
  // Straps of the array end at half a tip's distance inside it, word lines go on.
  v.contact[0] =
      CeilTo(room.half + std::max(rule("draw.strap_tip"), rule("local.space")), 2 * grid);
  v.contact[1] = v.contact[0] + CeilTo(room.step, grid);
  const int32_t size = rule("gate_contact.size");
  const int32_t gate_half =
      size / 2 + rule.Or("gate_contact.in.gate.ends", rule("gate_contact.in.gate"));
  for (int row : {0, 1}) v.inner_end[row] = v.contact[row] + gate_half;
  v.input_start = v.inner_end[1] + rule("gate.space");
  const int32_t to_active = rule("gate_contact.to.active") + size / 2;
  v.n_left =
      CeilTo(std::max(v.input_start + rule("gate.past.active"), v.contact[1] + to_active), grid);
  v.n_right = v.n_left + CeilTo(rule("draw.driver_n_width"), grid);
  v.well_left = v.n_right + rule("n_active.to.nwell");
  v.p_left = CeilTo(v.well_left + rule("p_active.in.nwell"), grid);
  // Selects of one kind, of devices here and of taps there, keep their distance.
  const int32_t selects = std::max(rule("n_active.in.n_select"), rule("p_tap.in.p_select")) +
                          std::max(rule("p_active.in.p_select"), rule("n_tap.in.n_select"));
  const int32_t apart = std::max(rule.Or("n_select.space", 0), rule.Or("p_select.space", 0));
  v.p_left = std::max(v.p_left, CeilTo(v.n_right + selects + apart, grid));
  v.p_right = v.p_left + CeilTo(rule("draw.driver_p_width"), grid);
  v.well_right = std::max(v.p_right + rule("p_active.in.nwell"), v.well_left + rule("nwell.width"));
  const int32_t to_select =
      rule("p_active.in.p_select") + rule.Or("gate_contact.to.p_select", 0) + size / 2;
  v.input[0] = CeilTo(v.p_right + std::max(to_active, to_select), grid);
  const int32_t overhang = rule.Or("contact.in.local.ends", rule("contact.in.local"));
  v.input[0] =
      std::max(v.input[0], CeilTo(v.p_right + overhang + rule("local.space") + room.half, grid));
  v.input[1] = v.input[0] + CeilTo(room.step, grid);
  v.width = v.input[1] + room.half;
  return v;
}

void DrawDevices(Painter& p, const CellDimensions& d, const DriverDimensions& v, bool is_p) {
  const int32_t x0 = is_p ? v.p_left : v.n_left, x1 = is_p ? v.p_right : v.n_right;
  p.Active(Role::kActive, is_p ? Role::kPSelect : Role::kNSelect,
           {x0, -d.active_end, x1, d.active_end});
  for (int32_t side : {-1, 1}) {
    const Rect pad = p.ActiveContacts(Role::kActive, x0, x1, side * d.drain_offset);
    p.LocalToStrap(pad, (x0 + x1) / 2, side * d.row_pitch);
  }
  const Rect rail = p.ActiveContacts(Role::kActive, x0, x1, 0);
  p.RailToLine((x0 + x1) / 2, (rail.y0 + rail.y1) / 2);
  if (!d.taps_in_array) return;
  const int32_t y = 2 * d.row_pitch;
  const int32_t height = d.contact + 2 * p.Get("contact.in.tap");
  p.Active(Role::kTap, is_p ? Role::kNSelect : Role::kPSelect,
           {x0, y - height / 2, x1, y - height / 2 + height});
  p.ActiveContacts(Role::kTap, x0, x1, y);
  p.RailToLine((x0 + x1) / 2, y);
}

}  // namespace

Result<PeripheryDimensions> DeriveSense(const Rules& rules, const CellDimensions& d);

Result<PeripheryDimensions> DerivePeriphery(const Rules& rules, const CellDimensions& d) {
  BURIN_ASSIGN(PeripheryDimensions all, DeriveSense(rules, d));
  RuleReader rule(rules);
  all.driver = DeriveDriver(rule);
  BURIN_TRY(rule.status());
  return all;
}

Cell DrawDriver(const Rules& rules, const CellDimensions& d, const DriverDimensions& v,
                bool mirror) {
  Cell cell;
  cell.name = fmt::format("driver_{}_{}", mirror ? "left" : "right", d.lines);
  Painter p(rules, cell);
  p.SetTransform({}, mirror);
  const int32_t half = d.strap_height / 2, gate_half = d.gate_length / 2;
  const int32_t end = p.Get("via0.size") / 2 + p.Get("via0.in.strap.ends", p.Get("via0.in.strap"));
  const int32_t jog = d.jog_right - d.jog_left;
  for (int row : {0, 1}) {
    const int32_t side = row == 0 ? -1 : 1, gate = side * d.gate_offset, track = side * d.row_pitch;
    p.Box(Role::kGate, {0, gate - gate_half, v.inner_end[row], gate - gate_half + d.gate_length});
    p.LocalToStrap(p.GateContact(v.contact[row], gate), v.contact[row], gate);
    const int32_t left = v.contact[row] - jog / 2;
    const int32_t far =
        gate - side * end;  // the side of the contact that looks at the ground contact
    p.Box(Role::kStrap, {left, std::min(far, track), left + jog, std::max(far, track)});
    const int32_t strap_end = (v.p_left + v.p_right) / 2 + end;
    p.Box(Role::kStrap, {left, track - half, strap_end, track - half + d.strap_height});
    p.Box(Role::kGate, {v.input_start, gate - gate_half, v.input[row] + gate_half,
                        gate - gate_half + d.gate_length});
    p.LocalToStrap(p.GateContact(v.input[row], gate), v.input[row], gate);
    p.StrapPad(v.input[row], gate);
  }
  DrawDevices(p, d, v, false);
  DrawDevices(p, d, v, true);
  return cell;
}

}  // namespace burin::mask
