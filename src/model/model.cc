#include "model/model.h"

#include <cmath>

#include "base/check.h"

namespace burin {
namespace {

struct Bound {
  const char* name;
  int64_t value, max;
};

}  // namespace

const char* KnownArchitectures() { return "llama, mistral, qwen2, qwen3"; }

uint64_t ModelConfig::WeightCount() const {
  uint64_t count = static_cast<uint64_t>(vocab * hidden) * (tied_head ? 1 : 2);
  for (const MatrixKind kind : {MatrixKind::kQ, MatrixKind::kK, MatrixKind::kV, MatrixKind::kO,
                                MatrixKind::kGate, MatrixKind::kUp, MatrixKind::kDown}) {
    const TensorShape shape = ShapeOf(*this, kind);
    count += static_cast<uint64_t>(layers) * static_cast<uint64_t>(shape.rows * shape.cols);
  }
  return count;
}

const char* MatrixKindName(MatrixKind kind) {
  switch (kind) {
    case MatrixKind::kQ:
      return "q_proj";
    case MatrixKind::kK:
      return "k_proj";
    case MatrixKind::kV:
      return "v_proj";
    case MatrixKind::kO:
      return "o_proj";
    case MatrixKind::kGate:
      return "gate_proj";
    case MatrixKind::kUp:
      return "up_proj";
    case MatrixKind::kDown:
      return "down_proj";
    case MatrixKind::kHead:
      return "lm_head";
  }
  BURIN_CHECK(false);
}

TensorShape ShapeOf(const ModelConfig& config, MatrixKind kind) {
  switch (kind) {
    case MatrixKind::kQ:
      return {config.q_width(), config.hidden};
    case MatrixKind::kK:
    case MatrixKind::kV:
      return {config.kv_width(), config.hidden};
    case MatrixKind::kO:
      return {config.hidden, config.q_width()};
    case MatrixKind::kGate:
    case MatrixKind::kUp:
      return {config.ffn, config.hidden};
    case MatrixKind::kDown:
      return {config.hidden, config.ffn};
    case MatrixKind::kHead:
      return {config.vocab, config.hidden};
  }
  BURIN_CHECK(false);
}

const TensorView& MatrixOf(const Model& model, int64_t layer, MatrixKind kind) {
  if (kind == MatrixKind::kHead) return model.head;
  const LayerTensors& tensors = model.layers[static_cast<size_t>(layer)];
  switch (kind) {
    case MatrixKind::kQ:
      return tensors.q;
    case MatrixKind::kK:
      return tensors.k;
    case MatrixKind::kV:
      return tensors.v;
    case MatrixKind::kO:
      return tensors.o;
    case MatrixKind::kGate:
      return tensors.gate;
    case MatrixKind::kUp:
      return tensors.up;
    case MatrixKind::kDown:
      return tensors.down;
    case MatrixKind::kHead:
      break;
  }
  BURIN_CHECK(false);
}

Status ValidateConfig(const ModelConfig& config, const std::string& object) {
  // With these bounds every product of two sizes stays below 2^45, and WeightCount below 2^56.
  const Bound bounds[] = {
      {"hidden", config.hidden, 1 << 20},     {"layers", config.layers, 1 << 10},
      {"heads", config.heads, 1 << 12},       {"kv_heads", config.kv_heads, 1 << 12},
      {"head_dim", config.head_dim, 1 << 12}, {"ffn", config.ffn, 1 << 22},
      {"vocab", config.vocab, 1 << 24},       {"max_positions", config.max_positions, 1 << 28},
  };
  for (const Bound& bound : bounds) {
    if (bound.value < 1 || bound.value > bound.max) {
      return BadInput(object, fmt::format("{} = {}", bound.name, bound.value),
                      fmt::format("1 to {}", bound.max));
    }
  }
  if (config.heads % config.kv_heads != 0) {
    return BadInput(
        object, fmt::format("{} query heads, {} key/value heads", config.heads, config.kv_heads),
        "query heads a multiple of key/value heads");
  }
  if (config.head_dim % 2 != 0) {
    return BadInput(object, fmt::format("head_dim = {}", config.head_dim),
                    "an even number (the rotation turns pairs)");
  }
  if (!std::isfinite(config.rope_theta) || config.rope_theta <= 1) {
    return BadInput(object, fmt::format("rope_theta = {}", config.rope_theta), "above 1");
  }
  if (!(config.rms_eps > 0 && config.rms_eps <= 0.1)) {
    return BadInput(object, fmt::format("rms_norm_eps = {}", config.rms_eps), "in (0, 0.1]");
  }
  const RopeScaling& rope = config.rope_scaling;
  if (rope.kind != RopeScaling::Kind::kNone && !(rope.factor >= 1 && rope.factor <= 1e6)) {
    return BadInput(object, fmt::format("rope factor = {}", rope.factor), "1 to 1e6");
  }
  if (rope.kind == RopeScaling::Kind::kLlama3 &&
      !(rope.low_freq_factor > 0 && rope.low_freq_factor < rope.high_freq_factor &&
        rope.high_freq_factor <= 1e6 && rope.original_max_positions >= 1 &&
        rope.original_max_positions <= (1 << 28))) {
    return BadInput(
        object,
        fmt::format("rope low_freq_factor {}, high_freq_factor {}, original positions {}",
                    rope.low_freq_factor, rope.high_freq_factor, rope.original_max_positions),
        "0 < low < high, and 1 or more positions");
  }
  if (config.sliding_window < 0) {
    return BadInput(object, fmt::format("sliding_window = {}", config.sliding_window),
                    "0 (none) or more");
  }
  for (const int32_t id : config.eos_ids) {
    if (id < 0 || id >= config.vocab) {
      return BadInput(object, fmt::format("eos_token_id {}", id),
                      fmt::format("0 to {} (the vocabulary)", config.vocab - 1));
    }
  }
  if (config.bos_id && (*config.bos_id < 0 || *config.bos_id >= config.vocab)) {
    return BadInput(object, fmt::format("bos_token_id {}", *config.bos_id),
                    fmt::format("0 to {} (the vocabulary)", config.vocab - 1));
  }
  return {};
}

}  // namespace burin
