// The float forward pass of a Llama-family decoder, written to be read: what the checkpoint says,
// against which the integer arithmetic of the chip is judged.
//
// Same bits for any chunking of the tokens and any number of threads: a matrix-vector product adds
// in one fixed order (Dot in reference.cc), and threads share out whole results, never a sum.
// Between compilers or C libraries the last bits may differ (expf).
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/lora.h"
#include "model/model.h"

namespace burin {

// Sees what flows through the model, on the caller's thread: chunk by chunk of ForwardSequence, in
// a chunk layer by layer, in a layer by position.
struct ReferenceObserver {
  virtual ~ReferenceObserver() = default;
  // x (matrix inputs) is what the matrix multiplies: after the norm with its gain for kQ, kK, kV,
  // kGate, kUp and kHead. Called for every kind, also where the vector is the same (q, k, v; gate,
  // up). kHead comes with layer = config.layers, and only when logits are computed.
  virtual void OnMatrixInput(int /*layer*/, MatrixKind /*kind*/, std::span<const float> /*x*/) {}
  // x (hidden): the residual stream as it enters `layer`; config.layers: as it leaves the last.
  virtual void OnResidual(int /*layer*/, std::span<const float> /*x*/) {}
};

// What one sequence has left behind: the rotated keys and the values of its tokens.
class ReferenceState {
 public:
  // Room for `positions` tokens. Memory: layers * positions * kv_width * 8 bytes.
  // Errors: positions < 1, above config.max_positions or config.sliding_window; not enough memory.
  static Result<ReferenceState> Create(const ModelConfig& config, int64_t positions);

  int64_t position() const { return position_; }  // tokens taken so far
  int64_t capacity() const { return capacity_; }
  // Forgets all tokens from `position` <= position() on.
  void Rewind(int64_t position);

 private:
  friend class ReferenceModel;
  int64_t position_ = 0, capacity_ = 0;
  std::vector<std::vector<float>> keys_, values_;  // [layers]([capacity][kv_width])
  std::vector<float> logits_;                      // (vocab), of Forward
};

// Const after construction; calls with different states may run at once (with different pools).
class ReferenceModel {
 public:
  // `model` must outlive it. Keeps floats of norms, biases and the adapter only; matrices are read
  // from the mapped files row by row, each row once for a chunk of kChunk tokens. With an adapter
  // (null: none), y += scale * b . (a . x) behind each of its matrices.
  explicit ReferenceModel(const Model& model, const LoraAdapter* adapter = nullptr);

  // Tokens that share one reading of the weights in ForwardSequence.
  static constexpr int64_t kChunk = 32;

  using OnLogits = std::function<void(int64_t position, std::span<const float> logits)>;

  // Takes the next token and returns the logits (vocab) of the one after it; they live in `state`
  // until its next call. 0 <= token < vocab and room in the state are the caller's duty.
  std::span<const float> Forward(ReferenceState& state, int32_t token, ThreadPool* pool = nullptr,
                                 ReferenceObserver* observer = nullptr) const;

  // Takes all tokens; calls on_logits for each, in order, with the position of that token. Without
  // on_logits the head is not computed. Working memory: kChunk * (3 * hidden + 2 * q_width +
  // 2 * kv_width + 2 * ffn + vocab) floats, one row of floats a thread and one row of scores a
  // thread. Logits equal those of Forward bit for bit.
  void ForwardSequence(ReferenceState& state, std::span<const int32_t> tokens,
                       const OnLogits& on_logits, ThreadPool* pool = nullptr,
                       ReferenceObserver* observer = nullptr) const;

  const ModelConfig& config() const { return model_.config; }

 private:
  struct LayerVectors {
    std::vector<float> attention_norm, ffn_norm;  // (hidden)
    std::vector<float> q_bias, k_bias, v_bias;    // (q_width), (kv_width) x2; may be empty
    std::vector<float> q_norm, k_norm;            // (head_dim); may be empty
  };
  struct LoraFloats {
    std::vector<float> a, b;  // [rank][inputs], [outputs][rank]; empty without an addition
    float scale = 0;
  };
  struct Chunk;  // activations of up to kChunk tokens

  void ForwardChunk(ReferenceState& state, Chunk& chunk) const;
  void Attention(ReferenceState& state, Chunk& chunk, size_t layer) const;
  void FeedForward(Chunk& chunk, size_t layer) const;
  void Head(Chunk& chunk) const;

  const Model& model_;
  std::vector<LayerVectors> vectors_;
  std::vector<LoraFloats> loras_;  // [layers * kAdaptedKinds], or empty
  std::vector<float> final_norm_;
  std::vector<double> frequencies_;  // (head_dim / 2)
};

}  // namespace burin
