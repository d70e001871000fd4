// The chip in software: a quantized model runs token by token with the very integers of the
// hardware (docs/numerics.md). Nothing in a result depends on threads, on the kernel set, on which
// sequences share a call or on how a prompt is cut in chunks.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "base/thread_pool.h"
#include "emu/adapter_pass.h"
#include "emu/kv_cache.h"
#include "emu/matrix_backend.h"
#include "kernels/kernel_set.h"
#include "numeric/block_float.h"
#include "numeric/vector_ops.h"
#include "quant/quantized_model.h"

namespace burin {

// Tokens that go through the layers together. More are cut in several passes, so that the
// workspace is bounded whatever the length of a prompt.
inline constexpr int64_t kPassTokens = 128;

enum class LogitsWanted : uint8_t { kNone, kLast, kAll };

// The next tokens of one sequence.
struct Chunk {
  KvCache* cache = nullptr;         // of this sequence; its length is the position of tokens[0]
  std::span<const int32_t> tokens;  // at least one
  LogitsWanted wanted = LogitsWanted::kNone;
  // kLast: [vocab]; kAll: [tokens][vocab]. Natural-log units, kVectorFraction bits.
  std::span<int32_t> logits = {};
  // Null: none; else one that was made for this model. What the cache holds already keeps the
  // adapter that it was computed with.
  const Adapter* adapter = nullptr;
};

// What an observer may look at; widths in brackets.
enum class Stage : uint8_t {
  kEmbedding,          // [hidden] residual stream before layer 0; model.residual_fraction bits
  kAttentionNorm,      // [hidden] kNormFraction bits
  kQuery,              // [q_width] after bias, norm and rotation; kVectorFraction bits
  kKey,                // [kv_width] the same
  kValue,              // [kv_width] after bias
  kAttention,          // [q_width] heads side by side; kVectorFraction bits
  kAttentionResidual,  // [hidden] residual stream after o; model.residual_fraction bits
  kFfnNorm,            // [hidden] kNormFraction bits
  kGate,               // [ffn] kVectorFraction bits
  kUp,                 // [ffn] kVectorFraction bits
  kResidual,           // [hidden] residual stream after the layer; model.residual_fraction bits
  kFinalNorm,          // [hidden] kNormFraction bits, with the gain when the head is tied
  kLogits,             // [vocab] kVectorFraction bits
};

// Sees the integers of a forward pass, for comparison with simulated hardware. Calls come from the
// thread that called Forward, in order of pass, layer, stage, token.
class Observer {
 public:
  virtual ~Observer() = default;
  // `chunk` and `position` name the token; `layer` is 0 for the stages outside the layers. The last
  // two stages are seen for tokens whose logits are wanted only.
  virtual void See(Stage stage, int64_t layer, size_t chunk, int64_t position,
                   std::span<const int32_t> values) = 0;
};

// Memory of a Forward call; keeps what it has, so that calls of the same size allocate nothing. One
// call at a time may use it. What is inside is the emulator's business.
struct Workspace {
  struct Row {
    size_t chunk;
    KvCache* cache;
    int32_t token;
    int64_t position;
    int32_t* logits;  // null when not wanted
  };

  std::vector<Row> rows;                 // tokens of the present pass: T of them
  std::vector<const Adapter*> adapters;  // [T]; null for none
  AdapterScratch adapter;
  std::vector<int32_t> residual;              // [T][hidden]
  std::vector<int32_t> normed;                // [T][hidden]
  std::vector<int32_t> q, k, v;               // [T][q_width], [T][kv_width] twice
  std::vector<int32_t> attention;             // [T][q_width]
  std::vector<int32_t> gate, up;              // [T][ffn]
  std::vector<int32_t> angles;                // [T][head_dim / 2][2]
  std::vector<int32_t> logits;                // [head tokens][vocab]
  std::vector<int32_t> raw;                   // raw column sums of a matrix step
  std::vector<int32_t> head_norm;             // [threads][head_dim]
  std::vector<int32_t> scores;                // [threads][2 * positions]
  BlockFloatBatch input;                      // what enters the next matrices
  BlockFloatBatch q_heads, k_heads, v_heads;  // blocks of head_dim rows
};

// Const after construction. Forward may run on several threads at once, each with its own
// workspace, if there is no pool; a pool serves one call at a time.
class Emulator {
 public:
  // `model` is a verified one. All arguments must outlive the emulator; `pool` null means the
  // calling thread alone, `matrices` null means the model's own.
  Emulator(const QuantizedModel& model, const KernelSet& kernels, ThreadPool* pool = nullptr,
           const MatrixBackend* matrices = nullptr);
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  const QuantizedModel& model() const { return model_; }
  const KernelSet& kernels() const { return kernels_; }

  // An empty cache for this model; errors as KvCache::Create.
  Result<KvCache> NewCache(int64_t capacity) const {
    return KvCache::Create(model_.config, model_.context, capacity);
  }

  // Runs the tokens of all chunks (each its own cache), appends them to their caches and writes the
  // logits that are wanted.
  // Errors: kBadInput for a token id outside the vocabulary or a sequence beyond its capacity; no
  // cache has changed then.
  Status Forward(std::span<const Chunk> chunks, Workspace& workspace,
                 Observer* observer = nullptr) const;

 private:
  Status CheckChunk(const Chunk& chunk) const;
  void RunPass(Workspace& w, Observer* observer) const;
  void Embed(Workspace& w, Observer* observer) const;
  void AttentionBlock(int64_t layer, Workspace& w, Observer* observer) const;
  void FeedForwardBlock(int64_t layer, Workspace& w, Observer* observer) const;
  void FinishHeads(int64_t layer, int64_t t, int32_t* head_norm, Workspace& w) const;
  void FinishHead(std::span<int32_t> head, const GainView& gain, const int32_t* angles,
                  int32_t* head_norm) const;
  void QuantizeHeads(std::span<const int32_t> heads, BlockFloatBatch& batch, int64_t t) const;
  void AttendAll(int64_t layer, Workspace& w) const;
  void SwiGluAll(Workspace& w) const;
  // Matrices of the layers with their adapters.
  void Multiply(std::span<const MatrixPass> passes, Workspace& w) const;
  void Head(Workspace& w, Observer* observer) const;
  void HeadTokens(std::span<const size_t> row_indices, Workspace& w, Observer* observer) const;

  // body(token, part) for tokens [0, count), over the pool when there are enough values in all.
  template <typename Body>
  void ForTokens(int64_t count, int64_t values_per_token, Body&& body) const;
  int threads() const { return pool_ == nullptr ? 1 : pool_->size(); }

  const QuantizedModel& model_;
  const KernelSet& kernels_;
  ThreadPool* const pool_;
  const IntegerMatrices own_matrices_;
  const MatrixBackend& matrices_;
  const RmsNormConstants norm_;       // of the residual stream
  const RmsNormConstants head_norm_;  // of one head of q or k
};

}  // namespace burin
