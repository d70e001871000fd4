// 128-bit kernels for 64-bit Arm processors with the dot product instructions (Armv8.2
// FEAT_DotProd).
#include <arm_neon.h>

#include "kernels/multiply-inl.h"
#include "kernels/sets.h"
#include "kernels/vectors-inl.h"

namespace burin {
namespace {

struct NeonDot {
  using Bytes = uint8x16_t;
  using Ints = int32x4_t;
  static constexpr int kParts = 4;
  static constexpr int kTokenBlock = 4;

  static Bytes Load(const void* p) { return vld1q_u8(static_cast<const uint8_t*>(p)); }
  static void Store(void* p, Bytes v) { vst1q_u8(static_cast<uint8_t*>(p), v); }
  static Bytes And(Bytes a, Bytes b) { return vandq_u8(a, b); }
  static Bytes AndNot(Bytes a, Bytes b) { return vbicq_u8(b, a); }
  static Bytes Or(Bytes a, Bytes b) { return vorrq_u8(a, b); }
  static Bytes Splat(int byte) { return vdupq_n_u8(static_cast<uint8_t>(byte)); }
  template <int kBits>
  static Bytes Shift(Bytes v) {
    return vreinterpretq_u8_u16(vshrq_n_u16(vreinterpretq_u16_u8(v), kBits));
  }
  static Bytes Table(const uint8_t* p) { return vld1q_u8(p); }
  static Bytes Lookup(Bytes table, Bytes index) {
    return vqtbl1q_u8(table, vandq_u8(index, vdupq_n_u8(15)));
  }
  static Bytes AddBytes(Bytes a, Bytes b) { return vaddq_u8(a, b); }
  static Bytes Broadcast(const int8_t* p) {
    int32_t four;
    std::memcpy(&four, p, sizeof four);
    return vreinterpretq_u8_s32(vdupq_n_s32(four));
  }
  // Levels are at most 127, so that they are the same as signed bytes.
  static Ints Dot(Ints acc, Bytes u, Bytes x) {
    return vdotq_s32(acc, vreinterpretq_s8_u8(u), vreinterpretq_s8_u8(x));
  }
  static Ints Dot2(Ints acc, Bytes u0, Bytes x0, Bytes u1, Bytes x1) {
    return Dot(Dot(acc, u0, x0), u1, x1);
  }

  static Ints ZeroInts() { return vdupq_n_s32(0); }
  static Ints SplatInt(int32_t i) { return vdupq_n_s32(i); }
  static Ints LoadInts(const int32_t* p) { return vld1q_s32(p); }
  static void StoreInts(int32_t* p, Ints v) { vst1q_s32(p, v); }
  static Ints Add(Ints a, Ints b) { return vaddq_s32(a, b); }
  static Ints Sub(Ints a, Ints b) { return vsubq_s32(a, b); }
  static Ints Mul(Ints a, Ints b) { return vmulq_s32(a, b); }
  static Ints Min(Ints a, Ints b) { return vminq_s32(a, b); }
  static Ints AndInts(Ints a, Ints b) { return vandq_s32(a, b); }
  template <int kBits>
  static Ints ShiftIntsRight(Ints v) {
    return vreinterpretq_s32_u32(vshrq_n_u32(vreinterpretq_u32_s32(v), kBits));
  }
  static Ints ShiftLeftEach(Ints v, Ints counts) { return vshlq_s32(v, counts); }
  static Ints ShiftRightEach(Ints v, Ints counts) { return vshlq_s32(v, vnegq_s32(counts)); }
  static Ints Widen(const uint8_t* p) {
    uint32_t four;
    std::memcpy(&four, p, sizeof four);
    const uint16x8_t wide = vmovl_u8(vcreate_u8(four));
    return vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(wide)));
  }
};

// Plain loops: the compiler turns them into vector code.
struct Loops : ScalarSoftmax {
  static void Dots(const int8_t* q, const int8_t* k, int64_t positions, int64_t head_dim,
                   int32_t* dots) {
    for (int64_t j = 0; j < positions; ++j, k += head_dim) {
      int32_t dot = 0;
      for (int64_t d = 0; d < head_dim; ++d) dot += q[d] * k[d];
      dots[j] = dot;
    }
  }
  static void Weigh(const int32_t* p, const int8_t* v, int64_t positions, int64_t head_dim,
                    int64_t* sums) {
    for (int64_t d = 0; d < head_dim; ++d) sums[d] = 0;
    for (int64_t j = 0; j < positions; ++j, v += head_dim) {
      for (int64_t d = 0; d < head_dim; ++d) sums[d] += p[j] * v[d];
    }
  }
};

}  // namespace

const KernelSet kNeonDotKernels = {
    .name = "neon",
    .multiply_tiles = MultiplyTilesFor<NeonDot>,
    .quantize_token = QuantizeTokenFor,
    .rms_norm = RmsNorm,
    .swiglu_groups = SwiGluGroups,
    .matrix_to_fixed = MatrixToFixedFor,
    .add_to_residual = AddToResidualFor,
    .attend = AttendFor<Loops>,
    .adapter_rank_vector = AdapterRankVector,
    .add_adapter_outputs = AddAdapterOutputs,
};

}  // namespace burin
