// The forward pass of the chip with the weights of the checkpoint: activations, tables, attention
// and KV memory stay the integers of the contract, only the matrices are exact. It measures what
// the arithmetic costs apart from the weights.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "emu/matrix_backend.h"
#include "model/model.h"
#include "quant/quantized_model.h"

namespace burin {

// Emulator(weights.shell(), kernels, pool, &weights) runs it. Folds as the quantizer does: norm
// gains into q, k, v, gate, up and an untied head; log2(e) / sqrt(head_dim) into q and its bias, or
// into q_norm where there is one. Not for speed: rows are read from the checkpoint for each call.
class FloatWeights final : public MatrixBackend {
 public:
  // `model` must outlive this object. The other arguments as in QuantizedModel; 1 <= context <=
  // model.config.max_positions.
  FloatWeights(const Model& model, int64_t context, int64_t group, int residual_fraction);
  FloatWeights(const FloatWeights&) = delete;
  FloatWeights& operator=(const FloatWeights&) = delete;

  // A quantized model without its matrices: geometry, rotary table, biases and gains.
  const QuantizedModel& shell() const { return shell_; }

  void ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const override;
  // Inputs (mantissa * 2^exponent) times folded weights, summed in double in a fixed order, rounded
  // half up to the fixed format, saturated.
  void Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                std::vector<int32_t>& scratch, ThreadPool* pool) const override;

 private:
  struct FoldedMatrix {
    const TensorView* weights = nullptr;
    std::span<const double> gains;  // of the inputs; empty for none
    double factor = 1;
  };
  FoldedMatrix Find(MatrixId id) const;
  void MultiplyOne(const MatrixPass& pass, const BlockFloatBatch& x, ThreadPool* pool) const;
  std::span<const int32_t> FoldBias(const TensorView& bias, double factor);
  GainView FoldGain(const TensorView& gain, double factor);

  const Model& model_;
  const double query_factor_;  // log2(e) / sqrt(head_dim)
  QuantizedModel shell_;
  std::vector<std::vector<double>> attention_gains_, ffn_gains_;  // [layers][hidden]
  std::vector<double> final_gains_;                               // [hidden]; empty when tied
  std::vector<int16_t> rotary_;
  std::vector<std::vector<int32_t>> biases_;
  std::vector<std::vector<int16_t>> gains_;
};

}  // namespace burin
