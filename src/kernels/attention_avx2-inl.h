// The loops of attention in 256-bit vectors (see AttendFor in vectors-inl.h).
#pragma once

#include <immintrin.h>

#include <cstdint>

#include "kernels/vectors-inl.h"

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

inline __m256i DotSums(const int8_t* q, const int8_t* k, int64_t head_dim) {
  __m256i sum = _mm256_setzero_si256();
  for (int64_t d = 0; d + 16 <= head_dim; d += 16) {
    sum = _mm256_add_epi32(sum, _mm256_madd_epi16(Widen16(q + d), Widen16(k + d)));
  }
  return sum;
}

// dots[j] = sum over d of q[d] * k[j][d]: four positions share the additions across lanes.
inline void DotsAvx2(const int8_t* q, const int8_t* k, int64_t positions, int64_t head_dim,
                     int32_t* dots) {
  const int64_t whole = head_dim / 16 * 16;
  int64_t j = 0;
  for (; j + 4 <= positions; j += 4) {
    const int8_t* row = k + j * head_dim;
    const __m256i a =
        _mm256_hadd_epi32(DotSums(q, row, head_dim), DotSums(q, row + head_dim, head_dim));
    const __m256i b = _mm256_hadd_epi32(DotSums(q, row + 2 * head_dim, head_dim),
                                        DotSums(q, row + 3 * head_dim, head_dim));
    const __m256i c = _mm256_hadd_epi32(a, b);
    const __m128i four = _mm_add_epi32(_mm256_castsi256_si128(c), _mm256_extracti128_si256(c, 1));
    _mm_storeu_si128(reinterpret_cast<__m128i*>(dots + j), four);
  }
  for (; j < positions; ++j) dots[j] = SumInts(DotSums(q, k + j * head_dim, head_dim));
  if (whole == head_dim) return;
  for (j = 0; j < positions; ++j) {
    for (int64_t d = whole; d < head_dim; ++d) dots[j] += q[d] * k[j * head_dim + d];
  }
}

inline __m256i LoadExponents(const int8_t* p) {
  return _mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
}
inline __m256i LoadEight(const int32_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}
inline void StoreEight(int32_t* p, __m256i v) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), v);
}

// (x + (1 << s) / 2) >> s in each lane, 0 <= s <= 31, |x| <= 2^30.
inline __m256i RoundShiftEach(__m256i x, __m256i s) {
  const __m256i half = _mm256_srli_epi32(_mm256_sllv_epi32(_mm256_set1_epi32(1), s), 1);
  return _mm256_srav_epi32(_mm256_add_epi32(x, half), s);
}

// Score of attention.h in eight lanes; |dot| <= 256 * 127^2 < 2^22, so that a right shift of 31
// gives 0 as any longer one does.
inline __m256i ScoreAvx2(__m256i dot, __m256i exponent) {
  const __m256i zero = _mm256_setzero_si256();
  const __m256i right = _mm256_min_epi32(_mm256_max_epi32(_mm256_sub_epi32(zero, exponent), zero),
                                         _mm256_set1_epi32(31));
  const __m256i left = _mm256_min_epi32(_mm256_max_epi32(exponent, zero), _mm256_set1_epi32(30));
  const __m256i limit = _mm256_srlv_epi32(_mm256_set1_epi32(1 << 30), left);
  const __m256i bounded =
      _mm256_max_epi32(_mm256_min_epi32(dot, limit), _mm256_sub_epi32(zero, limit));
  return RoundShiftEach(_mm256_sllv_epi32(bounded, left), right);
}

// Exp2Negative of tables.h in eight lanes of unsigned distances.
inline __m256i Exp2NegativeAvx2(__m256i distance) {
  const int* table = ContractTables().exp2.data();
  const __m256i whole = _mm256_srli_epi32(distance, 16);
  const __m256i index = _mm256_and_si256(_mm256_srli_epi32(distance, 8), _mm256_set1_epi32(255));
  const __m256i rest = _mm256_and_si256(distance, _mm256_set1_epi32(255));
  const __m256i high = _mm256_i32gather_epi32(table, index, 4),
                low = _mm256_i32gather_epi32(table + 1, index, 4);
  const __m256i step = _mm256_mullo_epi32(_mm256_sub_epi32(high, low), rest);
  const __m256i value =
      _mm256_sub_epi32(high, _mm256_srli_epi32(_mm256_add_epi32(step, _mm256_set1_epi32(128)), 8));
  const __m256i shifted = RoundShiftEach(value, _mm256_min_epu32(whole, _mm256_set1_epi32(31)));
  const __m256i p = _mm256_min_epi32(shifted, _mm256_set1_epi32(32767));
  return _mm256_and_si256(p, _mm256_cmpgt_epi32(_mm256_set1_epi32(16), whole));
}

