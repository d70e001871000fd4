#include "model/reference.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/mapped_file.h"
#include "base/progress.h"
#include "model/rotary.h"

namespace burin {
namespace {

using Four = float __attribute__((vector_size(16)));

Four Load(const float* p) {
  Four four;
  std::memcpy(&four, p, sizeof(four));
  return four;
}

// a . b in a fixed order: sixteen partial sums, element i into sum i % 16, in order of i (a tail is
// filled up with zeros); then the sums are folded by halves (s[j] += s[j + 8], + 4, + 2, + 1).
float Dot(const float* a, const float* b, size_t n) {
  Four s0 = {}, s4 = {}, s8 = {}, s12 = {};  // by the first lane
  const auto step = [&](const float* x, const float* y) {
    s0 += Load(x) * Load(y);
    s4 += Load(x + 4) * Load(y + 4);
    s8 += Load(x + 8) * Load(y + 8);
    s12 += Load(x + 12) * Load(y + 12);
  };
  size_t i = 0;
  for (; i + 16 <= n; i += 16) step(a + i, b + i);
  if (i < n) {
    float x[16] = {}, y[16] = {};
    std::copy(a + i, a + n, x);
    std::copy(b + i, b + n, y);
    step(x, y);
  }
  const Four folded = (s0 + s8) + (s4 + s12);
  return (folded[0] + folded[2]) + (folded[1] + folded[3]);
}

// body(begin, end, part) over [0, count) on the pool, or here when there is none.
template <typename Body>
void Parallel(ThreadPool* pool, size_t count, const Body& body) {
  if (pool == nullptr) {
    body(size_t{0}, count, 0);
  } else {
    pool->ParallelFor(count, 1, body);
  }
}

// out = x / rms(x) * gain; all (n). The mean of squares is summed in double.
void RmsNorm(std::span<const float> x, std::span<const float> gain, double eps,
             std::span<float> out) {
  double squares = 0;
  for (const float v : x) squares += static_cast<double>(v) * static_cast<double>(v);
  const auto scale =
      static_cast<float>(1 / std::sqrt(squares / static_cast<double>(x.size()) + eps));
  for (size_t i = 0; i < x.size(); ++i) out[i] = gain[i] * (x[i] * scale);
}

// Turns pair i of the head, (x[i], x[i + half]), by its angle; cos_sin is (2)(half).
void Rotate(std::span<float> head, std::span<const float> cos_sin) {
  const size_t half = head.size() / 2;
  for (size_t i = 0; i < half; ++i) {
    const float a = head[i], b = head[i + half], c = cos_sin[i], s = cos_sin[half + i];
    head[i] = a * c - b * s;
    head[i + half] = b * c + a * s;
  }
}

// out = softmax(q . keys * scale) . values, over `count` positions; one head. keys and values hold
// a head of one position every `stride` floats; scores is room for `count`.
void AttendHead(std::span<const float> q, const float* keys, const float* values, size_t stride,
                size_t count, std::span<float> scores, std::span<float> out) {
  const float scale = 1 / std::sqrt(static_cast<float>(q.size()));
  float max = -INFINITY;
  for (size_t p = 0; p < count; ++p) {
    scores[p] = Dot(q.data(), keys + p * stride, q.size()) * scale;
    max = std::max(max, scores[p]);
  }
  double sum = 0;
  for (size_t p = 0; p < count; ++p) {
    scores[p] = std::exp(scores[p] - max);
    sum += static_cast<double>(scores[p]);
  }
  std::ranges::fill(out, 0.0f);
  for (size_t p = 0; p < count; ++p) {
    const auto weight = static_cast<float>(static_cast<double>(scores[p]) / sum);
    for (size_t i = 0; i < out.size(); ++i) out[i] += weight * values[p * stride + i];
  }
}

void AddTo(std::span<float> x, std::span<const float> y) {
  for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
}

// Rows of one vector a token.
struct Activations {
  size_t width = 0;
  std::vector<float> data;  // [tokens][width]
  explicit Activations(size_t tokens, int64_t columns)
      : width(static_cast<size_t>(columns)), data(tokens * width) {}
  std::span<float> operator[](size_t token) {
    return std::span(data).subspan(token * width, width);
  }
};

}  // namespace

struct ReferenceModel::Chunk {
  Chunk(const ReferenceModel& the_owner, std::span<const int32_t> chunk_tokens,
        ThreadPool* the_pool, ReferenceObserver* the_observer)
      : Chunk(the_owner, the_owner.config(), chunk_tokens, the_pool, the_observer) {}
  Chunk(const ReferenceModel& the_owner, const ModelConfig& config,
        std::span<const int32_t> chunk_tokens, ThreadPool* the_pool,
        ReferenceObserver* the_observer)
      : owner(the_owner),
        tokens(chunk_tokens),
        pool(the_pool),
        observer(the_observer),
        x(tokens.size(), config.hidden),
        normed(tokens.size(), config.hidden),
        branch(tokens.size(), config.hidden),
        q(tokens.size(), config.q_width()),
        k(tokens.size(), config.kv_width()),
        v(tokens.size(), config.kv_width()),
        mixed(tokens.size(), config.q_width()),
        gate(tokens.size(), config.ffn),
        up(tokens.size(), config.ffn),
        logits(0, config.vocab),
        cos_sin(tokens.size(), config.head_dim) {}

