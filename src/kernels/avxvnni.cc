// 256-bit kernels for processors with AVX-VNNI: the four-byte dot product is one instruction.
#include "kernels/adapter_avx2-inl.h"
#include "kernels/attention_avx2-inl.h"
#include "kernels/avx2-inl.h"
#include "kernels/multiply-inl.h"
#include "kernels/sets.h"
#include "kernels/swiglu_avx2-inl.h"
#include "kernels/vectors-inl.h"

namespace burin {
namespace {

struct AvxVnni : Avx2Base {
  static Ints Dot(Ints acc, Bytes u, Bytes x) { return _mm256_dpbusd_avx_epi32(acc, u, x); }
  static Ints Dot2(Ints acc, Bytes u0, Bytes x0, Bytes u1, Bytes x1) {
    return Dot(Dot(acc, u0, x0), u1, x1);
  }
};

}  // namespace

const KernelSet kAvxVnniKernels = {
    .name = "avxvnni",
    .multiply_tiles = MultiplyTilesFor<AvxVnni>,
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
