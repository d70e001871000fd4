// Integers, shifts and roundings of the contract (docs/numerics.md, section 1).
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <limits>

namespace burin {

// Fraction bits of the fixed-point vectors between the units: a value is integer * 2^-bits.
inline constexpr int kVectorFraction =
    16;  // matrix outputs, q, k, v, attention output, gate, up, logits
inline constexpr int kNormFraction = 20;  // output of RMSNorm

// Bits of |x|: 0 for 0, 1 for 1, 2 for 2 and 3, ...
constexpr int BitLength(uint64_t x) { return static_cast<int>(std::bit_width(x)); }

// |x| as unsigned, also for the most negative number.
constexpr uint64_t Magnitude(int64_t x) {
  return x < 0 ? ~static_cast<uint64_t>(x) + 1 : static_cast<uint64_t>(x);
}

// x / 2^shift, rounded half up (towards plus infinity): floor(x / 2^shift + 1/2). 0 <= shift; 0 for
// shift > 62. |x| <= 2^62, so that the addend of the rounding cannot overflow.
constexpr int64_t RoundShift(int64_t x, int shift) {
  if (shift == 0) return x;
  if (shift > 62) return 0;
  return (x + (int64_t{1} << (shift - 1))) >> shift;
}

constexpr int32_t Saturate32(int64_t x) {
  return static_cast<int32_t>(std::clamp<int64_t>(x, std::numeric_limits<int32_t>::min(),
                                                  std::numeric_limits<int32_t>::max()));
}

// x * 2^exponent as a saturated int32: RoundShift to the right, saturating shift to the left. |x|
// <= 2^62.
constexpr int32_t ScaleToInt32(int64_t x, int exponent) {
  if (exponent <= 0) return Saturate32(RoundShift(x, -exponent));
  if (x == 0) return 0;
  if (BitLength(Magnitude(x)) + exponent > 32) {
    return x < 0 ? std::numeric_limits<int32_t>::min() : std::numeric_limits<int32_t>::max();
  }
  return Saturate32(x * (int64_t{1} << exponent));
}

// a + b, saturated.
constexpr int32_t SaturatingAdd(int32_t a, int32_t b) { return Saturate32(int64_t{a} + b); }

// The least b with 2^b >= n; n >= 1.
constexpr int CeilLog2(uint64_t n) { return BitLength(n - 1); }

}  // namespace burin
