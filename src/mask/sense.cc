#include <algorithm>
#include <utility>

#include "mask/periphery.h"

namespace burin::mask {
namespace {

// y of one device that a gate along x makes: its supply's rail, supply contact, gate, drain
// contact.
struct Device {
  int32_t rail = 0, supply = 0, gate = 0, drain = 0;
  bool is_p = false;
};

// The two devices of tier `k`, whose lowest contact stands at y. p and n change places from tier to
// tier so that wells of neighbours join.
std::pair<Device, Device> DevicesOfTier(const CellDimensions& d, const SenseDimensions& s, int k,
                                        int32_t y) {
  const int32_t contacts = d.drain_offset;
  const Device low{y - s.rail_shift, y, y + d.gate_offset, y + contacts, k % 2 == 0};
  const int32_t drain = y + contacts + s.device_gap, supply = drain + contacts;
  const Device high{supply + s.rail_shift, supply, supply - d.gate_offset, drain, k % 2 != 0};
  return {low, high};
}

int32_t ActiveMargin(const CellDimensions& d) { return d.active_end - d.drain_offset; }

// Active of a device with its select, from x0 to x1.
void DrawActive(Painter& p, const CellDimensions& d, const Device& device, int32_t x0, int32_t x1) {
  const int32_t low = std::min(device.supply, device.drain) - ActiveMargin(d);
  const int32_t high = std::max(device.supply, device.drain) + ActiveMargin(d);
  p.Active(Role::kActive, device.is_p ? Role::kPSelect : Role::kNSelect, {x0, low, x1, high});
}

struct Supply {
  int32_t y;
  bool is_vdd;
};

// Rail of local metal over everything, tied to its supply line in each column of taps, with a tap
// there.
void DrawRail(Painter& p, const CellDimensions& d, const Columns& columns, const Supply& supply,
              bool with_taps) {
  p.Box(Role::kLocal, {0, supply.y - d.rail_height / 2, columns.right,
                       supply.y - d.rail_height / 2 + d.rail_height});
  for (const int32_t left : columns.taps) {
    p.RailToLine(left + (supply.is_vdd ? d.vdd_line : d.vss_line), supply.y);
    if (!with_taps) continue;
    const Rect tap = TapRect(p, d, supply.y);
    const Rect moved = tap.Moved({left, 0});
    p.Active(Role::kTap, supply.is_vdd ? Role::kNSelect : Role::kPSelect, moved);
    p.ActiveContacts(Role::kTap, moved.x0, moved.x1, supply.y);
  }
}

void DrawLinePiece(Painter& p, const CellDimensions& d, int32_t x, int32_t y0, int32_t y1) {
  p.Box(Role::kLine, {x - d.line_width / 2, y0, x - d.line_width / 2 + d.line_width, y1});
}

// Wells around the p devices, joined where they come near each other.
void DrawWells(Painter& p, const CellDimensions& d, const std::vector<Device>& devices,
               const Columns& columns) {
  const int32_t around = std::max(p.Get("p_active.in.nwell"), p.Get("n_tap.in.nwell")),
                space = p.Get("nwell.space");
  const Rect tap = TapRect(p, d, 0);
  const int32_t beyond = std::max(ActiveMargin(d), tap.y1);
  std::vector<std::pair<int32_t, int32_t>> spans;
  for (const Device& device : devices) {
    if (!device.is_p) continue;
    spans.emplace_back(std::min(device.rail, device.drain) - beyond - around,
                       std::max(device.rail, device.drain) + beyond + around);
  }
  std::sort(spans.begin(), spans.end());
  for (size_t i = 0; i < spans.size();) {
    auto [low, high] = spans[i];
    for (++i; i < spans.size() && spans[i].first < high + space; ++i)
      high = std::max(high, spans[i].second);
    p.Box(Role::kNwell, {-around, low, columns.right + around, high});
  }
}

struct TierPlace {
  int tier;
  int32_t y;
};

// One transistor a line between supply and the line, gates in common.
void DrawPrecharge(Painter& p, const CellDimensions& d, const SenseDimensions& s,
                   const Columns& columns, const TierPlace& place, const Device& device) {
  const int32_t grid = p.Get("draw.active_grid"),
                width = CeilTo(p.Get("draw.precharge_width"), grid);
  const int32_t past = p.Get("gate.past.active"), half = d.gate_length / 2;
  const int32_t gate_right = columns.right + past,
                contact_x = -2 * p.Get("draw.strap_tip") - s.gate_x;
  p.Box(Role::kGate,
        {contact_x, device.gate - half, gate_right, device.gate - half + d.gate_length});
  p.LocalToStrap(p.GateContact(contact_x, device.gate), contact_x, device.gate);
  p.StrapPad(contact_x, device.gate);
  p.Text(Role::kStrap, {contact_x, device.gate}, fmt::format("PRE[{}]", place.tier));
  // One select over the devices of each group of columns.
  const int32_t around = p.Get("p_active.in.p_select") + width / 2 + grid;
  for (size_t i = 0; i + 1 < columns.taps.size(); ++i) {
    p.Box(Role::kPSelect,
          {columns.taps[i] + d.tap_width + d.LineCenter(0) - around,
           device.drain - ActiveMargin(d) - p.Get("p_active.in.p_select"),
           columns.taps[i + 1] - d.column_width + d.LineCenter(d.lines - 1) + around,
           device.supply + ActiveMargin(d) + p.Get("p_active.in.p_select")});
  }
  for (const int32_t left : columns.cells) {
    for (int line = place.tier; line < d.lines; line += s.precharge_tiers) {
      const int32_t x = left + d.LineCenter(line), x0 = FloorTo(x - width / 2 + grid / 2, grid);
      DrawActive(p, d, device, x0, x0 + width);
      p.ActiveContacts(Role::kActive, x0, x0 + width, device.supply);
      p.LocalToStrap(p.ActiveContacts(Role::kActive, x0, x0 + width, device.drain), x,
                     device.drain);
      p.StrapPad(x, device.drain);
      p.StrapToLine(x, device.drain);
    }
  }
}

// One inverter: input from the line below, output on the same track above.
void DrawInverter(Painter& p, const CellDimensions& d, const SenseDimensions& s, const Device& low,
                  const Device& high, int32_t slot, int32_t line_x) {
  const int32_t width = CeilTo(p.Get("draw.sense_width"), p.Get("draw.active_grid"));
  const int32_t x0 = slot + s.active_left, x1 = x0 + width, gate_x = slot + s.gate_x;
  const int32_t past = p.Get("gate.past.active"), half = d.gate_length / 2;
  Rect gates{gate_x, low.gate, gate_x, low.gate}, drains{x0, low.drain, x0, low.drain};
  for (const Device& device : {low, high}) {
    DrawActive(p, d, device, x0, x1);
    const Rect supply = p.ActiveContacts(Role::kActive, x0, x1, device.supply);
    p.Box(Role::kLocal, Hull(supply, {supply.x0, device.rail, supply.x1, device.rail}));
    const Rect drain = p.ActiveContacts(Role::kActive, x0, x1, device.drain);
    drains = device.is_p == low.is_p ? drain : Hull(drains, drain);
    p.Box(Role::kGate, {gate_x, device.gate - half, x1 + past, device.gate - half + d.gate_length});
    p.GateContact(gate_x, device.gate);
    gates = Hull(gates, {gate_x, device.gate, gate_x, device.gate});
  }
  const int32_t bar = std::max(p.Get("local.width"), p.Get("gate_contact.size")) / 2;
  p.Box(Role::kLocal, {gate_x - bar, gates.y0, gate_x + bar, gates.y1});
  p.Box(Role::kLocal, drains);
  // Straps: line -> gates at the lower gate, drains -> line at the upper drain.
  const int32_t out_x = (x0 + x1) / 2;
  const std::pair<int32_t, int32_t> wires[] = {{gate_x, low.gate}, {out_x, high.drain}};
  for (const auto& [x, y] : wires) {
    p.LocalToStrap({x - bar, y - bar, x + bar, y + bar}, x, y);
    p.Box(Role::kStrap, Hull(p.StrapPadRect(x, y), p.StrapPadRect(line_x, y)));
    p.StrapToLine(line_x, y);
  }
}

int32_t EndOfLine(Painter& p) {
  return p.Get("weight_via.size") / 2 +
         p.Get("weight_via.in.line.ends", p.Get("weight_via.in.line"));
}

void DrawTier(Painter& p, const CellDimensions& d, const SenseDimensions& s, const Columns& columns,
              const TierPlace& place, int32_t bottom, int32_t top) {
  const auto [low, high] = DevicesOfTier(d, s, place.tier, place.y);
  const int32_t end = EndOfLine(p), slot_width = d.column_width / s.slots;
  for (const int32_t left : columns.cells) {
    for (int line = place.tier, slot = 0; line < d.lines; line += s.tiers, ++slot) {
      const int32_t x = left + d.LineCenter(line);
      const int32_t slot_x = FloorTo(left + slot * slot_width, p.Get("draw.active_grid"));
      DrawInverter(p, d, s, low, high, slot_x, x);
      DrawLinePiece(p, d, x, bottom, low.gate + end);
      DrawLinePiece(p, d, x, high.drain - end, top);
    }
  }
  DrawRail(p, d, columns, {low.rail, low.is_p}, true);
  DrawRail(p, d, columns, {high.rail, high.is_p}, true);
}

}  // namespace

Result<PeripheryDimensions> DeriveSense(const Rules& rules, const CellDimensions& d);
Result<PeripheryDimensions> DeriveSense(const Rules& rules, const CellDimensions& d) {
  RuleReader rule(rules);
  SenseDimensions s;
  const int32_t grid = std::max(rule("draw.active_grid"), 1),
                gate_grid = std::max(rule("draw.gate_grid"), 1);
  const int32_t margin =
      d.active_end - d.drain_offset;  // active behind the center of its last contact
  const int32_t size = rule("gate_contact.size");
  Cell scratch;
  Painter painter(rules, scratch);
  const int32_t pad = painter.StrapPadRect(0, 0).width();
  const Rect tap = TapRect(painter, d, 0);
  const int32_t select = d.select_margin,
                select_space = std::max(rule.Or("n_select.space", 0), rule.Or("p_select.space", 0));
  // Straps of neighbouring slots keep apart, and the first contact from the select of the tap
  // beside it.
  s.gate_x = CeilTo(
      std::max(pad / 2 + (rule("draw.strap_tip") + 1) / 2,
               tap.x1 - d.tap_width + select + rule.Or("gate_contact.to.p_select", 0) + size / 2),
      rules.grid());
  const int32_t to_active =
      size / 2 + std::max(rule("gate_contact.to.active"),
                          rule("p_active.in.p_select") + rule.Or("gate_contact.to.p_select", 0));
  s.active_left = CeilTo(s.gate_x + to_active, grid);
  const int32_t width = CeilTo(rule("draw.sense_width"), grid);
  // From a slot to the next: gates, and selects and the next contact beside them.
  const int32_t by_gate =
      s.active_left + width + rule("gate.past.active") + rule("gate.space") + size / 2 +
      rule.Or("gate_contact.in.gate.ends", rule("gate_contact.in.gate")) - s.gate_x;
  const int32_t by_select = s.active_left + width + rule("p_active.in.p_select") +
                            rule.Or("gate_contact.to.p_select", 0) + size / 2 - s.gate_x;
  const int32_t by_active = width + rule("active.space");
  const int32_t need = std::max({by_gate, by_select, by_active});
  for (s.tiers = 1; s.tiers < d.lines; s.tiers *= 2) {
    s.slots = (d.lines + s.tiers - 1) / s.tiers;
    if (FloorTo(d.column_width / s.slots, grid) >= need) break;
  }
  s.slots = (d.lines + s.tiers - 1) / s.tiers;
  const int32_t across = 2 * margin + rule("n_active.to.nwell") + rule("p_active.in.nwell");
  s.device_gap = CeilTo(across + 2 * (d.drain_offset - d.gate_offset), gate_grid) -
                 2 * (d.drain_offset - d.gate_offset);
  // The gates' contacts keep their distance from the rails.
  const int32_t gate_local = size + 2 * rule("gate_contact.in.local");
  s.rail_shift = std::max(
      0,
      CeilTo(rule("local.space") + (d.rail_height + gate_local) / 2 - d.gate_offset, rules.grid()));
  const int32_t by_devices = 2 * margin + std::max(rule("active.space"), 2 * select + select_space);
  const int32_t by_rails = 2 * s.rail_shift + d.rail_height + rule("local.space");
  const int32_t by_taps =
      2 * s.rail_shift + tap.height() + std::max(rule("active.space"), 2 * select + select_space);
  s.tier_pitch = CeilTo(
      2 * d.drain_offset + s.device_gap + std::max({by_devices, by_rails, by_taps}), gate_grid);
  const int32_t precharge = CeilTo(rule("draw.precharge_width"), grid);
  const int32_t line_pads = pad + rule("draw.strap_tip");
  const int32_t least = std::max(precharge + rule("active.space") + grid - 1, line_pads);
  s.precharge_tiers = (least + d.line_pitch - 1) / d.line_pitch;
  s.precharge_pitch = CeilTo(d.drain_offset + by_devices, gate_grid);
  BURIN_TRY(rule.status());
  if (need > d.column_width) {
    return BadInput(rules.path() + ": rules.\"draw.sense_width\"", fmt::format("{} nm", width),
                    fmt::format("an inverter narrower than a column of {} nm", d.column_width));
  }
  PeripheryDimensions all;
  all.sense = s;
  return all;
}

int32_t DrawSense(const Rules& rules, const CellDimensions& d, const SenseDimensions& s,
                  const Columns& columns, int32_t bottom, Cell& bank) {
  Painter p(rules, bank);
  std::vector<Device> devices;
  const int32_t grid = p.Get("draw.gate_grid");
  int32_t y = CeilTo(bottom + 4 * d.row_pitch, grid);
  for (int k = 0; k < s.precharge_tiers; ++k, y += s.precharge_pitch) {
    const int32_t supply = y + d.drain_offset;
    const Device device{supply, supply, supply - d.gate_offset, y, true};
    devices.push_back(device);
    DrawPrecharge(p, d, s, columns, {k, y}, device);
    DrawRail(p, d, columns, {device.supply, true}, false);  // the well's taps are in the first tier
  }
  y = CeilTo(y + s.rail_shift + d.row_pitch, grid);
  const int32_t top = y + s.tiers * s.tier_pitch + d.row_pitch;
  for (int k = 0; k < s.tiers; ++k, y += s.tier_pitch) {
    DrawTier(p, d, s, columns, {k, y}, bottom, top);
    const auto [low, high] = DevicesOfTier(d, s, k, y);
    devices.push_back(low);
    devices.push_back(high);
  }
  for (const int32_t left : columns.taps) {
    for (const int32_t x : {d.vdd_line, d.vss_line}) DrawLinePiece(p, d, left + x, bottom, top);
  }
  DrawWells(p, d, devices, columns);
  return top;
}

}  // namespace burin::mask
