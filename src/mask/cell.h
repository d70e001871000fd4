// The ROM cell: one transistor a weight, whose drain a via joins to one of the level lines of its
// column.
//
// Four rows make a unit, the smallest piece that repeats. Rows come in pairs that share a ground
// contact; the pairs (0, 1) stand on strip A of active, the pairs (2, 3) on strip B beside it, so
// that a drain of one strip lies where the other strip has none and word lines pass at the smallest
// distance that a contact allows:
//
//      y / pitch      strip A     strip B      strap of row, on its track
//        4                                     3  (from 3 up)
//        3            (D 4)       D 3          4  = row 0 of the next unit
//        2                        S            2  (from 1 up)
//        1            D 1         D 2          1
//        0            S                        3  of the unit below
//       -1            D 0         (D -1)       0
//
// Each drain has a strap that runs below all lines of the column: strip A's on the track of the
// drain, strip B's one track higher, reached by a jog at the column's right end. So every row has a
// track of its own, every line crosses every strap, and each crossing is a legal place for a via
// whatever its neighbours are.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "mask/geometry.h"
#include "mask/rules.h"

namespace burin::mask {

inline constexpr int kUnitRows = 4;
inline constexpr int kMinLines = 2, kMaxLines = 64;

// The track of a row's strap: y in units of the row pitch.
int32_t TrackOfRow(int row);

// The drawn sizes of a cell, in nanometres, derived from rules; x of a column counts from its left
// edge, y of a unit from the ground contact of strip A.
struct CellDimensions {
  int lines = 0;
  // Along the level lines.
  int32_t row_pitch = 0;     // rows are this far apart on average, tracks exactly
  int32_t gate_length = 0;   //
  int32_t gate_offset = 0;   // from a ground contact's center to a gate's center
  int32_t drain_offset = 0;  // to a drain contact's center
  int32_t active_end = 0;    // to the end of active
  int32_t contact = 0;       // length of a contact on active along y
  int32_t rail_height = 0;   // ground rails
  int32_t line_bottom = 0;   // where a unit's pieces of lines begin: half way between two tracks
  // Along the word lines.
  int32_t column_width = 0;
  int32_t line_width = 0, line_pitch = 0;
  int32_t first_line = 0;                               // center of line 0
  int32_t strap_height = 0;                             //
  int32_t strap_pad_height = 0;                         // at the outermost vias; 0: no pads
  int32_t strap_left = 0;                               // left end of all straps
  int32_t strap_right = 0;                              // right end of strip A's straps
  int32_t jog_left = 0, jog_right = 0, jog_center = 0;  // strip B's
  int32_t width = 0;                                    // of the transistor
  int32_t strip_a = 0, strip_b = 0;                     // left edges of the strips
  // Columns of taps and supply lines between groups of columns.
  int32_t tap_width = 0;
  int32_t vdd_line = 0, vss_line = 0;  // centers, from the tap column's left edge
  int columns_per_tap = 0;
  bool taps_in_array = false;
  // Center of the ground line between a column and the next, from the column's left edge; 0: no
  // room. It keeps lines of two columns, which fall together, from pulling at one.
  int32_t shield_line = 0;
  int32_t select_margin = 0;  // n or p select around active
  int32_t weight_via = 0;     // side of the via

  int32_t LineCenter(int line) const { return first_line + line * line_pitch; }
  // Center of a row's strap above the ground contact of unit 0.
  int32_t StrapCenter(int row) const;
  int32_t GateCenter(int row) const;
  // From the edge of a column's first or last line to the supply line beside it, at most.
  int32_t EdgeGap() const;
  double CellArea() const;  // um2, taps and edges not counted
};

// Errors: a rule that the drawing needs is missing (names file and key); lines that are no power of
// two in kMinLines .. kMaxLines.
Result<CellDimensions> DeriveCell(const Rules& rules, int lines);

// Base shapes of one column of four rows; y from
// line_bottom upwards four pitches of lines; what else there is reaches beyond.
// Status of the rules is that of DeriveCell.
Cell DrawUnit(const Rules& rules, const CellDimensions& d);
// The same height of a column of taps and supply lines.
Cell DrawTapUnit(const Rules& rules, const CellDimensions& d);

class Painter;
// Active of a tap in a tap column at height y.
Rect TapRect(Painter& painter, const CellDimensions& d, int32_t y);

}  // namespace burin::mask
