// The two cache loops of attention in 256-bit vectors.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace burin {
namespace {

inline int32_t SumInts(__m256i v) {
  __m128i x = _mm_add_epi32(_mm256_castsi256_si128(v), _mm256_extracti128_si256(v, 1));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0x4e));
  x = _mm_add_epi32(x, _mm_shuffle_epi32(x, 0xb1));
  return _mm_cvtsi128_si32(x);
}

inline __m256i Widen16(const int8_t* p) {
  return _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
}

// dots[j] = sum over d of q[d] * k[j][d].
inline void DotsAvx2(const int8_t* q, const int8_t* k, int64_t positions, int64_t head_dim,
                     int32_t* dots) {
  for (int64_t j = 0; j < positions; ++j, k += head_dim) {
    __m256i sum = _mm256_setzero_si256();
    int64_t d = 0;
    for (; d + 16 <= head_dim; d += 16) {
      sum = _mm256_add_epi32(sum, _mm256_madd_epi16(Widen16(q + d), Widen16(k + d)));
    }
    int32_t dot = SumInts(sum);
    for (; d < head_dim; ++d) dot += q[d] * k[d];
    dots[j] = dot;
  }
}

// sums[d] = sum over j of p[j] * v[j][d], 0 <= p <= 32767. Two positions a step: 16 dimensions as
// 16-bit pairs; 32-bit sums hold 2 * 32767 * 127 * 256 < 2^31 of 256 steps before they are widened.
inline void WeighAvx2(const int32_t* p, const int8_t* v, int64_t positions, int64_t head_dim,
                      int64_t* sums) {
  constexpr int64_t kChunk = 512;  // positions between two widenings: 512 * 32767 * 127 < 2^31
  for (int64_t d = 0; d < head_dim; ++d) sums[d] = 0;
  for (int64_t begin = 0; begin < positions; begin += kChunk) {
    const int64_t end = begin + kChunk < positions ? begin + kChunk : positions;
    int64_t d = 0;
    for (; d + 16 <= head_dim; d += 16) {
      __m256i even = _mm256_setzero_si256(), odd = _mm256_setzero_si256();
      for (int64_t j = begin; j < end; j += 2) {
        const bool pair = j + 1 < end;
        const __m256i weights = _mm256_set1_epi32(p[j] | (pair ? p[j + 1] << 16 : 0));
        const __m256i a = Widen16(v + j * head_dim + d);
        const __m256i b = pair ? Widen16(v + (j + 1) * head_dim + d) : _mm256_setzero_si256();
        even = _mm256_add_epi32(even, _mm256_madd_epi16(_mm256_unpacklo_epi16(a, b), weights));
        odd = _mm256_add_epi32(odd, _mm256_madd_epi16(_mm256_unpackhi_epi16(a, b), weights));
      }
      // unpacklo holds dimensions 0-3 and 8-11, unpackhi 4-7 and 12-15.
      alignas(32) int32_t low[8], high[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(low), even);
      _mm256_store_si256(reinterpret_cast<__m256i*>(high), odd);
      for (int i = 0; i < 4; ++i) {
        sums[d + i] += low[i];
        sums[d + 4 + i] += high[i];
        sums[d + 8 + i] += low[4 + i];
        sums[d + 12 + i] += high[4 + i];
      }
    }
    for (; d < head_dim; ++d) {
      for (int64_t j = begin; j < end; ++j) sums[d] += int64_t{p[j]} * v[j * head_dim + d];
    }
  }
}

}  // namespace
}  // namespace burin
