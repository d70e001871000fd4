// Constant tables of the contract (docs/numerics.md, section 5). Each is a stated formula,
// correctly rounded (half up); the digest of all is tested. They are made once, from double or long
// double, and are part of the chip, not of a model, but the rotary table.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace burin {

struct Tables {
  // 2^15 * 2^(-i/256): powers of one half, Q15.
  std::array<int32_t, 257> exp2;
  // 2^16 * 1 / (1 + exp(-i/32)): logistic function over [0, 16], Q16.
  std::array<int32_t, 513> sigmoid;
  // 2^15 / sqrt((i + 64.5) / 256), i = 0..191: seeds of 1/sqrt(x) for x in [1/4, 1), Q15.
  std::array<int32_t, 192> rsqrt;
  // 2^15 / ((i + 128.5) / 256), i = 0..127: seeds of 1/x for x in [1/2, 1), Q15.
  std::array<int32_t, 128> reciprocal;
};

// The one instance.
const Tables& ContractTables();

// 2^(-distance * 2^-16), Q15 in [0, 32767]: table, linear interpolation over the next 8 bits
// rounded half up, RoundShift by the integer part.
int32_t Exp2Negative(uint32_t distance);

// Logistic function of x * 2^-16, Q16 in [0, 65536]; sigmoid(-x) = 65536 - sigmoid(x).
int32_t Sigmoid(int32_t x);

// y * 2^-23 * 2^exponent ~= 1 / sqrt(x), for x >= 1: y in [2^23 - 16, 2^24], by table and one
// Newton step (relative error < 2^-15; the step errs downwards, so that y may fall just short of
// 2^23).
struct RootResult {
  int32_t mantissa;
  int exponent;
};
RootResult ReciprocalRoot(uint64_t x);

// y * 2^-23 * 2^exponent ~= 1 / x, for x >= 1: y in [2^23 - 32, 2^24] (relative error < 2^-16).
RootResult Reciprocal(uint64_t x);

// Rotary angles of a model: position p = 64 * hi + lo is a coarse and a fine turn; entries are
// (cos, sin) in Q14.
struct RotaryTable {
  int64_t pairs = 0;                // head_dim / 2
  int64_t positions = 0;            // the context; coarse has ceil(positions / 64) rows
  std::span<const int16_t> coarse;  // [ceil(positions / 64)][pairs][2], angle 64 * hi * frequency
  std::span<const int16_t> fine;    // [64][pairs][2], angle lo * frequency
};

// The table for frequencies (radians a position) of each pair: coarse rows, then fine rows, as
// RotaryTable wants them.
std::vector<int16_t> MakeRotaryTable(std::span<const double> frequencies, int64_t positions);
RotaryTable ViewRotaryTable(std::span<const int16_t> values, int64_t pairs, int64_t positions);

// (cos, sin) of `position` for all pairs, Q14: the product of the coarse and the fine turn,
// RoundShift by 14. out: [pairs][2].
void RotaryAngles(const RotaryTable& table, int64_t position, int32_t* out);

}  // namespace burin
