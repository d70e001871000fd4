#include "quant/fold.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "base/check.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

const TensorView& ViewOf(const Model& model, TensorKind kind, int64_t layer) {
  if (kind == TensorKind::kEmbedding) return model.embedding;
  if (kind == TensorKind::kHead) return model.head;
  if (kind == TensorKind::kFinalNorm) return model.final_norm;
  const LayerTensors& t = model.layers[static_cast<size_t>(layer)];
  switch (kind) {
    case TensorKind::kQ:
      return t.q;
    case TensorKind::kK:
      return t.k;
    case TensorKind::kV:
      return t.v;
    case TensorKind::kO:
      return t.o;
    case TensorKind::kGate:
      return t.gate;
    case TensorKind::kUp:
      return t.up;
    case TensorKind::kDown:
      return t.down;
    case TensorKind::kQBias:
      return t.q_bias;
    case TensorKind::kKBias:
      return t.k_bias;
    case TensorKind::kVBias:
      return t.v_bias;
    case TensorKind::kAttentionNorm:
      return t.attention_norm;
    case TensorKind::kFfnNorm:
      return t.ffn_norm;
    case TensorKind::kQNorm:
      return t.q_norm;
    default:
      BURIN_CHECK(kind == TensorKind::kKNorm);
      return t.k_norm;
  }
}

// The norm whose gain goes into the rows of the matrix; null if none does.
const TensorView* NormBefore(const Model& model, const MatrixEntry& entry) {
  switch (entry.kind) {
    case TensorKind::kQ:
    case TensorKind::kK:
    case TensorKind::kV:
      return &model.layers[static_cast<size_t>(entry.layer)].attention_norm;
    case TensorKind::kGate:
    case TensorKind::kUp:
      return &model.layers[static_cast<size_t>(entry.layer)].ffn_norm;
    case TensorKind::kHead:
      return &model.final_norm;
    default:
      return nullptr;
  }
}

}  // namespace

double ScoreFactor(const ModelConfig& config) {
  return std::numbers::log2e / std::sqrt(static_cast<double>(config.head_dim));
}

FoldedMatrix::FoldedMatrix(const Model& model, const MatrixEntry& entry)
    : view_(&ViewOf(model, entry.kind, entry.layer)) {
  BURIN_CHECK(view_->rows() == entry.cols && view_->cols() == entry.rows);
  if (const TensorView* norm = NormBefore(model, entry)) gains_ = norm->ToFloats();
  BURIN_CHECK(gains_.empty() || static_cast<int64_t>(gains_.size()) == entry.rows);
  if (entry.kind == TensorKind::kQ && !model.config.qk_norm) {
    factor_ = static_cast<float>(ScoreFactor(model.config));
  }
}

void FoldedMatrix::ReadColumn(int64_t col, std::span<float> out) const {
  view_->ReadRow(col, out);
  for (size_t i = 0; i < gains_.size(); ++i) out[i] *= gains_[i];
  if (factor_ != 1) {
    for (float& weight : out) weight *= factor_;
  }
}

std::vector<float> FoldedVector(const Model& model, const VectorEntry& entry) {
  std::vector<float> values = ViewOf(model, entry.kind, entry.layer).ToFloats();
  BURIN_CHECK(static_cast<int64_t>(values.size()) == entry.size);
  const bool scores = entry.kind == TensorKind::kQNorm ||
                      (entry.kind == TensorKind::kQBias && !model.config.qk_norm);
  const auto factor = static_cast<float>(scores ? ScoreFactor(model.config) : 1.0);
  for (float& value : values) value *= factor;
  return values;
}

std::vector<int32_t> QuantizeBias(std::span<const float> bias) {
  std::vector<int32_t> out(bias.size());
  std::transform(bias.begin(), bias.end(), out.begin(), [](float b) {
    const double scaled = std::ldexp(static_cast<double>(b), kVectorFraction);
    return Saturate32(static_cast<int64_t>(std::floor(std::clamp(scaled, -0x1p40, 0x1p40) + 0.5)));
  });
  return out;
}

}  // namespace burin
