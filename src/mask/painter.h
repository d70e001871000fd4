// Draws into a cell by role: boxes, and the stacks of contacts and vias that periphery and cell
// share.
#pragma once

#include <string>

#include "mask/geometry.h"
#include "mask/rules.h"

namespace burin::mask {

class Painter {
 public:
  Painter(const Rules& rules, Cell& cell) : rules_(rules), rule_(rules), cell_(cell) {}

  // All further shapes are moved, and mirrored at x = 0 before that.
  void SetTransform(Point offset, bool mirror_x = false) { offset_ = offset, mirror_ = mirror_x; }

  void Box(Role role, const Rect& rect);
  void Text(Role role, Point at, std::string text);
  // A rule of the process; DeriveCell and DerivePeriphery have seen to it that it is there.
  int32_t Get(std::string_view key);
  int32_t Get(std::string_view key, int32_t otherwise) { return rule_.Or(key, otherwise); }

  // Contacts on active (`surface` kActive or kTap) centered at y, as many as fit between x0 and x1.
  // Returns what they cover together with the local metal that they need.
  Rect ActiveContacts(Role surface, int32_t x0, int32_t x1, int32_t y);
  // A contact on a gate that runs along x, with the pads of gate and local metal. Returns the local
  // pad.
  Rect GateContact(int32_t x, int32_t y);
  // Via from local metal to the strap layer with its pads; `local` is drawn around it together with
  // the via's need.
  void LocalToStrap(Rect local, int32_t x, int32_t y);
  // Pad of strap metal at (x, y) wide enough for vias below and above; grown along x to the
  // smallest legal area.
  void StrapPad(int32_t x, int32_t y);
  Rect StrapPadRect(int32_t x, int32_t y);
  // Via from the strap layer to the line layer.
  void StrapToLine(int32_t x, int32_t y);
  // From a rail of local metal through all layers to a supply line above.
  void RailToLine(int32_t x, int32_t y);
  // Box of active or tap with its select around it.
  void Active(Role surface, Role select, const Rect& rect);

 private:
  Rect Place(const Rect& rect) const;

  const Rules& rules_;
  RuleReader rule_;
  Cell& cell_;
  Point offset_;
  bool mirror_ = false;
};

// The part of `a` and `b` and what lies between them.
Rect Hull(const Rect& a, const Rect& b);
int32_t CeilTo(int32_t value, int32_t grid);
int32_t FloorTo(int32_t value, int32_t grid);

}  // namespace burin::mask
