// The vector unit's loops in 32-bit arithmetic that compilers turn into vector code, and attention
// over int8 keys and values. Included by one source file an instruction set, as multiply-inl.h.
//
// RoundShift(x, s) for s >= 1 is written ((x >> (s - 1)) + 1) >> 1: the same floor(x / 2^s + 1/2)
// without a wider addend.
#pragma once

#include <cstdint>
#include <cstring>
#include <span>

#include "kernels/kernel_set.h"
#include "numeric/attention.h"
#include "numeric/fixed.h"
#include "numeric/tables.h"
#include "numeric/vector_ops.h"

namespace burin {
namespace {

// RoundShift(x, s) for 1 <= s <= 31 without a wider addend: floor(x / 2^s) and the bit below.
[[gnu::always_inline]] inline int32_t RoundShift32(int32_t x, int s) {
  return (x >> s) + ((x >> (s - 1)) & 1);
}

inline void QuantizeTokenFor(std::span<const int32_t> values, int fraction, BlockFloatBatch& batch,
                             int64_t t) {
  int8_t* mantissas = batch.TokenMantissas(t);
  const int64_t rows = batch.rows;
  std::memset(mantissas + rows, 0, static_cast<size_t>(batch.stride() - rows));
  for (int64_t g = 0; g < batch.groups; ++g) {
    const int64_t begin = g * batch.group, left = rows - begin;
    const int64_t count = left < batch.group ? left : batch.group;
    const int32_t* v = values.data() + begin;
    int8_t* m = mantissas + begin;
    uint32_t bits = 0;  // the or of all magnitudes has the bit length of the largest
    for (int64_t i = 0; i < count; ++i) {
      const uint32_t u = static_cast<uint32_t>(v[i]);
      bits |= v[i] < 0 ? 0u - u : u;
    }
    if (bits == 0) {
      std::memset(m, 0, static_cast<size_t>(count));
      batch.TokenExponents(t)[g] = kZeroBlockExponent;
      batch.TokenSums(t)[g] = 0;
      continue;
    }
    const int shift = BitLength(bits) > 7 ? BitLength(bits) - 7 : 0;
    int32_t sum = 0;
    for (int64_t i = 0; i < count; ++i) {
      int32_t x = shift == 0 ? v[i] : RoundShift32(v[i], shift);
      x = x > 127 ? 127 : x < -127 ? -127 : x;
      m[i] = static_cast<int8_t>(x);
      sum += x;
    }
    batch.TokenExponents(t)[g] = shift - fraction;
    batch.TokenSums(t)[g] = sum;
  }
}

// x * 2^shift, saturated, for 0 <= shift <= 31.
[[gnu::always_inline]] inline int32_t ShiftLeft32(int32_t x, int shift) {
  if (x > (INT32_MAX >> shift)) return INT32_MAX;
  if (x < (INT32_MIN >> shift)) return INT32_MIN;
  return static_cast<int32_t>(static_cast<uint32_t>(x) << shift);
}

[[gnu::always_inline]] inline int32_t SaturatingAdd32(int32_t a, int32_t b) {
  const auto sum = static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
  const int32_t limit =
      (a >> 31) ^ INT32_MAX;  // what a sum that left the range on a's side becomes
  return ((a ^ sum) & (b ^ sum)) < 0 ? limit : sum;
}

inline void MatrixToFixedFor(std::span<const int32_t> raw, int exponent, int fraction,
                             std::span<int32_t> out) {
  const int shift = exponent + fraction;
  if (shift < -31 || shift > 31) return MatrixToFixed(raw, exponent, fraction, out);
  const int32_t* in = raw.data();
  int32_t* o = out.data();
  const size_t n = raw.size();
  if (shift >= 0) {
    for (size_t i = 0; i < n; ++i) o[i] = ShiftLeft32(in[i], shift);
  } else {
    for (size_t i = 0; i < n; ++i) o[i] = RoundShift32(in[i], -shift);
  }
}

inline void AddToResidualFor(std::span<const int32_t> raw, int exponent, int fraction,
                             std::span<int32_t> residual) {
  const int shift = exponent + fraction;
  if (shift < -31 || shift > 31) return AddToResidual(raw, exponent, fraction, residual);
  const int32_t* in = raw.data();
  int32_t* r = residual.data();
  const size_t n = raw.size();
  if (shift >= 0) {
    for (size_t i = 0; i < n; ++i) r[i] = SaturatingAdd32(r[i], ShiftLeft32(in[i], shift));
  } else {
    for (size_t i = 0; i < n; ++i) r[i] = SaturatingAdd32(r[i], RoundShift32(in[i], -shift));
  }
}

// Attend over five loops of an instruction set:
//   Dots(q, k, positions, head_dim, dots)          dots[j] = q . k[j]
//   Scores(query, keys, positions, scores)         in place: dots -> Score
//   Numerators(scores, p) -> sum                   SoftmaxNumerators
//   Align(values, positions, p) -> largest         in place: AlignedProbability to the largest
//   exponent Weigh(p, v, positions, head_dim, sums)         sums[d] = sum over j of p[j] * v[j][d]
template <class Loops>
inline void AttendFor(const HeadVector& query, const HeadCacheView& keys,
                      const HeadCacheView& values, int64_t positions, int64_t head_dim,
                      std::span<int32_t> scratch, std::span<int32_t> out) {
  const auto count = static_cast<size_t>(positions);
  const std::span<int32_t> scores = scratch.first(count), p = scratch.subspan(count, count);
  Loops::Dots(query.mantissas, keys.mantissas, positions, head_dim, scores.data());
  Loops::Scores(query, keys, scores);
  const uint64_t total = Loops::Numerators(scores, p);
  const int largest = Loops::Align(values, p);
  int64_t sums[kMaxHeadDim];
  Loops::Weigh(p.data(), values.mantissas, positions, head_dim, sums);
  for (int64_t d = 0; d < head_dim; ++d)
    out[static_cast<size_t>(d)] = DivideByTotal(sums[d], largest, total);
}

// Scores, Numerators and Align in the words of the specification.
struct ScalarSoftmax {
  static void Scores(const HeadVector& query, const HeadCacheView& keys,
                     std::span<int32_t> scores) {
    for (size_t j = 0; j < scores.size(); ++j)
      scores[j] = Score(scores[j], query.exponent, keys.exponents[j]);
  }
  static uint64_t Numerators(std::span<const int32_t> scores, std::span<int32_t> p) {
    return SoftmaxNumerators(scores, p);
  }
  static int Align(const HeadCacheView& values, std::span<int32_t> p) {
    int largest = values.exponents[0];
    for (size_t j = 1; j < p.size(); ++j)
      largest = largest > values.exponents[j] ? largest : values.exponents[j];
    for (size_t j = 0; j < p.size(); ++j)
      p[j] = AlignedProbability(p[j], largest, values.exponents[j]);
    return largest;
  }
};

}  // namespace
}  // namespace burin
