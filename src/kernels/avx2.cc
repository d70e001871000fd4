// 256-bit kernels for any processor with AVX2.
#include "kernels/adapter_avx2-inl.h"
#include "kernels/attention_avx2-inl.h"
#include "kernels/avx2-inl.h"
#include "kernels/multiply-inl.h"
#include "kernels/sets.h"
#include "kernels/swiglu_avx2-inl.h"
#include "kernels/vectors-inl.h"

namespace burin {

const KernelSet kAvx2Kernels = {
    .name = "avx2",
    .multiply_tiles = MultiplyTilesFor<Avx2>,
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
