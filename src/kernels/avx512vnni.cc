// 512-bit kernels for processors with AVX-512 F, BW, DQ, VL and VNNI: one vector is one stored
// vector.
#include <immintrin.h>

#include "kernels/adapter_avx2-inl.h"
#include "kernels/attention_avx2-inl.h"
#include "kernels/multiply-inl.h"
#include "kernels/sets.h"
#include "kernels/swiglu_avx2-inl.h"
#include "kernels/vectors-inl.h"

namespace burin {
namespace {

struct Avx512Vnni {
  using Bytes = __m512i;
  using Ints = __m512i;
  static constexpr int kParts = 1;
  static constexpr int kTokenBlock = 16;

  static Bytes Load(const void* p) { return _mm512_loadu_si512(p); }
  static void Store(void* p, Bytes v) { _mm512_storeu_si512(p, v); }
  static Bytes And(Bytes a, Bytes b) { return _mm512_and_si512(a, b); }
  static Bytes AndNot(Bytes a, Bytes b) { return _mm512_andnot_si512(a, b); }
  static Bytes Or(Bytes a, Bytes b) { return _mm512_or_si512(a, b); }
  static Bytes Splat(int byte) { return _mm512_set1_epi8(static_cast<char>(byte)); }
  template <int kBits>
  static Bytes Shift(Bytes v) {
    return _mm512_srli_epi16(v, kBits);
  }
  static Bytes Table(const uint8_t* p) {
    return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static Bytes Lookup(Bytes table, Bytes index) { return _mm512_shuffle_epi8(table, index); }
  static Bytes AddBytes(Bytes a, Bytes b) { return _mm512_add_epi8(a, b); }
  static Bytes Broadcast(const int8_t* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return _mm512_set1_epi32(four);
  }
  static Ints Dot(Ints acc, Bytes u, Bytes x) { return _mm512_dpbusd_epi32(acc, u, x); }
  static Ints Dot2(Ints acc, Bytes u0, Bytes x0, Bytes u1, Bytes x1) {
    return Dot(Dot(acc, u0, x0), u1, x1);
  }

  static Ints ZeroInts() { return _mm512_setzero_si512(); }
  static Ints SplatInt(int32_t i) { return _mm512_set1_epi32(i); }
  static Ints LoadInts(const int32_t* p) { return Load(p); }
  static void StoreInts(int32_t* p, Ints v) { Store(p, v); }
  static Ints Add(Ints a, Ints b) { return _mm512_add_epi32(a, b); }
  static Ints Sub(Ints a, Ints b) { return _mm512_sub_epi32(a, b); }
  static Ints Mul(Ints a, Ints b) { return _mm512_mullo_epi32(a, b); }
  static Ints Min(Ints a, Ints b) { return _mm512_min_epi32(a, b); }
  static Ints AndInts(Ints a, Ints b) { return _mm512_and_si512(a, b); }
  template <int kBits>
  static Ints ShiftIntsRight(Ints v) {
    return _mm512_srli_epi32(v, kBits);
  }
  static Ints ShiftLeftEach(Ints v, Ints counts) { return _mm512_sllv_epi32(v, counts); }
  static Ints ShiftRightEach(Ints v, Ints counts) { return _mm512_srav_epi32(v, counts); }
  static Ints Widen(const uint8_t* p) {
    return _mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
};

}  // namespace

const KernelSet kAvx512VnniKernels = {
    .name = "avx512vnni",
    .multiply_tiles = MultiplyTilesFor<Avx512Vnni>,
    .quantize_token = QuantizeTokenFor,
    .rms_norm = RmsNorm,
    .swiglu_groups = SwiGluGroupsAvx2,
    .matrix_to_fixed = MatrixToFixedFor,
    .add_to_residual = AddToResidualFor,
    .attend = AttendFor<LoopsAvx2>,
    .adapter_rank_vector = AdapterRankVectorAvx2,
    .add_adapter_outputs = AddAdapterOutputsAvx2,
};

}  // namespace burin
