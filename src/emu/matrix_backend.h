// The seam between the forward pass and its matrices. `IntegerMatrices` is the fabric: quantized
// weights through a kernel set. `FloatWeights` (float_weights.h) runs the same forward pass with
// the weights of the checkpoint, to measure what the integer activations, tables and KV memory cost
// by themselves.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernel_set.h"
#include "model/model.h"
#include "quant/quantized_model.h"

namespace burin {

struct MatrixId {
  int64_t layer = 0;  // not read for kHead
  MatrixKind kind = MatrixKind::kQ;
};

// One matrix of a pass and what becomes of its outputs.
struct MatrixPass {
  MatrixId id;
  int fraction = 0;         // fraction bits of `out`
  bool accumulate = false;  // out = saturated(out + product) rather than out = product
  int32_t* out = nullptr;   // [tokens][outputs of the matrix]
};

// One call for a whole batch; never one for an element.
class MatrixBackend {
 public:
  virtual ~MatrixBackend() = default;

  // The embedding of `token` with `fraction` bits, saturated; out has `hidden` values.
  virtual void ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const = 0;

  // All `passes` (1 to 3 matrices with the same inputs) for all tokens of x, as fixed point.
  // `scratch` is the caller's and grows as needed; `pool` may be null. The result does not depend
  // on the pool.
  virtual void Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                        std::vector<int32_t>& scratch, ThreadPool* pool) const = 0;
};

// Matrix steps with fewer multiply-adds than this (tokens * inputs * outputs) stay on the calling
// thread: they take about as long as waking the others.
inline constexpr int64_t kParallelMultiplyAdds = int64_t{1} << 19;

// docs/numerics.md, section 4: raw column sums, then MatrixToFixed or AddToResidual. Both objects
// must outlive this one.
class IntegerMatrices final : public MatrixBackend {
 public:
  IntegerMatrices(const QuantizedModel& model, const KernelSet& kernels)
      : model_(model), kernels_(kernels) {}

  void ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const override;
  void Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                std::vector<int32_t>& scratch, ThreadPool* pool) const override;

 private:
  const QuantizedModel& model_;
  const KernelSet& kernels_;
};

const PackedMatrix& FindMatrix(const QuantizedModel& model, MatrixId id);

}  // namespace burin
