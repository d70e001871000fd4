// The vector unit: RMSNorm, rotary embedding, SwiGLU, residual (docs/numerics.md, sections 6 to 8).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "numeric/block_float.h"
#include "numeric/fixed.h"
#include "numeric/tables.h"

namespace burin {

// Constants of one RMSNorm width: made once, from double.
struct RmsNormConstants {
  int64_t width = 0;      // n, 1 .. 32768
  int32_t root = 0;       // round(sqrt(n) * 2^(15 - root_exponent)), in [2^15, 2^16]
  int root_exponent = 0;  // floor(log2(sqrt(n)))
  uint64_t epsilon = 0;   // round(eps * n * 2^(2 * input fraction)), limited to 2^62
};
RmsNormConstants MakeRmsNormConstants(int64_t width, double epsilon, int input_fraction);

// The factor of a vector: its normalised value is RoundShift-like ScaleToInt32(v * factor,
// exponent), kNormFraction bits.
struct RmsNormFactor {
  int32_t factor = 0;  // in [2^15 - 1, 2^17]
  int exponent = 0;
};
RmsNormFactor RmsNormFactorOf(std::span<const int32_t> v, const RmsNormConstants& constants);

// v / sqrt(mean(v^2) + eps) with kNormFraction bits: |out| <= sqrt(n) * 2^20 * (1 + 2^-13) < 2^28.
void RmsNorm(std::span<const int32_t> v, const RmsNormConstants& constants, std::span<int32_t> out);

// A vector of gains as int16 mantissas with one exponent: gain = mantissa * 2^exponent.
struct GainView {
  std::span<const int16_t> mantissas;
  int exponent = 0;
};
// The mantissas that represent `gains` best with the largest at 14 or 15 bits; rounded half away
// from zero.
int QuantizeGains(std::span<const float> gains, std::span<int16_t> mantissas);

// v * gain, from kNormFraction bits to `fraction` bits, saturated; in place.
void ApplyGain(std::span<int32_t> v, const GainView& gain, int fraction);

// Rotates one head in place: pairs (i, i + head_dim / 2); angles [head_dim / 2][2] from
// RotaryAngles. RoundShift by 14, saturated.
void RotateHead(std::span<int32_t> head, const int32_t* angles);

// silu(gate) * up, both with kVectorFraction bits; the result has 2 * kVectorFraction bits and is
// exact but for the rounding of silu to kVectorFraction bits. |out| <= 2^62.
inline constexpr int kSwiGluFraction = 2 * kVectorFraction;
int64_t SwiGlu(int32_t gate, int32_t up);

// SwiGlu of gate[i] and up[i] into groups [group_begin, group_end) of token t of `batch`, each by
// QuantizeBlock with kSwiGluFraction bits; gate and up hold batch.rows values. Padding rows of the
// groups become zero.
void SwiGluGroups(std::span<const int32_t> gate, std::span<const int32_t> up,
                  BlockFloatBatch& batch, int64_t t, int64_t group_begin, int64_t group_end);

// raw * 2^exponent as fixed point with `fraction` bits, saturated: the output stage of a matrix
// pass.
void MatrixToFixed(std::span<const int32_t> raw, int exponent, int fraction,
                   std::span<int32_t> out);

// residual += raw * 2^exponent with `fraction` bits; both steps saturate.
void AddToResidual(std::span<const int32_t> raw, int exponent, int fraction,
                   std::span<int32_t> residual);

}  // namespace burin
