// Adapters (numeric/adapter.h) in 256-bit vectors: products of int8 in pairs, as 16-bit numbers.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <span>

#include "kernels/attention_avx2-inl.h"
#include "kernels/vectors-inl.h"
#include "numeric/adapter.h"

namespace burin {
namespace {

// Sums of one group for rows [r, r + 4) of A, `stride` apart, into sums[0..3].
inline void FourGroupSums(const int8_t* m, const int8_t* row, int64_t stride, int64_t count,
                          int32_t* sums) {
  const __m256i a = _mm256_hadd_epi32(DotSums(m, row, count), DotSums(m, row + stride, count));
  const __m256i b =
      _mm256_hadd_epi32(DotSums(m, row + 2 * stride, count), DotSums(m, row + 3 * stride, count));
  const __m256i c = _mm256_hadd_epi32(a, b);
  const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(c), _mm256_extracti128_si256(c, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(sums), four);
}

// The sums of group rows [begin, begin + count) for all ranks.
inline void GroupSumsAvx2(const AdapterMatrix& matrix, const int8_t* m, int64_t begin,
                          int64_t count, int32_t* sums) {
  const int8_t* a = matrix.a.data() + begin;
  int64_t r = 0;
  for (; r + 4 <= matrix.rank; r += 4) {
    FourGroupSums(m + begin, a + r * matrix.inputs, matrix.inputs, count, sums + r);
  }
  for (; r < matrix.rank; ++r) sums[r] = SumInts(DotSums(m + begin, a + r * matrix.inputs, count));
  const int64_t whole = count / 16 * 16;
  for (r = 0; whole < count && r < matrix.rank; ++r) {
    for (int64_t i = whole; i < count; ++i) sums[r] += a[r * matrix.inputs + i] * m[begin + i];
  }
}

inline int AdapterRankVectorAvx2(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t,
                                 int8_t* mantissas) {
  int32_t totals[kMaxAdapterRank] = {}, sums[kMaxAdapterRank];
  const int8_t* m = x.TokenMantissas(t);
  const int32_t* exponents = x.TokenExponents(t);
  const int common = x.CommonExponent(t), drop = AdapterDropBits(x.groups);
  for (int64_t g = 0; g < x.groups; ++g) {
    const int64_t begin = g * x.group, left = matrix.inputs - begin;
    GroupSumsAvx2(matrix, m, begin, left < x.group ? left : x.group, sums);
    const int shift = common - exponents[g] + drop;
    for (int64_t r = 0; r < matrix.rank; ++r) {
      totals[r] += shift == 0 ? sums[r] : RoundShift32(sums[r], shift < 31 ? shift : 31);
    }
  }
  const std::span<const int32_t> used(totals, static_cast<size_t>(matrix.rank));
  return common + drop + QuantizeBlock(used, 0, mantissas);
}

// Two mantissas as the 16-bit halves of each lane.
inline __m256i Pair(int8_t low, int8_t high) {
  const auto bits = static_cast<uint32_t>(static_cast<uint16_t>(low)) |
                    static_cast<uint32_t>(static_cast<uint16_t>(high)) << 16;
  return _mm256_set1_epi32(static_cast<int32_t>(bits));
}

inline __m256i SaturatingAddEach(__m256i a, __m256i b) {
  const __m256i sum = _mm256_add_epi32(a, b);
  const __m256i over = _mm256_and_si256(_mm256_xor_si256(a, sum), _mm256_xor_si256(b, sum));
  const __m256i limit = _mm256_xor_si256(_mm256_srai_epi32(a, 31), _mm256_set1_epi32(INT32_MAX));
  return _mm256_blendv_epi8(sum, limit, _mm256_srai_epi32(over, 31));
}

// z of outputs [n, n + 16) into eight and eight.
inline void SixteenSums(const AdapterMatrix& matrix, const int8_t* mantissas, int64_t n,
                        __m256i& first, __m256i& last) {
  __m256i low = _mm256_setzero_si256(), high = low;
  const int8_t* b = matrix.b.data() + n;
  int64_t r = 0;
  for (; r + 2 <= matrix.rank; r += 2, b += 2 * matrix.outputs) {
    const __m256i even = Widen16(b), odd = Widen16(b + matrix.outputs);
    const __m256i pair = Pair(mantissas[r], mantissas[r + 1]);
    low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(even, odd), pair));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(even, odd), pair));
  }
  if (r < matrix.rank) {
    const __m256i even = Widen16(b), odd = _mm256_setzero_si256(), pair = Pair(mantissas[r], 0);
    low = _mm256_add_epi32(low, _mm256_madd_epi16(_mm256_unpacklo_epi16(even, odd), pair));
    high = _mm256_add_epi32(high, _mm256_madd_epi16(_mm256_unpackhi_epi16(even, odd), pair));
  }
  first = _mm256_permute2x128_si256(low, high, 0x20);
  last = _mm256_permute2x128_si256(low, high, 0x31);
}

// ScaleToInt32(z, exponent) in each lane, |z| < 2^22: a shift of 31 gives what any longer one does.
inline __m256i ScaleEach(__m256i z, __m256i exponent) {
  const __m256i zero = _mm256_setzero_si256(), most = _mm256_set1_epi32(31);
  const __m256i left = _mm256_min_epi32(_mm256_max_epi32(exponent, zero), most);
  const __m256i right =
      _mm256_min_epi32(_mm256_max_epi32(_mm256_sub_epi32(zero, exponent), zero), most);
  const __m256i largest = _mm256_set1_epi32(INT32_MAX), least = _mm256_set1_epi32(INT32_MIN);
  const __m256i above = _mm256_cmpgt_epi32(z, _mm256_srav_epi32(largest, left));
  const __m256i below = _mm256_cmpgt_epi32(_mm256_srav_epi32(least, left), z);
  __m256i shifted = RoundShiftEach(_mm256_sllv_epi32(z, left), right);
  shifted = _mm256_blendv_epi8(shifted, largest, above);
  return _mm256_blendv_epi8(shifted, least, below);
}

inline void AddAdapterOutputsAvx2(const AdapterMatrix& matrix, const int8_t* mantissas,
                                  int exponent, int fraction, int64_t begin, int64_t end,
                                  std::span<int32_t> out) {
  const __m256i base = _mm256_set1_epi32(exponent + fraction);
  int64_t n = begin;
  for (; n + 16 <= end; n += 16) {
    __m256i z[2];
    SixteenSums(matrix, mantissas, n, z[0], z[1]);
    for (int half = 0; half < 2; ++half) {
      const int64_t at = n + 8 * half;
      const __m256i e = _mm256_add_epi32(base, LoadExponents(matrix.exponents.data() + at));
      StoreEight(out.data() + at,
                 SaturatingAddEach(LoadEight(out.data() + at), ScaleEach(z[half], e)));
    }
  }
  AddAdapterOutputs(matrix, mantissas, exponent, fraction, n, end, out);
}

}  // namespace
}  // namespace burin
