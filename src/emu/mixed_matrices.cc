#include "emu/mixed_matrices.h"

namespace burin {

void MixedMatrices::ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const {
  (embedding_ ? chosen_ : rest_).ReadEmbedding(token, fraction, out);
}

void MixedMatrices::Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                             std::vector<int32_t>& scratch, ThreadPool* pool) const {
  for (const MatrixPass& pass : passes) {
    (choose_(pass.id) ? chosen_ : rest_).Multiply({&pass, 1}, x, scratch, pool);
  }
}

}  // namespace burin
