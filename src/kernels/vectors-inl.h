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

inline void MatrixToFixedFor(std::span<const int32_t> raw, int exponent, int fraction,
                             std::span<int32_t> out) {
  const int shift = -(exponent + fraction);
  if (shift < 0) return MatrixToFixed(raw, exponent, fraction, out);
  const int32_t* in = raw.data();
  int32_t* o = out.data();
  const size_t n = raw.size();
  if (shift == 0) {
    std::memcpy(o, in, n * sizeof *o);
  } else if (shift > 31) {
    std::memset(o, 0, n * sizeof *o);
  } else {
    for (size_t i = 0; i < n; ++i) o[i] = RoundShift32(in[i], shift);
  }
}

inline void AddToResidualFor(std::span<const int32_t> raw, int exponent, int fraction,
                             std::span<int32_t> residual) {
  const int shift = -(exponent + fraction);
  if (shift < 1 || shift > 31) return AddToResidual(raw, exponent, fraction, residual);
  const int32_t* in = raw.data();
  int32_t* r = residual.data();
  for (size_t i = 0; i < raw.size(); ++i) {
    const int32_t a = r[i], b = RoundShift32(in[i], shift);
    const int32_t sum = static_cast<int32_t>(static_cast<uint32_t>(a) + static_cast<uint32_t>(b));
    const int32_t limit =
        (a >> 31) ^ 0x7fffffff;  // what a sum that left the range on a's side becomes
    r[i] = ((a ^ sum) & (b ^ sum)) < 0 ? limit : sum;
  }
}

// Isa::Dots(q, k, positions, head_dim, dots) and Isa::Weigh(p, v, positions, head_dim, sums) do the
// two loops over the cache.
template <class Isa>
inline void AttendFor(const HeadVector& query, const HeadCacheView& keys,
                      const HeadCacheView& values, int64_t positions, int64_t head_dim,
                      std::span<int32_t> scratch, std::span<int32_t> out) {
  const auto count = static_cast<size_t>(positions);
  const std::span<int32_t> scores = scratch.first(count), p = scratch.subspan(count, count);
  Isa::Dots(query.mantissas, keys.mantissas, positions, head_dim, scores.data());
  int largest = values.exponents[0];
  for (size_t j = 0; j < count; ++j) {
    scores[j] = Score(scores[j], query.exponent, keys.exponents[j]);
    largest = largest > values.exponents[j] ? largest : values.exponents[j];
  }
  const uint64_t total = SoftmaxNumerators(scores, p);
  for (size_t j = 0; j < count; ++j) p[j] = AlignedProbability(p[j], largest, values.exponents[j]);
  int64_t sums[kMaxHeadDim];
  Isa::Weigh(p.data(), values.mantissas, positions, head_dim, sums);
  for (int64_t d = 0; d < head_dim; ++d)
    out[static_cast<size_t>(d)] = DivideByTotal(sums[d], largest, total);
}

}  // namespace
}  // namespace burin