inline int32_t LargestOf(std::span<const int32_t> values) {
  int32_t largest = values[0];
  for (const int32_t value : values) largest = value > largest ? value : largest;
  return largest;
}

// Whole vectors here, the rest by the specification.
struct LoopsAvx2 : ScalarSoftmax {
  static void Dots(const int8_t* q, const int8_t* k, int64_t positions, int64_t head_dim,
                   int32_t* dots) {
    DotsAvx2(q, k, positions, head_dim, dots);
  }
  static void Weigh(const int32_t* p, const int8_t* v, int64_t positions, int64_t head_dim,
                    int64_t* sums);

  static void Scores(const HeadVector& query, const HeadCacheView& keys,
                     std::span<int32_t> scores) {
    const __m256i base = _mm256_set1_epi32(query.exponent + kVectorFraction);
    size_t j = 0;
    for (; j + 8 <= scores.size(); j += 8) {
      const __m256i exponent = _mm256_add_epi32(base, LoadExponents(keys.exponents + j));
      StoreEight(&scores[j], ScoreAvx2(LoadEight(&scores[j]), exponent));
    }
    for (; j < scores.size(); ++j) scores[j] = Score(scores[j], query.exponent, keys.exponents[j]);
  }

  static uint64_t Numerators(std::span<const int32_t> scores, std::span<int32_t> p) {
    constexpr size_t kChunk = size_t{1}
                              << 18;  // a lane adds 2^15 numbers below 2^15 between two widenings
    const int32_t largest = LargestOf(scores);
    uint64_t total = 0;
    size_t j = 0;
    while (j + 8 <= scores.size()) {
      const size_t end = scores.size() - j > kChunk ? j + kChunk : scores.size();
      __m256i sum = _mm256_setzero_si256();
      for (; j + 8 <= end; j += 8) {
        const __m256i v =
            Exp2NegativeAvx2(_mm256_sub_epi32(_mm256_set1_epi32(largest), LoadEight(&scores[j])));
        StoreEight(&p[j], v);
        sum = _mm256_add_epi32(sum, v);
      }
      alignas(32) uint32_t lanes[8];
      _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), sum);
      for (const uint32_t lane : lanes) total += lane;
    }
    for (; j < scores.size(); ++j) {
      p[j] = Exp2Negative(static_cast<uint32_t>(int64_t{largest} - scores[j]));
      total += static_cast<uint64_t>(p[j]);
    }
    return total;
  }

  static int Align(const HeadCacheView& values, std::span<int32_t> p) {
    int largest = values.exponents[0];
    for (size_t j = 1; j < p.size(); ++j)
      largest = largest > values.exponents[j] ? largest : values.exponents[j];
    size_t j = 0;
    for (; j + 8 <= p.size(); j += 8) {
      const __m256i distance =
          _mm256_sub_epi32(_mm256_set1_epi32(largest), LoadExponents(values.exponents + j));
      StoreEight(&p[j], RoundShiftEach(LoadEight(&p[j]),
                                       _mm256_min_epi32(distance, _mm256_set1_epi32(31))));
    }
    for (; j < p.size(); ++j) p[j] = AlignedProbability(p[j], largest, values.exponents[j]);
    return largest;
  }
};

// sums[d] = sum over j of p[j] * v[j][d], 0 <= p <= 32767. Two positions a step: 16 dimensions as
// 16-bit pairs; 32-bit sums hold 2 * 32767 * 127 * 256 < 2^31 of 256 steps before they are widened.
inline void LoopsAvx2::Weigh(const int32_t* p, const int8_t* v, int64_t positions, int64_t head_dim,
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
