#include "numeric/vector_ops.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "base/check.h"

namespace burin {

RmsNormConstants MakeRmsNormConstants(int64_t width, double epsilon, int input_fraction) {
  BURIN_CHECK(width >= 1 && width <= 32768);
  RmsNormConstants constants;
  constants.width = width;
  const double root = std::sqrt(static_cast<double>(width));
  constants.root_exponent = std::ilogb(root);
  constants.root =
      static_cast<int32_t>(std::floor(std::ldexp(root, 15 - constants.root_exponent) + 0.5));
  const double scaled = std::ldexp(epsilon * static_cast<double>(width), 2 * input_fraction);
  constants.epsilon = static_cast<uint64_t>(std::floor(std::min(scaled, 0x1p62) + 0.5));
  return constants;
}

RmsNormFactor RmsNormFactorOf(std::span<const int32_t> v, const RmsNormConstants& constants) {
  BURIN_CHECK(static_cast<int64_t>(v.size()) == constants.width);
  uint64_t largest = 0;
  for (const int32_t x : v) largest = std::max(largest, Magnitude(x));
  // The squares are taken of 15-bit magnitudes, so that their sum stays below 2^46.
  const int shift = std::max(0, BitLength(largest) - 15);
  uint64_t squares = 0;
  for (const int32_t x : v) {
    const int64_t u = RoundShift(x, shift);
    squares += static_cast<uint64_t>(u * u);
  }
  squares += static_cast<uint64_t>(RoundShift(static_cast<int64_t>(constants.epsilon), 2 * shift));
  const RootResult root = ReciprocalRoot(std::max<uint64_t>(squares, 1));
  RmsNormFactor result;
  // Q23 * Q15 -> Q15; the value is factor * 2^-15 * 2^root_exponent * 2^root.exponent / 2^shift.
  result.factor = static_cast<int32_t>((int64_t{root.mantissa} * constants.root) >> 23);
  result.exponent = constants.root_exponent + root.exponent - shift - 15 + kNormFraction;
  return result;
}

void RmsNorm(std::span<const int32_t> v, const RmsNormConstants& constants,
             std::span<int32_t> out) {
  const RmsNormFactor f = RmsNormFactorOf(v, constants);
  for (size_t i = 0; i < v.size(); ++i) out[i] = ScaleToInt32(int64_t{v[i]} * f.factor, f.exponent);
}

int QuantizeGains(std::span<const float> gains, std::span<int16_t> mantissas) {
  float largest = 0;
  for (const float gain : gains) largest = std::max(largest, std::abs(gain));
  const int exponent = largest > 0 ? std::ilogb(largest) - 14 : 0;
  for (size_t i = 0; i < gains.size(); ++i) {
    const double scaled = std::round(std::ldexp(static_cast<double>(gains[i]), -exponent));
    mantissas[i] = static_cast<int16_t>(std::clamp(scaled, -32767.0, 32767.0));
  }
  return exponent;
}

void ApplyGain(std::span<int32_t> v, const GainView& gain, int fraction) {
  for (size_t i = 0; i < v.size(); ++i) {
    v[i] =
        ScaleToInt32(int64_t{v[i]} * gain.mantissas[i], gain.exponent - kNormFraction + fraction);
  }
}

void RotateHead(std::span<int32_t> head, const int32_t* angles) {
  const size_t half = head.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const int64_t x = head[i], y = head[i + half], c = angles[2 * i], s = angles[2 * i + 1];
    head[i] = Saturate32(RoundShift(x * c - y * s, 14));
    head[i + half] = Saturate32(RoundShift(x * s + y * c, 14));
  }
}

int64_t SwiGlu(int32_t gate, int32_t up) {
  const int64_t silu = RoundShift(int64_t{gate} * Sigmoid(gate), 16);
  return silu * up;
}

void SwiGluGroups(std::span<const int32_t> gate, std::span<const int32_t> up,
                  BlockFloatBatch& batch, int64_t t, int64_t group_begin, int64_t group_end) {
  std::array<int64_t, 128> products;
  BURIN_CHECK(batch.group <= 128);
  for (int64_t g = group_begin; g < group_end; ++g) {
    const int64_t begin = g * batch.group, count = std::min(batch.group, batch.rows - begin);
    for (int64_t i = 0; i < count; ++i) {
      products[static_cast<size_t>(i)] =
          SwiGlu(gate[static_cast<size_t>(begin + i)], up[static_cast<size_t>(begin + i)]);
    }
    int8_t* mantissas = batch.TokenMantissas(t) + begin;
    const std::span<const int64_t> values(products.data(), static_cast<size_t>(count));
    batch.TokenExponents(t)[g] = QuantizeBlock(values, kSwiGluFraction, mantissas);
    std::fill(mantissas + count, mantissas + batch.group, int8_t{0});
    batch.TokenSums(t)[g] = std::accumulate(mantissas, mantissas + count, int32_t{0});
  }
}

void MatrixToFixed(std::span<const int32_t> raw, int exponent, int fraction,
                   std::span<int32_t> out) {
  for (size_t i = 0; i < raw.size(); ++i) out[i] = ScaleToInt32(raw[i], exponent + fraction);
}

void AddToResidual(std::span<const int32_t> raw, int exponent, int fraction,
                   std::span<int32_t> residual) {
  for (size_t i = 0; i < raw.size(); ++i) {
    residual[i] = SaturatingAdd(residual[i], ScaleToInt32(raw[i], exponent + fraction));
  }
}

}  // namespace burin
