// The specification itself as a kernel set.
#include "kernels/sets.h"
#include "numeric/matrix_pass.h"

namespace burin {

const KernelSet kScalarKernels = {
    .name = "scalar",
    .multiply_tiles = MultiplyTiles,
    .quantize_token = QuantizeToken,
    .rms_norm = RmsNorm,
    .swiglu_groups = SwiGluGroups,
    .matrix_to_fixed = MatrixToFixed,
    .add_to_residual = AddToResidual,
    .attend = Attend,
    .adapter_rank_vector = AdapterRankVector,
    .add_adapter_outputs = AddAdapterOutputs,
};

}  // namespace burin
