// What stands around the array of cells: word-line drivers at its sides, precharge and sense
// inverters on top.
#pragma once

#include <vector>

#include "mask/cell.h"
#include "mask/geometry.h"
#include "mask/painter.h"
#include "mask/rules.h"

namespace burin::mask {

// An inverter for each of two neighbouring word lines. x counts from the edge of the array
// outwards, y from the ground contact of the pair. From the array: contacts of the word lines, n
// devices, p devices, input contacts.
struct DriverDimensions {
  int32_t contact[2] = {0, 0};    // x of the word lines' contacts: lower row, upper row
  int32_t input[2] = {0, 0};      // x of the input contacts
  int32_t inner_end[2] = {0, 0};  // where the word lines end
  int32_t input_start = 0;        // inner ends of the input gates
  int32_t n_left = 0, n_right = 0, p_left = 0, p_right = 0;  // active
  int32_t well_left = 0, well_right = 0;
  int32_t width = 0;
};

// One inverter for each level line; the lines share tiers that lie above each other.
struct SenseDimensions {
  int tiers = 0;            // lines l with l mod tiers = k have theirs in tier k
  int slots = 0;            // inverters a column and tier
  int32_t gate_x = 0;       // contact of the gates, from the left edge of a slot
  int32_t active_left = 0;  // from the left edge of a slot
  int32_t rail_shift = 0;   // from a supply contact outwards to its rail
  int32_t device_gap = 0;   // between the drains' centers of the two devices
  int32_t tier_pitch = 0;
  int precharge_tiers = 0;
  int32_t precharge_pitch = 0;
};

struct PeripheryDimensions {
  DriverDimensions driver;
  SenseDimensions sense;
};
Result<PeripheryDimensions> DerivePeriphery(const Rules& rules, const CellDimensions& d);

// The drivers of a pair of word lines, to be placed at the pairs' ground contacts; grows to
// positive x.
Cell DrawDriver(const Rules& rules, const CellDimensions& d, const DriverDimensions& v,
                bool mirror);

// Where the columns of cells and of taps stand.
struct Columns {
  std::vector<int32_t> cells, taps;  // left edges
  int32_t right = 0;
};

// Precharge and sense of all columns, with level lines up to `top`, drawn into the bank from y =
// `bottom`. Returns top.
int32_t DrawSense(const Rules& rules, const CellDimensions& d, const SenseDimensions& s,
                  const Columns& columns, int32_t bottom, Cell& bank);

}  // namespace burin::mask
