#include "quant/tensor_list.h"

#include <fmt/format.h>

namespace burin {

std::vector<MatrixEntry> MatricesOf(const ModelConfig& config) {
  std::vector<MatrixEntry> list;
  const int64_t hidden = config.hidden, q = config.q_width(), kv = config.kv_width();
  list.push_back({TensorKind::kEmbedding, kNoLayer, "model.embed_tokens", hidden, config.vocab});
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    auto add = [&](TensorKind kind, const char* name, int64_t rows, int64_t cols) {
      list.push_back({kind, layer, fmt::format("model.layers.{}.{}", layer, name), rows, cols});
    };
    add(TensorKind::kQ, "self_attn.q_proj", hidden, q);
    add(TensorKind::kK, "self_attn.k_proj", hidden, kv);
    add(TensorKind::kV, "self_attn.v_proj", hidden, kv);
    add(TensorKind::kO, "self_attn.o_proj", q, hidden);
    add(TensorKind::kGate, "mlp.gate_proj", hidden, config.ffn);
    add(TensorKind::kUp, "mlp.up_proj", hidden, config.ffn);
    add(TensorKind::kDown, "mlp.down_proj", config.ffn, hidden);
  }
  if (!config.tied_head) {
    list.push_back({TensorKind::kHead, kNoLayer, "lm_head", hidden, config.vocab});
  }
  return list;
}

std::vector<VectorEntry> VectorsOf(const ModelConfig& config) {
  std::vector<VectorEntry> list;
  if (config.tied_head) {
    list.push_back({TensorKind::kFinalNorm, kNoLayer, "model.norm", config.hidden, true});
  }
  for (int64_t layer = 0; layer < config.layers; ++layer) {
    auto add = [&](TensorKind kind, const char* name, int64_t size, bool is_gain) {
      list.push_back({kind, layer, fmt::format("model.layers.{}.{}", layer, name), size, is_gain});
    };
    add(TensorKind::kAttentionNorm, "input_layernorm", config.hidden, true);
    if (config.qkv_bias) {
      add(TensorKind::kQBias, "self_attn.q_proj.bias", config.q_width(), false);
      add(TensorKind::kKBias, "self_attn.k_proj.bias", config.kv_width(), false);
      add(TensorKind::kVBias, "self_attn.v_proj.bias", config.kv_width(), false);
    }
    if (config.qk_norm) {
      add(TensorKind::kQNorm, "self_attn.q_norm", config.head_dim, true);
      add(TensorKind::kKNorm, "self_attn.k_norm", config.head_dim, true);
    }
    add(TensorKind::kFfnNorm, "post_attention_layernorm", config.hidden, true);
  }
  return list;
}

}  // namespace burin
