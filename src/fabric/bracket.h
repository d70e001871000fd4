// A constant of the outside world: a bracket with its origin.
#pragma once

#include <string>

namespace burin {

// low <= nominal <= high.
struct Bracket {
  double low = 0, nominal = 0, high = 0;
  std::string unit;    // "Hz", "mm2", ...: SI or the field's own
  std::string source;  // a paper, a page, "design choice"
  std::string grade;   // V vendor, M measured, S silicon, P simulation, E estimate, I arithmetic,
                       // R recalled, D design choice
};

}  // namespace burin
