// Folding: what the chip has no multiplier for is multiplied into the weights
// (docs/quantization.md, "Folding").
//
//   attention_norm gain -> rows of q, k, v          ffn_norm gain -> rows of gate, up
//   final_norm gain     -> rows of head, unless the head is tied: then the gain stays a vector
//   log2(e) / sqrt(head_dim) -> q weights and q bias, or the q_norm gain when there is a q_norm
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "model/model.h"
#include "quant/tensor_list.h"

namespace burin {

// A matrix of the model as the fabric wants it. Reads columns one by one from the mapped
// checkpoint, so no second copy of the weights ever exists. ReadColumn is const and safe from many
// threads; `model` must outlive this.
class FoldedMatrix {
 public:
  FoldedMatrix(const Model& model, const MatrixEntry& entry);

  int64_t rows() const { return view_->cols(); }  // inputs of the fabric
  int64_t cols() const { return view_->rows(); }  // outputs of the fabric

  // Column `col` of the fabric (the checkpoint's row `col`): weight * gain(row) * factor, two float
  // roundings; out has rows() values. They are not finite when the checkpoint's are not.
  void ReadColumn(int64_t col, std::span<float> out) const;

  // Gain of each row that was folded in; empty if none.
  std::span<const float> gains() const { return gains_; }
  const TensorView& view() const { return *view_; }

 private:
  const TensorView* view_;
  std::vector<float> gains_;
  float factor_ = 1;
};

// log2(e) / sqrt(head_dim): scores of attention come out in units of log2.
double ScoreFactor(const ModelConfig& config);

// The values of a vector with its factor, as floats. Bias: to be rounded to kVectorFraction bits.
std::vector<float> FoldedVector(const Model& model, const VectorEntry& entry);

// Biases as int32 with kVectorFraction bits, rounded half up, saturated.
std::vector<int32_t> QuantizeBias(std::span<const float> bias);

}  // namespace burin
