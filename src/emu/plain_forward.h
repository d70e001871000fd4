// A forward pass of one sequence, token by token, written from numeric's functions alone: what
// tests hold the emulator to.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "numeric/adapter.h"
#include "numeric/attention.h"
#include "numeric/block_float.h"
#include "numeric/fixed.h"
#include "numeric/matrix_pass.h"
#include "numeric/vector_ops.h"
#include "quant/adapter.h"
#include "quant/quantized_model.h"

namespace burin {

class PlainForward {
 public:
  explicit PlainForward(const QuantizedModel& model, const Adapter* adapter = nullptr)
      : m_(model), adapter_(adapter), layers_(model.layers.size()) {}

  // The logits after one more token.
  std::vector<int32_t> Step(int32_t token) {
    const ModelConfig& c = m_.config;
    std::vector<int32_t> x(static_cast<size_t>(c.hidden));
    ReadColumn(m_.embedding, token, m_.residual_fraction, x);
    for (size_t l = 0; l < layers_.size(); ++l) {
      const QuantizedLayer& w = m_.layers[l];
      const BlockFloatBatch a = Quantized(Normed(x), kNormFraction);
      Add(w.o, l, MatrixKind::kO, Quantized(Attention(l, a), kVectorFraction), x);
      const BlockFloatBatch b = Quantized(Normed(x), kNormFraction);
      const std::vector<int32_t> gate = Product(w.gate, l, MatrixKind::kGate, b);
      const std::vector<int32_t> up = Product(w.up, l, MatrixKind::kUp, b);
      std::vector<int64_t> h(gate.size());
      for (size_t i = 0; i < h.size(); ++i) h[i] = SwiGlu(gate[i], up[i]);
      Add(w.down, l, MatrixKind::kDown, Quantized(h, kSwiGluFraction), x);
    }
    ++position_;
    std::vector<int32_t> normed = Normed(x);
    if (c.tied_head) ApplyGain(normed, m_.final_norm, kNormFraction);
    return Product(m_.head, Quantized(normed, kNormFraction));
  }

 private:
  struct Side {
    std::vector<int8_t> mantissas, exponents;
  };
  struct Head {
    Side keys, values;
  };

  template <typename T>
  BlockFloatBatch Quantized(const std::vector<T>& v, int fraction) const {
    BlockFloatBatch batch;
    batch.Resize(1, static_cast<int64_t>(v.size()), m_.group);
    QuantizeToken(std::span<const T>(v), fraction, batch, 0);
    return batch;
  }
  std::vector<int32_t> Normed(const std::vector<int32_t>& x) const {
    std::vector<int32_t> out(x.size());
    RmsNorm(x, MakeRmsNormConstants(m_.config.hidden, m_.config.rms_eps, m_.residual_fraction),
            out);
    return out;
  }
  static std::vector<int32_t> Raw(const PackedMatrix& matrix, const BlockFloatBatch& x) {
    std::vector<int32_t> raw;
    for (int64_t col = 0; col < matrix.shape.cols; ++col) {
      raw.push_back(ColumnSum(matrix, x, 0, col));
    }
    return raw;
  }
  static std::vector<int32_t> Product(const PackedMatrix& matrix, const BlockFloatBatch& x) {
    std::vector<int32_t> raw = Raw(matrix, x), out(raw.size());
    MatrixToFixed(raw, MatrixExponent(matrix, x, 0), kVectorFraction, out);
    return out;
  }
  // Matrices of layer l, with the adapter.
  std::vector<int32_t> Product(const PackedMatrix& matrix, size_t l, MatrixKind kind,
                               const BlockFloatBatch& x) const {
    std::vector<int32_t> out = Product(matrix, x);
    Adapt(l, kind, x, kVectorFraction, out);
    return out;
  }
  void Add(const PackedMatrix& matrix, size_t l, MatrixKind kind, const BlockFloatBatch& x,
           std::vector<int32_t>& to) const {
    AddToResidual(Raw(matrix, x), MatrixExponent(matrix, x, 0), m_.residual_fraction, to);
    Adapt(l, kind, x, m_.residual_fraction, to);
  }
  void Adapt(size_t l, MatrixKind kind, const BlockFloatBatch& x, int fraction,
             std::vector<int32_t>& to) const {
    if (adapter_ == nullptr) return;
    AddAdapter(adapter_->At(static_cast<int64_t>(l), kind), x, 0, fraction, to);
  }

