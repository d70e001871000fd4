// The tensors that a cartridge holds for a geometry, in stored order, with their names.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "model/model.h"

namespace burin {

// What a tensor is. The numbers are those of the cartridge file's section table.
enum class TensorKind : uint32_t {
  kNone = 0,
  kEmbedding = 1,
  kQ = 2,
  kK = 3,
  kV = 4,
  kO = 5,
  kGate = 6,
  kUp = 7,
  kDown = 8,
  kHead = 9,
  kQBias = 16,
  kKBias = 17,
  kVBias = 18,
  kQNorm = 19,
  kKNorm = 20,
  kFinalNorm = 21,
  kAttentionNorm = 22,
  kFfnNorm = 23,
};

inline constexpr int64_t kNoLayer = -1;

// A matrix on the fabric.
struct MatrixEntry {
  TensorKind kind = TensorKind::kNone;
  int64_t layer = kNoLayer;  // kNoLayer for embedding and head
  std::string name;          // "model.layers.3.mlp.down_proj", "model.embed_tokens", "lm_head"
  int64_t rows = 0;          // inputs
  int64_t cols = 0;          // outputs; for the embedding: tokens
};

// A vector beside the fabric.
struct VectorEntry {
  TensorKind kind = TensorKind::kNone;
  int64_t layer = kNoLayer;
  std::string name;  // "model.layers.3.self_attn.q_proj.bias", "model.norm"
  int64_t size = 0;
  bool is_gain =
      false;  // int16 mantissas with an exponent; otherwise int32 of kVectorFraction bits
};

// Embedding; q, k, v, o, gate, up, down of each layer; head unless it is tied.
std::vector<MatrixEntry> MatricesOf(const ModelConfig& config);

// The final norm when the head is tied; then of each layer the attention norm, the biases and the q
// and k norms it has, and the feed-forward norm.
std::vector<VectorEntry> VectorsOf(const ModelConfig& config);

}  // namespace burin