  size_t count() const { return tokens.size(); }

  // out[t] = matrix . in[t] for all tokens of the chunk: each row is read once.
  void Multiply(const TensorView& matrix, Activations& in, Activations& out) const {
    const auto cols = static_cast<size_t>(matrix.cols());
    Parallel(pool, static_cast<size_t>(matrix.rows()), [&](size_t begin, size_t end, int) {
      std::vector<float> row(cols);
      for (size_t r = begin; r < end; ++r) {
        matrix.ReadRow(static_cast<int64_t>(r), row);
        for (size_t t = 0; t < count(); ++t) out[t][r] = Dot(row.data(), in[t].data(), cols);
      }
    });
  }

  // The same with a matrix of a layer and its adapter.
  void Multiply(size_t layer, MatrixKind kind, Activations& in, Activations& out) const {
    Multiply(MatrixOf(owner.model_, static_cast<int64_t>(layer), kind), in, out);
    if (owner.loras_.empty()) return;
    const LoraFloats& lora = owner.loras_[layer * kAdaptedKinds + static_cast<size_t>(kind)];
    if (lora.a.empty()) return;
    const size_t rank = lora.a.size() / in.width;
    std::vector<float> ranks(rank);
    for (size_t t = 0; t < count(); ++t) {
      for (size_t r = 0; r < rank; ++r) {
        ranks[r] = Dot(lora.a.data() + r * in.width, in[t].data(), in.width);
      }
      for (size_t n = 0; n < out.width; ++n) {
        out[t][n] += lora.scale * Dot(lora.b.data() + n * rank, ranks.data(), rank);
      }
    }
  }

  void Observe(size_t layer, std::initializer_list<MatrixKind> kinds, Activations& in) const {
    if (observer == nullptr) return;
    for (size_t t = 0; t < count(); ++t) {
      for (const MatrixKind kind : kinds) {
        observer->OnMatrixInput(static_cast<int>(layer), kind, in[t]);
      }
    }
  }
  void ObserveResidual(size_t layer) {
    if (observer == nullptr) return;
    for (size_t t = 0; t < count(); ++t) observer->OnResidual(static_cast<int>(layer), x[t]);
  }

