// SwiGLU of a block and its quantization in 256-bit vectors; 64-bit products in even and odd lanes.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

#include "numeric/block_float.h"
#include "numeric/fixed.h"
#include "numeric/tables.h"
#include "numeric/vector_ops.h"

namespace burin {
namespace {

// Sigmoid of tables.h in eight lanes: Q16.
inline __m256i SigmoidAvx2(__m256i x) {
  const int* table = ContractTables().sigmoid.data();
  const __m256i magnitude =
      _mm256_abs_epi32(x);  // the most negative number stays; as unsigned it is right
  const __m256i limit = _mm256_set1_epi32((16 << 16) - 1);
  const __m256i inside = _mm256_min_epu32(magnitude, limit);
  const __m256i index = _mm256_srli_epi32(inside, 11);
  const __m256i rest = _mm256_and_si256(inside, _mm256_set1_epi32(2047));
  const __m256i low = _mm256_i32gather_epi32(table, index, 4),
                high = _mm256_i32gather_epi32(table + 1, index, 4);
  const __m256i step = _mm256_mullo_epi32(_mm256_sub_epi32(high, low), rest);
  __m256i value =
      _mm256_add_epi32(low, _mm256_srai_epi32(_mm256_add_epi32(step, _mm256_set1_epi32(1024)), 11));
  const __m256i one = _mm256_set1_epi32(65536);
  value = _mm256_blendv_epi8(one, value, _mm256_cmpeq_epi32(inside, magnitude));
  return _mm256_blendv_epi8(value, _mm256_sub_epi32(one, value), _mm256_srai_epi32(x, 31));
}

// SwiGlu of vector_ops.h for eight pairs: the products of lanes 0, 2, 4, 6 and of lanes 1, 3, 5, 7.
struct Products {
  __m256i even, odd;
};
inline Products SwiGluAvx2(__m256i gate, __m256i up) {
  const __m256i sigmoid = SigmoidAvx2(gate), half = _mm256_set1_epi64x(1 << 15);
  const __m256i gate_odd = _mm256_srli_epi64(gate, 32),
                sigmoid_odd = _mm256_srli_epi64(sigmoid, 32);
  // silu fits 32 bits, so that a logical shift leaves the right low half.
  const __m256i silu_even =
      _mm256_srli_epi64(_mm256_add_epi64(_mm256_mul_epi32(gate, sigmoid), half), 16);
  const __m256i silu_odd =
      _mm256_srli_epi64(_mm256_add_epi64(_mm256_mul_epi32(gate_odd, sigmoid_odd), half), 16);
  return {_mm256_mul_epi32(silu_even, up), _mm256_mul_epi32(silu_odd, _mm256_srli_epi64(up, 32))};
}

inline __m256i Magnitude64(__m256i x) {
  const __m256i sign = _mm256_cmpgt_epi64(_mm256_setzero_si256(), x);
  return _mm256_sub_epi64(_mm256_xor_si256(x, sign), sign);
}

// RoundShift(x, shift) for |x| <= 2^62 and 1 <= shift <= 56: 2^62 makes the number positive and
// leaves again after the shift.
inline __m256i RoundShift64(__m256i x, int shift) {
  const __m256i addend = _mm256_set1_epi64x((int64_t{1} << 62) + (int64_t{1} << (shift - 1)));
  const __m256i moved = _mm256_srl_epi64(_mm256_add_epi64(x, addend), _mm_cvtsi32_si128(shift));
  return _mm256_sub_epi64(moved, _mm256_set1_epi64x(int64_t{1} << (62 - shift)));
}

// Groups [group_begin, group_end) of token t: 8 values a step; a ragged rest of the last group goes
// through padded copies.
inline void SwiGluGroupsAvx2(std::span<const int32_t> gate, std::span<const int32_t> up,
                             BlockFloatBatch& batch, int64_t t, int64_t group_begin,
                             int64_t group_end) {
  Products products[128 / 8];
  for (int64_t g = group_begin; g < group_end; ++g) {
    const int64_t begin = g * batch.group, left = batch.rows - begin;
    const int64_t count = left < batch.group ? left : batch.group, steps = (count + 7) / 8;
    __m256i bits = _mm256_setzero_si256();
    for (int64_t i = 0; i < steps; ++i) {
      alignas(32) int32_t a[8] = {}, b[8] = {};
      const int64_t rest = count - 8 * i;
      const auto bytes = static_cast<size_t>(rest < 8 ? rest : 8) * sizeof(int32_t);
      std::memcpy(a, gate.data() + begin + 8 * i, bytes);
      std::memcpy(b, up.data() + begin + 8 * i, bytes);
      products[i] = SwiGluAvx2(_mm256_load_si256(reinterpret_cast<const __m256i*>(a)),
                               _mm256_load_si256(reinterpret_cast<const __m256i*>(b)));
      bits = _mm256_or_si256(
          bits, _mm256_or_si256(Magnitude64(products[i].even), Magnitude64(products[i].odd)));
    }
    alignas(32) uint64_t lanes[4];
    _mm256_store_si256(reinterpret_cast<__m256i*>(lanes), bits);
    const int length = BitLength(lanes[0] | lanes[1] | lanes[2] | lanes[3]);
    const int shift = length > 7 ? length - 7 : 0;
    int8_t* mantissas = batch.TokenMantissas(t) + begin;
    int32_t sum = 0;
    for (int64_t i = 0; i < steps; ++i) {
      const __m256i even = shift == 0 ? products[i].even : RoundShift64(products[i].even, shift);
      const __m256i odd = shift == 0 ? products[i].odd : RoundShift64(products[i].odd, shift);
      alignas(32) int32_t values[8];
      const __m256i both = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xaa);
      _mm256_store_si256(reinterpret_cast<__m256i*>(values),
                         _mm256_max_epi32(_mm256_min_epi32(both, _mm256_set1_epi32(127)),
                                          _mm256_set1_epi32(-127)));
      for (int64_t k = 0; k < 8 && 8 * i + k < count; ++k) {
        mantissas[8 * i + k] = static_cast<int8_t>(values[k]);
        sum += values[k];
      }
    }
    std::memset(mantissas + count, 0, static_cast<size_t>(batch.group - count));
    batch.TokenExponents(t)[g] = length == 0 ? kZeroBlockExponent : shift - kSwiGluFraction;
    batch.TokenSums(t)[g] = sum;
  }
}

}  // namespace
}  // namespace burin
