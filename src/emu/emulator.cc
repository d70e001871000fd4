#include "emu/emulator.h"

#include <algorithm>
#include <atomic>

#include "base/check.h"
#include "numeric/tables.h"

namespace burin {
namespace {

// Vector steps over fewer values than this stay on the calling thread (see kParallelMultiplyAdds).
constexpr int64_t kParallelValues = int64_t{1} << 14;
constexpr int64_t kParallelSwiGlu = int64_t{1} << 13;  // a heavier step a value
// Logits computed together: bounds the memory of the head for large vocabularies.
constexpr int64_t kHeadValues = int64_t{1} << 22;

void Grow(std::vector<int32_t>& buffer, int64_t size) {
  if (buffer.size() < static_cast<size_t>(size)) buffer.resize(static_cast<size_t>(size));
}

// Row `t` of a [][width] buffer.
std::span<int32_t> RowOf(std::vector<int32_t>& buffer, int64_t t, int64_t width) {
  return {buffer.data() + t * width, static_cast<size_t>(width)};
}

void AddBias(std::span<int32_t> values, std::span<const int32_t> bias) {
  for (size_t i = 0; i < bias.size(); ++i) values[i] = SaturatingAdd(values[i], bias[i]);
}

void Show(Observer* observer, Stage stage, int64_t layer, const std::vector<Workspace::Row>& rows,
          std::vector<int32_t>& values, int64_t width) {
  if (observer == nullptr) return;
  for (size_t t = 0; t < rows.size(); ++t) {
    observer->See(stage, layer, rows[t].chunk, rows[t].position,
                  RowOf(values, static_cast<int64_t>(t), width));
  }
}

}  // namespace

Emulator::Emulator(const QuantizedModel& model, const KernelSet& kernels, ThreadPool* pool,
                   const MatrixBackend* matrices)
    : model_(model),
      kernels_(kernels),
      pool_(pool),
      own_matrices_(model, kernels),
      matrices_(matrices == nullptr ? own_matrices_ : *matrices),
      norm_(
          MakeRmsNormConstants(model.config.hidden, model.config.rms_eps, model.residual_fraction)),
      head_norm_(
          MakeRmsNormConstants(model.config.head_dim, model.config.rms_eps, kVectorFraction)) {}

template <typename Body>
void Emulator::ForTokens(int64_t count, int64_t values_per_token, Body&& body) const {
  if (pool_ == nullptr || count * values_per_token < kParallelValues) {
    for (int64_t t = 0; t < count; ++t) body(t, 0);
    return;
  }
  pool_->ParallelFor(static_cast<size_t>(count), 1, [&](size_t begin, size_t end, int part) {
    for (size_t t = begin; t < end; ++t) body(static_cast<int64_t>(t), part);
  });
}

Status Emulator::CheckChunk(const Chunk& chunk) const {
  const ModelConfig& c = model_.config;
  const KvCache& cache = *chunk.cache;
  BURIN_CHECK(cache.layers() == c.layers && cache.kv_heads() == c.kv_heads &&
              cache.head_dim() == c.head_dim && cache.capacity() <= model_.context);
  BURIN_CHECK(!chunk.tokens.empty());
  BURIN_CHECK(chunk.adapter == nullptr ||
              (chunk.adapter->model == model_.digest &&
               static_cast<int64_t>(chunk.adapter->layers.size()) == c.layers));
  const size_t wanted = chunk.wanted == LogitsWanted::kNone   ? 0
                        : chunk.wanted == LogitsWanted::kLast ? 1
                                                              : chunk.tokens.size();
  BURIN_CHECK(chunk.logits.size() >= wanted * static_cast<size_t>(c.vocab));
  for (const int32_t token : chunk.tokens) {
    if (token < 0 || token >= c.vocab) {
      return BadInput("token", fmt::format("id {}", token),
                      fmt::format("0 to {}, the vocabulary of the model", c.vocab - 1));
    }
  }
  const auto count = static_cast<int64_t>(chunk.tokens.size());
  if (count > cache.capacity() - cache.length()) {
    return BadInput("sequence", fmt::format("{} tokens after {} positions", count, cache.length()),
                    fmt::format("at most {} positions in all", cache.capacity()),
                    fmt::format("Shorten the text or make room for more positions (the model has "
                                "a context of {})",
                                model_.context));
  }
  return {};
}

Status Emulator::Forward(std::span<const Chunk> chunks, Workspace& w, Observer* observer) const {
  for (size_t i = 0; i < chunks.size(); ++i) {
    BURIN_TRY(CheckChunk(chunks[i]));
    for (size_t j = 0; j < i; ++j) BURIN_CHECK(chunks[i].cache != chunks[j].cache);
  }
  w.rows.clear();
  w.adapters.clear();
  for (size_t i = 0; i < chunks.size(); ++i) {
    const Chunk& chunk = chunks[i];
    int32_t* logits = chunk.logits.data();
    for (size_t j = 0; j < chunk.tokens.size(); ++j) {
      const bool wanted = chunk.wanted == LogitsWanted::kAll ||
                          (chunk.wanted == LogitsWanted::kLast && j + 1 == chunk.tokens.size());
      w.rows.push_back({i, chunk.cache, chunk.tokens[j],
                        chunk.cache->length() + static_cast<int64_t>(j),
                        wanted ? logits : nullptr});
      w.adapters.push_back(chunk.adapter);
      if (wanted) logits += model_.config.vocab;
      if (static_cast<int64_t>(w.rows.size()) == kPassTokens) RunPass(w, observer);
    }
  }
  if (!w.rows.empty()) RunPass(w, observer);
  for (const Chunk& chunk : chunks) {
    chunk.cache->Advance(static_cast<int64_t>(chunk.tokens.size()));
  }
  return {};
}

void Emulator::RunPass(Workspace& w, Observer* observer) const {
  Embed(w, observer);
  for (int64_t layer = 0; layer < model_.config.layers; ++layer) {
    AttentionBlock(layer, w, observer);
    FeedForwardBlock(layer, w, observer);
  }
  Head(w, observer);
  w.rows.clear();
  w.adapters.clear();
}

void Emulator::Multiply(std::span<const MatrixPass> passes, Workspace& w) const {
  matrices_.Multiply(passes, w.input, w.raw, pool_);
  AddAdapters(kernels_, passes, w.input, w.adapters, w.adapter, pool_);
}

void Emulator::Embed(Workspace& w, Observer* observer) const {
  const ModelConfig& c = model_.config;
  const auto count = static_cast<int64_t>(w.rows.size());
  Grow(w.residual, count * c.hidden);
  Grow(w.normed, count * c.hidden);
  Grow(w.angles, count * c.head_dim);
  ForTokens(count, c.hidden, [&](int64_t t, int) {
    const Workspace::Row& row = w.rows[static_cast<size_t>(t)];
    matrices_.ReadEmbedding(row.token, model_.residual_fraction, RowOf(w.residual, t, c.hidden));
    RotaryAngles(model_.rotary, row.position, w.angles.data() + t * c.head_dim);
  });
  Show(observer, Stage::kEmbedding, 0, w.rows, w.residual, c.hidden);
}

void Emulator::AttentionBlock(int64_t layer, Workspace& w, Observer* observer) const {
  const ModelConfig& c = model_.config;
  const auto count = static_cast<int64_t>(w.rows.size());
  Grow(w.q, count * c.q_width());
  Grow(w.k, count * c.kv_width());
  Grow(w.v, count * c.kv_width());
  Grow(w.attention, count * c.q_width());
  Grow(w.head_norm, threads() * c.head_dim);
  w.q_heads.Resize(count, c.q_width(), c.head_dim);
  w.k_heads.Resize(count, c.kv_width(), c.head_dim);
  w.v_heads.Resize(count, c.kv_width(), c.head_dim);

  w.input.Resize(count, c.hidden, model_.group);
  ForTokens(count, c.hidden, [&](int64_t t, int) {
    kernels_.rms_norm(RowOf(w.residual, t, c.hidden), norm_, RowOf(w.normed, t, c.hidden));
    kernels_.quantize_token(RowOf(w.normed, t, c.hidden), kNormFraction, w.input, t);
  });
  Show(observer, Stage::kAttentionNorm, layer, w.rows, w.normed, c.hidden);

  const MatrixPass qkv[] = {{{layer, MatrixKind::kQ}, kVectorFraction, false, w.q.data()},
                            {{layer, MatrixKind::kK}, kVectorFraction, false, w.k.data()},
                            {{layer, MatrixKind::kV}, kVectorFraction, false, w.v.data()}};
  Multiply(qkv, w);
  ForTokens(count, c.q_width() + 2 * c.kv_width(), [&](int64_t t, int part) {
    FinishHeads(layer, t, w.head_norm.data() + part * c.head_dim, w);
  });
  Show(observer, Stage::kQuery, layer, w.rows, w.q, c.q_width());
  Show(observer, Stage::kKey, layer, w.rows, w.k, c.kv_width());
  Show(observer, Stage::kValue, layer, w.rows, w.v, c.kv_width());

  AttendAll(layer, w);
  Show(observer, Stage::kAttention, layer, w.rows, w.attention, c.q_width());

  w.input.Resize(count, c.q_width(), model_.group);
  ForTokens(count, c.q_width(), [&](int64_t t, int) {
    kernels_.quantize_token(RowOf(w.attention, t, c.q_width()), kVectorFraction, w.input, t);
  });
  const MatrixPass o[] = {
      {{layer, MatrixKind::kO}, model_.residual_fraction, true, w.residual.data()}};
  Multiply(o, w);
  Show(observer, Stage::kAttentionResidual, layer, w.rows, w.residual, c.hidden);
}

// From matrix outputs to the int8 heads of token t; key and value go to the cache.
void Emulator::FinishHeads(int64_t layer, int64_t t, int32_t* head_norm, Workspace& w) const {
  const ModelConfig& c = model_.config;
  const QuantizedLayer& weights = model_.layers[static_cast<size_t>(layer)];
  const auto d = static_cast<size_t>(c.head_dim);
  const std::span<int32_t> q = RowOf(w.q, t, c.q_width());
  const std::span<int32_t> k = RowOf(w.k, t, c.kv_width());
  const std::span<int32_t> v = RowOf(w.v, t, c.kv_width());
  AddBias(q, weights.q_bias);
  AddBias(k, weights.k_bias);
  AddBias(v, weights.v_bias);
  const int32_t* angles = w.angles.data() + t * c.head_dim;
  for (size_t at = 0; at < q.size(); at += d) {
    FinishHead(q.subspan(at, d), weights.q_norm, angles, head_norm);
  }
  for (size_t at = 0; at < k.size(); at += d) {
    FinishHead(k.subspan(at, d), weights.k_norm, angles, head_norm);
  }
  QuantizeHeads(q, w.q_heads, t);
  QuantizeHeads(k, w.k_heads, t);
  QuantizeHeads(v, w.v_heads, t);
  const Workspace::Row& row = w.rows[static_cast<size_t>(t)];
  for (int64_t h = 0; h < c.kv_heads; ++h) {
    row.cache->Store(
        layer, h, row.position,
        {w.k_heads.TokenMantissas(t) + h * c.head_dim, w.k_heads.TokenExponents(t)[h]},
        {w.v_heads.TokenMantissas(t) + h * c.head_dim, w.v_heads.TokenExponents(t)[h]});
  }
}

// Norm with gain (where the model has one) and rotation of one head of q or k.
void Emulator::FinishHead(std::span<int32_t> head, const GainView& gain, const int32_t* angles,
                          int32_t* head_norm) const {
  if (!gain.mantissas.empty()) {
    const std::span<int32_t> normed{head_norm, head.size()};
    kernels_.rms_norm(head, head_norm_, normed);
    ApplyGain(normed, gain, kVectorFraction);
    std::copy(normed.begin(), normed.end(), head.begin());
  }
  RotateHead(head, angles);
}

// Each head is a block of head_dim rows. Kernel sets know the group sizes of matrices only.
void Emulator::QuantizeHeads(std::span<const int32_t> heads, BlockFloatBatch& batch,
                             int64_t t) const {
  const bool group_of_kernels = batch.group == 32 || batch.group == 64 || batch.group == 128;
  const auto quantize = group_of_kernels
                            ? kernels_.quantize_token
                            : static_cast<decltype(kernels_.quantize_token)>(QuantizeToken);
  quantize(heads, kVectorFraction, batch, t);
}

void Emulator::AttendAll(int64_t layer, Workspace& w) const {
  const ModelConfig& c = model_.config;
  const int64_t heads_per_kv = c.heads / c.kv_heads;
  int64_t positions = 0, longest = 0;
  for (const Workspace::Row& row : w.rows) {
    positions += row.position + 1;
    longest = std::max(longest, row.position + 1);
  }
  if (w.scores.size() < static_cast<size_t>(int64_t{2} * threads() * longest)) {
    // Twice what is needed now, so that a growing sequence seldom comes here.
    w.scores.resize(static_cast<size_t>(int64_t{4} * threads() * longest));
  }
  const size_t share = w.scores.size() / static_cast<size_t>(threads());

  auto attend = [&](size_t index, int part) {
    const auto t = static_cast<int64_t>(index) / c.heads, h = static_cast<int64_t>(index) % c.heads;
    const Workspace::Row& row = w.rows[static_cast<size_t>(t)];
    const int64_t kv = h / heads_per_kv, count = row.position + 1;
    const HeadVector query{w.q_heads.TokenMantissas(t) + h * c.head_dim,
                           w.q_heads.TokenExponents(t)[h]};
    kernels_.attend(
        query, row.cache->Keys(layer, kv), row.cache->Values(layer, kv), count, c.head_dim,
        {w.scores.data() + share * static_cast<size_t>(part), 2 * static_cast<size_t>(count)},
        RowOf(w.attention, t, c.q_width())
            .subspan(static_cast<size_t>(h * c.head_dim), static_cast<size_t>(c.head_dim)));
  };
  const size_t count = w.rows.size() * static_cast<size_t>(c.heads);
  if (pool_ == nullptr || 2 * positions * c.q_width() < kParallelMultiplyAdds) {
    for (size_t index = 0; index < count; ++index) attend(index, 0);
    return;
  }
  // Handed out one by one: lengths differ from row to row.
  std::atomic<size_t> next{0};
  pool_->ParallelFor(static_cast<size_t>(threads()), 1, [&](size_t, size_t, int part) {
    for (size_t index = next.fetch_add(1); index < count; index = next.fetch_add(1)) {
      attend(index, part);
    }
  });
}

void Emulator::FeedForwardBlock(int64_t layer, Workspace& w, Observer* observer) const {
  const ModelConfig& c = model_.config;
  const auto count = static_cast<int64_t>(w.rows.size());
  Grow(w.gate, count * c.ffn);
  Grow(w.up, count * c.ffn);

  w.input.Resize(count, c.hidden, model_.group);
  ForTokens(count, c.hidden, [&](int64_t t, int) {
    kernels_.rms_norm(RowOf(w.residual, t, c.hidden), norm_, RowOf(w.normed, t, c.hidden));
    kernels_.quantize_token(RowOf(w.normed, t, c.hidden), kNormFraction, w.input, t);
  });
  Show(observer, Stage::kFfnNorm, layer, w.rows, w.normed, c.hidden);

  const MatrixPass gate_up[] = {{{layer, MatrixKind::kGate}, kVectorFraction, false, w.gate.data()},
                                {{layer, MatrixKind::kUp}, kVectorFraction, false, w.up.data()}};
  Multiply(gate_up, w);
  Show(observer, Stage::kGate, layer, w.rows, w.gate, c.ffn);
  Show(observer, Stage::kUp, layer, w.rows, w.up, c.ffn);

  w.input.Resize(count, c.ffn, model_.group);
  SwiGluAll(w);
  const MatrixPass down[] = {
      {{layer, MatrixKind::kDown}, model_.residual_fraction, true, w.residual.data()}};
  Multiply(down, w);
  Show(observer, Stage::kResidual, layer, w.rows, w.residual, c.hidden);
}

// Groups of all tokens are one range: a single token is shared by the threads, too.
void Emulator::SwiGluAll(Workspace& w) const {
  const int64_t ffn = model_.config.ffn, groups = w.input.groups;
  auto run = [&](size_t begin, size_t end, int) {
    for (auto at = static_cast<int64_t>(begin); at < static_cast<int64_t>(end);) {
      const int64_t t = at / groups, last = std::min(static_cast<int64_t>(end), (t + 1) * groups);
      kernels_.swiglu_groups(RowOf(w.gate, t, ffn), RowOf(w.up, t, ffn), w.input, t,
                             at - t * groups, last - t * groups);
      at = last;
    }
  };
  const auto all = static_cast<size_t>(w.input.tokens * groups);
  if (pool_ == nullptr || w.input.tokens * ffn < kParallelSwiGlu) return run(0, all, 0);
  pool_->ParallelFor(all, 1, run);
}

void Emulator::Head(Workspace& w, Observer* observer) const {
  const auto limit =
      static_cast<size_t>(std::clamp<int64_t>(kHeadValues / model_.config.vocab, 1, kPassTokens));
  std::array<size_t, kPassTokens> wanted;
  size_t count = 0;
  for (size_t t = 0; t < w.rows.size(); ++t) {
    if (w.rows[t].logits != nullptr) wanted[count++] = t;
  }
  for (size_t at = 0; at < count; at += limit) {
    HeadTokens(std::span(wanted).subspan(at, std::min(limit, count - at)), w, observer);
  }
}

void Emulator::HeadTokens(std::span<const size_t> row_indices, Workspace& w,
                          Observer* observer) const {
  const ModelConfig& c = model_.config;
  const auto count = static_cast<int64_t>(row_indices.size());
  Grow(w.logits, count * c.vocab);
  w.input.Resize(count, c.hidden, model_.group);
  ForTokens(count, c.hidden, [&](int64_t i, int) {
    const auto t = static_cast<int64_t>(row_indices[static_cast<size_t>(i)]);
    const std::span<int32_t> normed = RowOf(w.normed, t, c.hidden);
    kernels_.rms_norm(RowOf(w.residual, t, c.hidden), norm_, normed);
    if (!model_.final_norm.mantissas.empty()) {
      ApplyGain(normed, model_.final_norm, kNormFraction);
    }
    kernels_.quantize_token(normed, kNormFraction, w.input, i);
  });
  const MatrixPass head[] = {{{0, MatrixKind::kHead}, kVectorFraction, false, w.logits.data()}};
  matrices_.Multiply(head, w.input, w.raw, pool_);
  for (size_t i = 0; i < row_indices.size(); ++i) {
    const Workspace::Row& row = w.rows[row_indices[i]];
    const std::span<const int32_t> logits = RowOf(w.logits, static_cast<int64_t>(i), c.vocab);
    std::copy(logits.begin(), logits.end(), row.logits);
    if (observer == nullptr) continue;
    observer->See(Stage::kFinalNorm, 0, row.chunk, row.position,
                  RowOf(w.normed, static_cast<int64_t>(row_indices[i]), c.hidden));
    observer->See(Stage::kLogits, 0, row.chunk, row.position, logits);
  }
}

}  // namespace burin
