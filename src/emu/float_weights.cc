#include "emu/float_weights.h"

#include <array>
#include <cmath>
#include <numbers>

#include "model/rotary.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

int32_t ToFixed(double x, int fraction) {
  const double scaled = std::floor(std::ldexp(x, fraction) + 0.5);
  return static_cast<int32_t>(std::clamp(scaled, -0x1p31, 0x1p31 - 1));
}

std::vector<double> ToDoubles(const TensorView& tensor) {
  const std::vector<float> floats = tensor.ToFloats();
  return {floats.begin(), floats.end()};
}

// In eight partial sums, whatever the compiler makes of them.
double Dot(std::span<const float> w, const double* x) {
  std::array<double, 8> sums{};
  size_t i = 0;
  for (; i + 8 <= w.size(); i += 8) {
    for (size_t j = 0; j < 8; ++j) sums[j] += static_cast<double>(w[i + j]) * x[i + j];
  }
  for (; i < w.size(); ++i) sums[0] += static_cast<double>(w[i]) * x[i];
  double sum = 0;
  for (const double part : sums) sum += part;
  return sum;
}

}  // namespace

FloatWeights::FloatWeights(const Model& model, int64_t context, int64_t group,
                           int residual_fraction)
    : model_(model),
      query_factor_(std::numbers::log2e / std::sqrt(static_cast<double>(model.config.head_dim))) {
  const ModelConfig& c = model.config;
  shell_.config = c;
  shell_.generation = model.generation;
  shell_.context = context;
  shell_.group = group;
  shell_.residual_fraction = residual_fraction;
  rotary_ = MakeRotaryTable(RotaryFrequencies(c), context);
  shell_.rotary = ViewRotaryTable(rotary_, c.head_dim / 2, context);
  if (c.tied_head) {
    shell_.final_norm = FoldGain(model.final_norm, 1);
  } else {
    final_gains_ = ToDoubles(model.final_norm);
  }
  for (const LayerTensors& tensors : model.layers) {
    attention_gains_.push_back(ToDoubles(tensors.attention_norm));
    ffn_gains_.push_back(ToDoubles(tensors.ffn_norm));
    QuantizedLayer& layer = shell_.layers.emplace_back();
    layer.attention_norm = FoldGain(tensors.attention_norm, 1);
    layer.ffn_norm = FoldGain(tensors.ffn_norm, 1);
    if (c.qkv_bias) {
      layer.q_bias = FoldBias(tensors.q_bias, c.qk_norm ? 1 : query_factor_);
      layer.k_bias = FoldBias(tensors.k_bias, 1);
      layer.v_bias = FoldBias(tensors.v_bias, 1);
    }
    if (c.qk_norm) {
      layer.q_norm = FoldGain(tensors.q_norm, query_factor_);
      layer.k_norm = FoldGain(tensors.k_norm, 1);
    }
  }
}

std::span<const int32_t> FloatWeights::FoldBias(const TensorView& bias, double factor) {
  std::vector<int32_t>& fixed = biases_.emplace_back();
  for (const double b : ToDoubles(bias)) fixed.push_back(ToFixed(b * factor, kVectorFraction));
  return fixed;
}

GainView FloatWeights::FoldGain(const TensorView& gain, double factor) {
  std::vector<float> folded = gain.ToFloats();
  for (float& g : folded) g = static_cast<float>(g * factor);
  std::vector<int16_t>& mantissas = gains_.emplace_back(folded.size());
  const int exponent = QuantizeGains(folded, mantissas);
  return {mantissas, exponent};
}

FloatWeights::FoldedMatrix FloatWeights::Find(MatrixId id) const {
  if (id.kind == MatrixKind::kHead) return {&model_.head, final_gains_, 1};
  const auto l = static_cast<size_t>(id.layer);
  const LayerTensors& layer = model_.layers[l];
  switch (id.kind) {
    case MatrixKind::kQ:
      return {&layer.q, attention_gains_[l], model_.config.qk_norm ? 1 : query_factor_};
    case MatrixKind::kK:
      return {&layer.k, attention_gains_[l], 1};
    case MatrixKind::kV:
      return {&layer.v, attention_gains_[l], 1};
    case MatrixKind::kO:
      return {&layer.o, {}, 1};
    case MatrixKind::kGate:
      return {&layer.gate, ffn_gains_[l], 1};
    case MatrixKind::kUp:
      return {&layer.up, ffn_gains_[l], 1};
    default:
      return {&layer.down, {}, 1};
  }
}

void FloatWeights::ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const {
  std::vector<float> row(out.size());
  model_.embedding.ReadRow(token, row);
  for (size_t i = 0; i < out.size(); ++i) out[i] = ToFixed(static_cast<double>(row[i]), fraction);
}

void FloatWeights::Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                            std::vector<int32_t>&, ThreadPool* pool) const {
  for (const MatrixPass& pass : passes) MultiplyOne(pass, x, pool);
}

void FloatWeights::MultiplyOne(const MatrixPass& pass, const BlockFloatBatch& x,
                               ThreadPool* pool) const {
  const FoldedMatrix matrix = Find(pass.id);
  std::vector<double> inputs(static_cast<size_t>(x.tokens * x.rows));
  for (int64_t t = 0; t < x.tokens; ++t) {
    for (int64_t i = 0; i < x.rows; ++i) {
      const double gain = matrix.gains.empty() ? 1 : matrix.gains[static_cast<size_t>(i)];
      inputs[static_cast<size_t>(t * x.rows + i)] =
          std::ldexp(x.TokenMantissas(t)[i], x.TokenExponents(t)[i / x.group]) * gain;
    }
  }
  const int64_t cols = matrix.weights->rows();
  auto multiply = [&](size_t begin, size_t end, int) {
    std::vector<float> row(static_cast<size_t>(x.rows));
    for (auto col = static_cast<int64_t>(begin); col < static_cast<int64_t>(end); ++col) {
      matrix.weights->ReadRow(col, row);
      for (int64_t t = 0; t < x.tokens; ++t) {
        const double sum = Dot(row, inputs.data() + t * x.rows);
        const int32_t product = ToFixed(sum * matrix.factor, pass.fraction);
        int32_t& out = pass.out[t * cols + col];
        out = pass.accumulate ? SaturatingAdd(out, product) : product;
      }
    }
  };
  if (pool != nullptr && x.tokens * x.rows * cols >= kParallelMultiplyAdds) {
    pool->ParallelFor(static_cast<size_t>(cols), 1, multiply);
  } else {
    multiply(0, static_cast<size_t>(cols), 0);
  }
}

}  // namespace burin
