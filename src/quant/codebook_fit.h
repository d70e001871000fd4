// The integer codebook of least error for weights whose group scales are given
// (docs/quantization.md, "Codebooks").
#pragma once

#include <array>
#include <cstdint>
#include <vector>

namespace burin {

// Moments of weights in units of their group scale, in bins of 1/16 level over [-128, 128).
class LevelHistogram {
 public:
  LevelHistogram();
  // Adds weight / scale = x with importance h >= 0; x beyond the range counts in the outer bins.
  void Add(float x, float h);

 private:
  friend class CodebookSearch;
  struct Bin {
    double h = 0, hx = 0, hxx = 0;
  };
  std::vector<Bin> bins_;
};

// The 2^bits (8 or 16) rising integers of [-31, 31] (3 bits) or [-63, 63] (4 bits), and the
// multiplier of the weights among a few near 1, of least weighted squared error in the weights'
// unit: for each multiplier the exact optimum, by dynamic programming over the levels (each weight
// goes to its nearest level; Wu 1991, "Optimal quantization by matrix searching", gives the
// principle). Unused entries are 0.
std::array<int8_t, 16> FitCodebook(const LevelHistogram& histogram, int bits);

}  // namespace burin