  static void AddBias(std::vector<int32_t>& v, std::span<const int32_t> bias) {
    for (size_t i = 0; i < bias.size(); ++i) v[i] = SaturatingAdd(v[i], bias[i]);
  }
  void NormAndRotate(std::vector<int32_t>& v, const GainView& gain) const {
    const auto d = static_cast<size_t>(m_.config.head_dim);
    std::vector<int32_t> angles(d);
    RotaryAngles(m_.rotary, position_, angles.data());
    for (size_t at = 0; at < v.size(); at += d) {
      const std::span<int32_t> head = std::span(v).subspan(at, d);
      if (m_.config.qk_norm) {
        const std::vector<int32_t> before(head.begin(), head.end());
        RmsNorm(before,
                MakeRmsNormConstants(m_.config.head_dim, m_.config.rms_eps, kVectorFraction), head);
        ApplyGain(head, gain, kVectorFraction);
      }
      RotateHead(head, angles.data());
    }
  }
  void Append(Side& side, const std::vector<int32_t>& v, size_t head) const {
    const auto d = static_cast<size_t>(m_.config.head_dim);
    side.mantissas.resize(side.mantissas.size() + d);
    side.exponents.push_back(
        static_cast<int8_t>(QuantizeBlock(std::span(v).subspan(head * d, d), kVectorFraction,
                                          side.mantissas.data() + side.mantissas.size() - d)));
  }
  std::vector<int32_t> Attention(size_t l, const BlockFloatBatch& a) {
    const ModelConfig& c = m_.config;
    const QuantizedLayer& w = m_.layers[l];
    std::vector<int32_t> q = Product(w.q, l, MatrixKind::kQ, a);
    std::vector<int32_t> k = Product(w.k, l, MatrixKind::kK, a);
    std::vector<int32_t> v = Product(w.v, l, MatrixKind::kV, a);
    AddBias(q, w.q_bias);
    AddBias(k, w.k_bias);
    AddBias(v, w.v_bias);
    NormAndRotate(q, w.q_norm);
    NormAndRotate(k, w.k_norm);
    const auto kv_heads = static_cast<size_t>(c.kv_heads), d = static_cast<size_t>(c.head_dim);
    layers_[l].resize(kv_heads);
    for (size_t h = 0; h < kv_heads; ++h) {
      Append(layers_[l][h].keys, k, h);
      Append(layers_[l][h].values, v, h);
    }
    std::vector<int32_t> out(q.size()), scratch(2 * static_cast<size_t>(position_ + 1));
    for (size_t h = 0; h < static_cast<size_t>(c.heads); ++h) {
      const Head& kv = layers_[l][h / (static_cast<size_t>(c.heads) / kv_heads)];
      std::vector<int8_t> mantissas(d);
      const int exponent =
          QuantizeBlock(std::span(q).subspan(h * d, d), kVectorFraction, mantissas.data());
      Attend({mantissas.data(), exponent}, {kv.keys.mantissas.data(), kv.keys.exponents.data()},
             {kv.values.mantissas.data(), kv.values.exponents.data()}, position_ + 1, c.head_dim,
             scratch, std::span(out).subspan(h * d, d));
    }
    return out;
  }

  const QuantizedModel& m_;
  const Adapter* const adapter_;
  int64_t position_ = 0;
  std::vector<std::vector<Head>> layers_;
};

using Logits = std::vector<int32_t>;  // [tokens][vocab]

inline Logits PlainLogits(const QuantizedModel& model, std::span<const int32_t> ids,
                          const Adapter* adapter = nullptr) {
  PlainForward plain(model, adapter);
  Logits all;
  for (const int32_t id : ids) {
    const std::vector<int32_t> logits = plain.Step(id);
    all.insert(all.end(), logits.begin(), logits.end());
  }
  return all;
}

}  // namespace burin
