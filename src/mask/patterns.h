// Codes for a bank that no model filled: patterns for checks of the layout.
#pragma once

#include <cstdint>

namespace burin::mask {

// A pattern in which every code stands beside every code in x, and on neighbouring tracks (cell.h)
// in y, the latter for each of the four kinds of neighbours that a unit has. Needs
// AllPairsRows(lines) rows and lines + 1 columns.
int AllPairsCode(int row, int col, int lines);
int AllPairsRows(int lines);

// Any of the codes, the same for the same seed.
int RandomCode(uint64_t seed, int row, int col, int lines);

}  // namespace burin::mask
