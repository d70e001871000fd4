#include "mask/patterns.h"

#include <algorithm>

#include "base/philox.h"
#include "mask/cell.h"

namespace burin::mask {

// code = x(col) + y(track). From column c to c + 1, x grows by c + 1; from track t to t + 1, y
// grows by t + t / lines. Modulo a power of two the sums 0, 1, 3, 6, ... take all values once in a
// period, so in every column step all codes occur, and with every step all differences. The term t
// / lines shifts the steps against the period of four tracks, so that each difference meets each
// kind of track within 4 * lines tracks.
int AllPairsCode(int row, int col, int lines) {
  const int64_t track =
      std::max(TrackOfRow(row) - 1, 0);  // the lowest two have no neighbours on both sides
  const int64_t periods = track / lines;
  const int64_t y = track * (track - 1) / 2 + lines * (periods * (periods - 1) / 2) +
                    periods * (track - periods * lines);
  const int64_t x = int64_t{col} * (col + 1) / 2;
  return static_cast<int>((x + y) % lines);
}

int AllPairsRows(int lines) { return 4 * lines + 2 * kUnitRows; }

int RandomCode(uint64_t seed, int row, int col, int lines) {
  const auto word = Philox(seed, static_cast<uint64_t>(row), static_cast<uint64_t>(col))[0];
  return static_cast<int>(uint64_t{word} * static_cast<uint64_t>(lines) >> 32);
}

}  // namespace burin::mask
