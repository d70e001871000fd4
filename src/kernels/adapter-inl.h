// Adapters (numeric/adapter.h) in loops that compilers turn into vector code. Included by one
// source file an instruction set, as multiply-inl.h. Loops::Dots is that of attention
// (vectors-inl.h).
#pragma once

#include <cstdint>
#include <span>

#include "kernels/vectors-inl.h"
#include "numeric/adapter.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

template <class Loops>
inline int AdapterRankVectorFor(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t,
                                int8_t* mantissas) {
  int32_t sums[kMaxAdapterRank];
  const int8_t* m = x.TokenMantissas(t);
  const int32_t* exponents = x.TokenExponents(t);
  const int common = x.CommonExponent(t), drop = AdapterDropBits(x.groups);
  for (int64_t r = 0; r < matrix.rank; ++r) {
    const int8_t* row = matrix.a.data() + r * matrix.inputs;
    int32_t total = 0;
    for (int64_t g = 0; g < x.groups; ++g) {
      const int64_t begin = g * x.group, left = matrix.inputs - begin;
      int32_t sum = 0;
      Loops::Dots(m + begin, row + begin, 1, left < x.group ? left : x.group, &sum);
      const int shift = common - exponents[g] + drop;
      total += shift == 0 ? sum : RoundShift32(sum, shift < 31 ? shift : 31);
    }
    sums[r] = total;
  }
  return common + drop +
         QuantizeBlock(std::span<const int32_t>(sums, static_cast<size_t>(matrix.rank)), 0,
                       mantissas);
}

// Outputs [begin, begin + count) of one block; true if all their shifts go to the right.
inline constexpr int64_t kAdapterBlock = 64;
inline bool AddAdapterBlock(const AdapterMatrix& matrix, const int8_t* mantissas, int exponent,
                            int64_t begin, int64_t count, int32_t* out) {
  int32_t z[kAdapterBlock] = {}, shifts[kAdapterBlock];
  int32_t least = 0;
  const int8_t* e = matrix.exponents.data() + begin;
  for (int64_t i = 0; i < count; ++i) {
    const int32_t shift = -exponent - e[i];
    least = shift < least ? shift : least;
    shifts[i] = shift < 31 ? shift : 31;
  }
  if (least < 0) return false;
  const int8_t* b = matrix.b.data() + begin;
  int64_t r = 0;
  for (; r + 2 <= matrix.rank; r += 2, b += 2 * matrix.outputs) {
    const int16_t t0 = mantissas[r], t1 = mantissas[r + 1];
    const int8_t* next = b + matrix.outputs;
    for (int64_t i = 0; i < count; ++i) {  // 2 * 127 * 127 < 2^15
      z[i] += static_cast<int16_t>(b[i] * t0 + next[i] * t1);
    }
  }
  for (; r < matrix.rank; ++r, b += matrix.outputs) {
    const int16_t t0 = mantissas[r];
    for (int64_t i = 0; i < count; ++i) z[i] += static_cast<int16_t>(b[i] * t0);
  }
  for (int64_t i = 0; i < count; ++i) {
    // |z| < 2^22 and half <= 2^30.
    const auto half = static_cast<int32_t>((uint32_t{1} << shifts[i]) >> 1);
    out[begin + i] = SaturatingAdd32(out[begin + i], (z[i] + half) >> shifts[i]);
  }
  return true;
}

inline void AddAdapterOutputsFor(const AdapterMatrix& matrix, const int8_t* mantissas, int exponent,
                                 int fraction, int64_t begin, int64_t end, std::span<int32_t> out) {
  for (int64_t n = begin; n < end; n += kAdapterBlock) {
    const int64_t last = end - n < kAdapterBlock ? end : n + kAdapterBlock;
    if (!AddAdapterBlock(matrix, mantissas, exponent + fraction, n, last - n, out.data())) {
      AddAdapterOutputs(matrix, mantissas, exponent, fraction, n, last, out);
    }
  }
}

}  // namespace
}  // namespace burin
