// Some matrices from one backend, the others from another: what quantizing a part of the weights
// costs by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "emu/matrix_backend.h"

namespace burin {

// Both backends must be of one model, folded alike (IntegerMatrices and FloatWeights are), and must
// outlive this object.
class MixedMatrices final : public MatrixBackend {
 public:
  // Matrices for which `choose` holds come from `chosen`, the others from `rest`; `embedding` says
  // the same of the embedding. `choose` may be called from several threads.
  MixedMatrices(const MatrixBackend& chosen, const MatrixBackend& rest,
                std::function<bool(MatrixId)> choose, bool embedding)
      : chosen_(chosen), rest_(rest), choose_(std::move(choose)), embedding_(embedding) {}

  void ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const override;
  void Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                std::vector<int32_t>& scratch, ThreadPool* pool) const override;

 private:
  const MatrixBackend& chosen_;
  const MatrixBackend& rest_;
  const std::function<bool(MatrixId)> choose_;
  const bool embedding_;
};

}  // namespace burin
