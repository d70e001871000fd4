// The inner loop of the nearest quantizer: the best scale byte and the codes of one group of 16
// columns (docs/quantization.md, "Scales").
//
// Weights come in units of 2^(T - 15), so that a scale byte s stands for the integer (16 + s % 16)
// << (s / 16) and every product of a scale and a level or a midpoint of levels is exact in float.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace burin {

// A codebook as the search wants it.
struct LevelTable {
  int bits = 3;
  int count = 8;                      // levels: 8, 16 or 64
  std::array<float, 16> level{};      // rising; unused for 6 bits, whose levels are -63, -61 .. 63
  std::array<float, 16> step{};       // level[i + 1] - level[i]
  std::array<float, 16> threshold{};  // midpoint of level i and i + 1; exact
  float largest = 0;                  // |level|
};
LevelTable MakeLevelTable(int bits, const std::array<int8_t, 16>& codebook);

// One group: 16 columns side by side.
struct GroupInput {
  const float* weights = nullptr;     // [rows][16], finite, |weight| < 2^60
  const float* importance = nullptr;  // [rows], >= 0
  int64_t rows = 0;
};
struct GroupResult {
  std::array<uint8_t, 16> scale{};
  std::array<float, 16> error{};   // sum of importance * (weight - stored)^2
  std::array<float, 16> energy{};  // sum of importance * weight^2
};

// For each column the scale byte of least error among
//   - the least byte at which no weight is beyond the largest level, and bytes around it: two more
//     up, 30 down (two octaves) in steps of two, then single steps around the best;
//   - bytes near the least-squares scale of the codes found so far, three times;
//   - the byte that fits the weighted mean square to that of the levels (for a group whose largest
//     weight does not matter).
// Ties go to the candidate found first. Errors are float sums over rows in order, one for a column:
// the same on every machine.
void SearchScales(const LevelTable& table, const GroupInput& input, GroupResult& result);

// Codes by nearest level, ties to the lower code; codes: [rows][16].
void AssignCodes(const LevelTable& table, const GroupInput& input,
                 const std::array<uint8_t, 16>& scale, uint8_t* codes);

// The integer a scale byte stands for.
constexpr float ScaleUnit(int scale) {
  return static_cast<float>((16 + scale % 16) << (scale / 16));
}

// The least byte with ScaleUnit >= unit, at most 255.
int ScaleAtLeast(float unit);

// The byte whose ScaleUnit is next to `unit` (ties down), at most 255.
int ScaleNearest(float unit);

}  // namespace burin
