// The specification itself as a kernel set.
#include "kernels/sets.h"
#include "numeric/matrix_pass.h"

namespace burin {
namespace {

void SwiGluToken(std::span<const int32_t> gate, std::span<const int32_t> up, BlockFloatBatch& batch,
                 int64_t t) {
  std::vector<int64_t> products(gate.size());
  for (size_t i = 0; i < gate.size(); ++i) products[i] = SwiGlu(gate[i], up[i]);
  QuantizeToken(products, kSwiGluFraction, batch, t);
}

}  // namespace

const KernelSet kScalarKernels = {
    .name = "scalar",
    .multiply_tiles = MultiplyTiles,
    .quantize_token = QuantizeToken,
    .rms_norm = RmsNorm,
    .swiglu_token = SwiGluToken,
    .matrix_to_fixed = MatrixToFixed,
    .add_to_residual = AddToResidual,
    .attend = Attend,
};

}  // namespace burin
