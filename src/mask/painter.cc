#include "mask/painter.h"

#include <algorithm>

#include "base/check.h"

namespace burin::mask {

Rect Hull(const Rect& a, const Rect& b) {
  return {std::min(a.x0, b.x0), std::min(a.y0, b.y0), std::max(a.x1, b.x1), std::max(a.y1, b.y1)};
}
int32_t FloorTo(int32_t value, int32_t grid) {
  const int32_t rest = value % grid;
  return value - (rest < 0 ? rest + grid : rest);
}
int32_t CeilTo(int32_t value, int32_t grid) { return -FloorTo(-value, grid); }

int32_t Painter::Get(std::string_view key) {
  const int32_t value = rule_(key);
  BURIN_CHECK(rule_.status());
  return value;
}

Rect Painter::Place(const Rect& rect) const {
  const Rect turned = mirror_ ? Rect{-rect.x1, rect.y0, -rect.x0, rect.y1} : rect;
  return turned.Moved(offset_);
}

void Painter::Box(Role role, const Rect& rect) {
  const auto layer = rules_.layer(role);
  if (!layer) return;  // an optional role that this process lacks
  BURIN_CHECK(rect.x0 < rect.x1 && rect.y0 < rect.y1);
  cell_.shapes.push_back({*layer, Place(rect)});
}

void Painter::Text(Role role, Point at, std::string text) {
  const Rect place = Place({at.x, at.y, at.x, at.y});
  cell_.labels.push_back(
      {rules_.layer(role).value_or(Layer{}), {place.x0, place.y0}, std::move(text)});
}

Rect Painter::ActiveContacts(Role surface, int32_t x0, int32_t x1, int32_t y) {
  const std::string in = surface == Role::kTap ? "contact.in.tap" : "contact.in.active";
  const int32_t sides = Get("contact.in.local"), ends = Get("contact.in.local.ends", sides);
  if (const int32_t length = Get("contact.width", 0);
      length > 0) {  // a bar as long as active is wide
    const Rect bar{x0, y - length / 2, x1, y - length / 2 + length};
    Box(Role::kContact, bar);
    const Rect local = bar.Grown(ends, sides);
    Box(Role::kLocal, local);
    return local;
  }
  const int32_t size = Get("contact.size"), step = size + Get("contact.space");
  const int32_t margin = Get(in + ".ends", Get(in));
  const int32_t count = (x1 - x0 - 2 * margin - size) / step + 1;
  BURIN_CHECK(x1 - x0 >= 2 * margin + size);
  const int32_t first = FloorTo((x0 + x1 - (count - 1) * step - size) / 2, rules_.grid());
  for (int32_t i = 0; i < count; ++i) {
    const int32_t left = first + i * step;
    Box(Role::kContact, {left, y - size / 2, left + size, y - size / 2 + size});
  }
  const Rect all{first, y - size / 2, first + (count - 1) * step + size, y - size / 2 + size};
  Box(Role::kLocal, all.Grown(ends, sides));
  return all.Grown(ends, sides);
}

Rect Painter::GateContact(int32_t x, int32_t y) {
  const int32_t size = Get("gate_contact.size"), sides = Get("gate_contact.in.gate");
  const Rect cut = Rect::Centered(x, y, size, size);
  Box(Role::kGateContact, cut);
  Box(Role::kGate, cut.Grown(Get("gate_contact.in.gate.ends", sides), sides));
  if (rules_.layer(Role::kGateCut)) {
    const int32_t opening = Get("gate_contact.in.gate_cut");
    Box(Role::kGateCut, cut.Grown(opening, opening));
  }
  const int32_t in_local = Get("gate_contact.in.local");
  const Rect local = cut.Grown(Get("gate_contact.in.local.ends", in_local), in_local);
  Box(Role::kLocal, local);
  return local;
}

Rect Painter::StrapPadRect(int32_t x, int32_t y) {
  const int32_t below = Get("via0.in.strap"), above = Get("weight_via.in.strap");
  const int32_t via0 = Get("via0.size"), via = Get("weight_via.size");
  const int32_t width = std::max(via0 + 2 * Get("via0.in.strap.ends", below),
                                 via + 2 * Get("weight_via.in.strap.ends", above));
  const int32_t height = std::max({via0 + 2 * below, via + 2 * above, Get("strap.width")});
  const int32_t area = Get("strap.area");
  const int32_t whole = std::max(width, CeilTo((area + height - 1) / height, 2 * rules_.grid()));
  return Rect::Centered(x, y, whole, height);
}

void Painter::StrapPad(int32_t x, int32_t y) { Box(Role::kStrap, StrapPadRect(x, y)); }

void Painter::LocalToStrap(Rect local, int32_t x, int32_t y) {
  const int32_t size = Get("via0.size"), in = Get("via0.in.local");
  const Rect via = Rect::Centered(x, y, size, size);
  Box(Role::kVia0, via);
  Box(Role::kLocal, Hull(local, via.Grown(in, in)));
}

void Painter::StrapToLine(int32_t x, int32_t y) {
  Box(Role::kWeightVia, Rect::Centered(x, y, Get("weight_via.size"), Get("weight_via.size")));
}

void Painter::RailToLine(int32_t x, int32_t y) {
  LocalToStrap(Rect::Centered(x, y, Get("local.width"), Get("local.width")), x, y);
  StrapPad(x, y);
  StrapToLine(x, y);
}

void Painter::Active(Role surface, Role select, const Rect& rect) {
  Box(surface, rect);
  const std::string carrier = select == Role::kNSelect ? "n_" : "p_";
  const std::string of = surface == Role::kTap ? "tap" : "active";
  const int32_t around = Get(carrier + of + ".in." + carrier + "select");
  Box(select, rect.Grown(around, around));
}

}  // namespace burin::mask
