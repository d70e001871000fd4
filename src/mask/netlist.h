// The circuit that a bank is meant to be, as SPICE: written from shape and codes, never from the
// layout, so that an extraction of the layout has something to be compared with (LVS).
#pragma once

#include <functional>
#include <string>

#include "base/result.h"
#include "mask/bank.h"
#include "mask/rules.h"

namespace burin::mask {

// One subcircuit BANK. Nets: IN[row] drives WL[row]; cell (row, col) joins LINE[col][code] to VSS;
// PRE[tier]; SELECT[col][line]. Widths and lengths in micrometres; models NMOS and PMOS. Constants
// are wires, not devices, and left out.
Result<std::string> ToSpice(const Rules& rules, const Bank& bank,
                            const std::function<int(int row, int col)>& code);

}  // namespace burin::mask
