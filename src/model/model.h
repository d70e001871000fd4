// A checkpoint as plain data: geometry, and named tensors that look into mapped files. Built once
// by an importer, then const.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"

namespace burin {

// How the rotary frequencies of a long-context model are stretched (config.json: rope_scaling).
struct RopeScaling {
  enum class Kind { kNone, kLinear, kLlama3 };
  Kind kind = Kind::kNone;
  double factor = 1;
  double low_freq_factor = 1;             // kLlama3
  double high_freq_factor = 4;            // kLlama3
  int64_t original_max_positions = 8192;  // kLlama3
  bool operator==(const RopeScaling&) const = default;
};

// Geometry of a Llama-family decoder. All sizes are >= 1 and checked by ValidateConfig.
struct ModelConfig {
  std::string architecture;  // "llama", "mistral", "qwen2", "qwen3"
  int64_t hidden = 0;        // width of the residual stream
  int64_t layers = 0;
  int64_t heads = 0;     // query heads
  int64_t kv_heads = 0;  // divides heads
  int64_t head_dim = 0;  // even; heads * head_dim need not equal hidden (Qwen3)
  int64_t ffn = 0;       // width inside the feed-forward block
  int64_t vocab = 0;
  int64_t max_positions = 0;
  double rope_theta = 10000;
  RopeScaling rope_scaling;
  double rms_eps = 1e-5;
  bool tied_head = false;  // head = embedding
  bool qkv_bias = false;   // Qwen2
  bool qk_norm = false;    // Qwen3: RMSNorm with gain on each head of q and k, before the rotation
  int64_t sliding_window = 0;  // 0 = none (Mistral v0.1 has one: contexts above it are refused)
  std::vector<int32_t> eos_ids;
  std::optional<int32_t> bos_id;

  int64_t q_width() const { return heads * head_dim; }
  int64_t kv_width() const { return kv_heads * head_dim; }
  // Weights in all matrices (embedding once when tied), without norms and biases.
  uint64_t WeightCount() const;
  bool operator==(const ModelConfig&) const = default;
};

// Refuses zero, negative, odd, non-dividing or absurd sizes (each bounded so that no later product
// overflows int64).
Status ValidateConfig(const ModelConfig& config, const std::string& object);

// The known architectures, for messages: "llama, mistral, qwen2, qwen3".
const char* KnownArchitectures();

// The matrices of a decoder: those of a layer, in the order a token meets them, and the head.
enum class MatrixKind : uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown, kHead };
// "q_proj", ..., "down_proj", "lm_head": the names of Hugging Face.
const char* MatrixKindName(MatrixKind kind);
// Shape of a matrix of that kind.
struct TensorShape {
  int64_t rows = 0;  // outputs
  int64_t cols = 0;  // inputs
  bool operator==(const TensorShape&) const = default;
};
TensorShape ShapeOf(const ModelConfig& config, MatrixKind kind);

// Storage types that importers read; block types are de-quantized row by row.
enum class TensorType : uint8_t { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K, kQ6_K, kQ3_K };

// One matrix [rows = outputs][cols = inputs] (or a vector: rows = 1) in storage order, inside a
// mapped file. ReadRow is const and safe from many threads.
class TensorView {
 public:
  TensorView() = default;
  // `data` must hold exactly rows * RowBytes(type, cols) bytes. `rotary_head_dim` > 0: the rows of
  // each head of that many rows are stored interleaved (GGUF of llama) and ReadRow undoes it.
  TensorView(std::string name, TensorType type, int64_t rows, int64_t cols,
             std::span<const std::byte> data, int64_t rotary_head_dim = 0);

  const std::string& name() const { return name_; }
  TensorType type() const { return type_; }
  int64_t rows() const { return rows_; }
  int64_t cols() const { return cols_; }
  bool empty() const { return rows_ == 0; }
  // The stored bytes, in storage order (rows of a rotary tensor still interleaved).
  std::span<const std::byte> bytes() const { return data_; }

  // Row `row` (half-rotation order) as floats into out[0, cols).
  void ReadRow(int64_t row, std::span<float> out) const;
  // The whole tensor as floats, for vectors and small tests.
  std::vector<float> ToFloats() const;

 private:
  std::string name_;
  TensorType type_ = TensorType::kF32;
  int64_t rows_ = 0, cols_ = 0;
  std::span<const std::byte> data_;
  int64_t rotary_head_dim_ = 0;
};

// Bytes of one row; `cols` must be a multiple of the type's block (see BlockSize).
uint64_t RowBytes(TensorType type, int64_t cols);
int64_t BlockSize(TensorType type);
const char* TensorTypeName(TensorType type);

// Tensors of one layer; shapes as [outputs][inputs].
struct LayerTensors {
  TensorView attention_norm;          // (hidden)
  TensorView q, k, v, o;              // [q_width][hidden], [kv_width][hidden] x2, [hidden][q_width]
  TensorView q_bias, k_bias, v_bias;  // (q_width), (kv_width) x2; empty unless config.qkv_bias
  TensorView q_norm, k_norm;          // (head_dim); empty unless config.qk_norm
  TensorView ffn_norm;                // (hidden)
  TensorView gate, up, down;          // [ffn][hidden] x2, [hidden][ffn]
};

// Defaults of generation_config.json that a runner takes over.
struct GenerationDefaults {
  std::optional<bool> do_sample;
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<int64_t> top_k;
};

struct Model {
  ModelConfig config;
  GenerationDefaults generation;
  TensorView embedding;   // [vocab][hidden]
  TensorView final_norm;  // (hidden)
  TensorView head;        // [vocab][hidden]; the same view as embedding when tied
  std::vector<LayerTensors> layers;

  std::vector<std::shared_ptr<const MappedFile>> files;  // keeps the views alive
};

// The matrix of that kind in `layer` (any layer for kHead).
const TensorView& MatrixOf(const Model& model, int64_t layer, MatrixKind kind);

}  // namespace burin
