// Primitives of 256-bit vectors (see multiply-inl.h), shared by the sets with and without AVX-VNNI.
#pragma once

#include <immintrin.h>

#include <cstdint>
#include <cstring>

namespace burin {
namespace {

struct Avx2Base {
  using Bytes = __m256i;
  using Ints = __m256i;
  static constexpr int kParts = 2;
  static constexpr int kTokenBlock = 4;

  static Bytes Load(const void* p) { return _mm256_loadu_si256(static_cast<const __m256i*>(p)); }
  static void Store(void* p, Bytes v) { _mm256_storeu_si256(static_cast<__m256i*>(p), v); }
  static Bytes And(Bytes a, Bytes b) { return _mm256_and_si256(a, b); }
  static Bytes AndNot(Bytes a, Bytes b) { return _mm256_andnot_si256(a, b); }
  static Bytes Or(Bytes a, Bytes b) { return _mm256_or_si256(a, b); }
  static Bytes Splat(int byte) { return _mm256_set1_epi8(static_cast<char>(byte)); }
  template <int kBits>
  static Bytes Shift(Bytes v) {
    return _mm256_srli_epi16(v, kBits);
  }
  static Bytes Table(const uint8_t* p) {
    return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Bytes Lookup(Bytes table, Bytes index) { return _mm256_shuffle_epi8(table, index); }
  static Bytes AddBytes(Bytes a, Bytes b) { return _mm256_add_epi8(a, b); }
  static Bytes Broadcast(const int8_t* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return _mm256_set1_epi32(four);
  }

  static Ints ZeroInts() { return _mm256_setzero_si256(); }
  static Ints SplatInt(int32_t i) { return _mm256_set1_epi32(i); }
  static Ints LoadInts(const int32_t* p) { return Load(p); }
  static void StoreInts(int32_t* p, Ints v) { Store(p, v); }
  static Ints Add(Ints a, Ints b) { return _mm256_add_epi32(a, b); }
  static Ints Sub(Ints a, Ints b) { return _mm256_sub_epi32(a, b); }
  static Ints Mul(Ints a, Ints b) { return _mm256_mullo_epi32(a, b); }
  static Ints Min(Ints a, Ints b) { return _mm256_min_epi32(a, b); }
  static Ints AndInts(Ints a, Ints b) { return _mm256_and_si256(a, b); }
  template <int kBits>
  static Ints ShiftIntsRight(Ints v) {
    return _mm256_srli_epi32(v, kBits);
  }
  static Ints ShiftLeftEach(Ints v, Ints counts) { return _mm256_sllv_epi32(v, counts); }
  static Ints ShiftRightEach(Ints v, Ints counts) { return _mm256_srav_epi32(v, counts); }
  static Ints Widen(const uint8_t* p) {
    return _mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p)));
  }
};

// Products of bytes pass through 16-bit pairs. 2 * 127 * 127 = 32,258 and 2 * 2 * 63 * 127 = 32,004
// both fit.
struct Avx2 : Avx2Base {
  static Ints Dot(Ints acc, Bytes u, Bytes x) {
    return Add(acc, _mm256_madd_epi16(_mm256_maddubs_epi16(u, x), _mm256_set1_epi16(1)));
  }
  static Ints Dot2(Ints acc, Bytes u0, Bytes x0, Bytes u1, Bytes x1) {
    const __m256i pairs =
        _mm256_add_epi16(_mm256_maddubs_epi16(u0, x0), _mm256_maddubs_epi16(u1, x1));
    return Add(acc, _mm256_madd_epi16(pairs, _mm256_set1_epi16(1)));
  }
};

}  // namespace
}  // namespace burin