  const ReferenceModel& owner;
  std::span<const int32_t> tokens;
  ThreadPool* pool;
  ReferenceObserver* observer;
  Activations x;               // [tokens][hidden], the residual stream
  Activations normed, branch;  // [tokens][hidden]
  Activations q, k, v, mixed;  // [tokens][q_width], [kv_width] x2, [q_width]
  Activations gate, up;        // [tokens][ffn]
  Activations logits;          // [tokens][vocab], or empty
  Activations cos_sin;         // [tokens][2][head_dim / 2]
};

Result<ReferenceState> ReferenceState::Create(const ModelConfig& config, int64_t positions) {
  const int64_t limit = config.sliding_window > 0
                            ? std::min(config.max_positions, config.sliding_window)
                            : config.max_positions;
  if (positions < 1 || positions > limit) {
    return BadInput(
        "context length", fmt::format("{} positions", positions),
        fmt::format("1 to {} ({})", limit,
                    limit < config.max_positions ? "sliding_window" : "max_position_embeddings"));
  }
  const auto floats = static_cast<uint64_t>(positions * config.kv_width());
  const uint64_t bytes = static_cast<uint64_t>(config.layers) * floats * 2 * sizeof(float);
  const uint64_t available = AvailableMemoryBytes();
  if (available > 0 && bytes > available) {
    return IoError(fmt::format("float cache of {} positions", positions),
                   HumanBytes(bytes) + " needed", HumanBytes(available) + " at most",
                   "Ask for a shorter context.");
  }
  ReferenceState state;
  state.capacity_ = positions;
  state.keys_.assign(static_cast<size_t>(config.layers), std::vector<float>(floats));
  state.values_ = state.keys_;
  return state;
}

void ReferenceState::Rewind(int64_t position) {
  BURIN_CHECK(position >= 0 && position <= position_);
  position_ = position;
}

ReferenceModel::ReferenceModel(const Model& model, const LoraAdapter* adapter)
    : model_(model),
      final_norm_(model.final_norm.ToFloats()),
      frequencies_(RotaryFrequencies(model.config)) {
  for (const LayerTensors& layer : model.layers) {
    vectors_.push_back({layer.attention_norm.ToFloats(), layer.ffn_norm.ToFloats(),
                        layer.q_bias.ToFloats(), layer.k_bias.ToFloats(), layer.v_bias.ToFloats(),
                        layer.q_norm.ToFloats(), layer.k_norm.ToFloats()});
  }
  if (adapter == nullptr) return;
  for (const LoraAdapter::Layer& layer : adapter->layers) {
    for (const LoraMatrix& m : layer) {
      loras_.push_back({m.a.ToFloats(), m.b.ToFloats(), static_cast<float>(m.scale)});
    }
  }
}

std::span<const float> ReferenceModel::Forward(ReferenceState& state, int32_t token,
                                               ThreadPool* pool,
                                               ReferenceObserver* observer) const {
  ForwardSequence(
      state, std::span(&token, 1),
      [&](int64_t, std::span<const float> logits) {
        state.logits_.assign(logits.begin(), logits.end());
      },
      pool, observer);
  return state.logits_;
}

void ReferenceModel::ForwardSequence(ReferenceState& state, std::span<const int32_t> tokens,
                                     const OnLogits& on_logits, ThreadPool* pool,
                                     ReferenceObserver* observer) const {
  BURIN_CHECK(static_cast<int64_t>(tokens.size()) <= state.capacity_ - state.position_);
  BURIN_CHECK(std::ranges::all_of(
      tokens, [this](int32_t token) { return token >= 0 && token < config().vocab; }));
  while (!tokens.empty()) {
    const size_t count = std::min(tokens.size(), static_cast<size_t>(kChunk));
    Chunk chunk(*this, tokens.first(count), pool, observer);
    ForwardChunk(state, chunk);
    const int64_t first = state.position_;
    state.position_ += static_cast<int64_t>(count);
    if (on_logits) {
      Head(chunk);
      for (size_t t = 0; t < count; ++t) {
        on_logits(first + static_cast<int64_t>(t), chunk.logits[t]);
      }
    }
    tokens = tokens.subspan(count);
  }
}

void ReferenceModel::ForwardChunk(ReferenceState& state, Chunk& chunk) const {
  const size_t half = frequencies_.size();
  for (size_t t = 0; t < chunk.count(); ++t) {
    const auto position = static_cast<double>(state.position_ + static_cast<int64_t>(t));
    for (size_t i = 0; i < half; ++i) {
      chunk.cos_sin[t][i] = static_cast<float>(std::cos(position * frequencies_[i]));
      chunk.cos_sin[t][half + i] = static_cast<float>(std::sin(position * frequencies_[i]));
    }
    model_.embedding.ReadRow(chunk.tokens[t], chunk.x[t]);
  }
  for (size_t layer = 0; layer < vectors_.size(); ++layer) {
    chunk.ObserveResidual(layer);
    Attention(state, chunk, layer);  // x += o . attend(q, k, v)
    FeedForward(chunk, layer);       // x += down . (silu(gate . n) * (up . n))
  }
  chunk.ObserveResidual(vectors_.size());
}

void ReferenceModel::Attention(ReferenceState& state, Chunk& chunk, size_t layer) const {
  const LayerVectors& vectors = vectors_[layer];
  const auto head_dim = static_cast<size_t>(config().head_dim);
  const auto heads = static_cast<size_t>(config().heads);
  const size_t queries_per_kv = heads / static_cast<size_t>(config().kv_heads);
  const auto kv_width = static_cast<size_t>(config().kv_width());
  const auto first = static_cast<size_t>(state.position_);

  // queries, keys and values of the normed stream
  for (size_t t = 0; t < chunk.count(); ++t) {
    RmsNorm(chunk.x[t], vectors.attention_norm, config().rms_eps, chunk.normed[t]);
  }
  chunk.Observe(layer, {MatrixKind::kQ, MatrixKind::kK, MatrixKind::kV}, chunk.normed);
  chunk.Multiply(layer, MatrixKind::kQ, chunk.normed, chunk.q);
  chunk.Multiply(layer, MatrixKind::kK, chunk.normed, chunk.k);
  chunk.Multiply(layer, MatrixKind::kV, chunk.normed, chunk.v);

  // bias (Qwen2), norm of each head (Qwen3), rotation; then keys and values join the cache
  for (size_t t = 0; t < chunk.count(); ++t) {
    const auto prepare = [&](std::span<float> all, const std::vector<float>& bias,
                             const std::vector<float>& gain) {
      if (!bias.empty()) AddTo(all, bias);
      for (size_t at = 0; at < all.size(); at += head_dim) {
        const std::span<float> head = all.subspan(at, head_dim);
        if (!gain.empty()) RmsNorm(head, gain, config().rms_eps, head);
        Rotate(head, chunk.cos_sin[t]);
      }
    };
    prepare(chunk.q[t], vectors.q_bias, vectors.q_norm);
    prepare(chunk.k[t], vectors.k_bias, vectors.k_norm);
    if (!vectors.v_bias.empty()) AddTo(chunk.v[t], vectors.v_bias);
    std::ranges::copy(chunk.k[t], state.keys_[layer].data() + (first + t) * kv_width);
    std::ranges::copy(chunk.v[t], state.values_[layer].data() + (first + t) * kv_width);
  }

  // each query head looks at its key/value head in all positions up to its own
  Parallel(chunk.pool, chunk.count() * heads, [&](size_t begin, size_t end, int) {
    std::vector<float> scores(first + chunk.count());
    for (size_t i = begin; i < end; ++i) {
      const size_t t = i / heads, head = i % heads;
      const size_t kv = head / queries_per_kv * head_dim;
      AttendHead(chunk.q[t].subspan(head * head_dim, head_dim), state.keys_[layer].data() + kv,
                 state.values_[layer].data() + kv, kv_width, first + t + 1, scores,
                 chunk.mixed[t].subspan(head * head_dim, head_dim));
    }
  });

  chunk.Observe(layer, {MatrixKind::kO}, chunk.mixed);
  chunk.Multiply(layer, MatrixKind::kO, chunk.mixed, chunk.branch);
  for (size_t t = 0; t < chunk.count(); ++t) AddTo(chunk.x[t], chunk.branch[t]);
}

void ReferenceModel::FeedForward(Chunk& chunk, size_t layer) const {
  for (size_t t = 0; t < chunk.count(); ++t) {
    RmsNorm(chunk.x[t], vectors_[layer].ffn_norm, config().rms_eps, chunk.normed[t]);
  }
  chunk.Observe(layer, {MatrixKind::kGate, MatrixKind::kUp}, chunk.normed);
  chunk.Multiply(layer, MatrixKind::kGate, chunk.normed, chunk.gate);
  chunk.Multiply(layer, MatrixKind::kUp, chunk.normed, chunk.up);
  for (size_t t = 0; t < chunk.count(); ++t) {
    const std::span<float> gate = chunk.gate[t], up = chunk.up[t];
    for (size_t i = 0; i < gate.size(); ++i) {
      gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];  // silu(gate) * up
    }
  }
  chunk.Observe(layer, {MatrixKind::kDown}, chunk.gate);
  chunk.Multiply(layer, MatrixKind::kDown, chunk.gate, chunk.branch);
  for (size_t t = 0; t < chunk.count(); ++t) AddTo(chunk.x[t], chunk.branch[t]);
}

void ReferenceModel::Head(Chunk& chunk) const {
  for (size_t t = 0; t < chunk.count(); ++t) {
    RmsNorm(chunk.x[t], final_norm_, config().rms_eps, chunk.normed[t]);
  }
  chunk.Observe(vectors_.size(), {MatrixKind::kHead}, chunk.normed);
  chunk.logits.data.resize(chunk.count() * chunk.logits.width);
  chunk.Multiply(model_.head, chunk.normed, chunk.logits);
}

}  // namespace burin
