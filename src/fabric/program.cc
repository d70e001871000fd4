#include "fabric/program.h"

#include "base/check.h"

namespace burin {
namespace {

// Indices into ModelPlan::matrices of a layer: q, k, v, o, gate, up, down follow each other.
struct LayerMatrices {
  explicit LayerMatrices(int64_t layer) : first(static_cast<int32_t>(1 + 7 * layer)) {}
  int32_t first;
  int32_t q() const { return first; }
  int32_t k() const { return first + 1; }
  int32_t v() const { return first + 2; }
  int32_t o() const { return first + 3; }
  int32_t gate() const { return first + 4; }
  int32_t up() const { return first + 5; }
  int32_t down() const { return first + 6; }
};

class Maker {
 public:
  explicit Maker(const ModelConfig& config) : config_(config) {}

  Program Make() {
    Add(Op::kEmbed, config_.hidden, {0, -1, -1});
    for (layer_ = 0; layer_ < config_.layers; ++layer_) {
      const LayerMatrices m(layer_);
      AddAttention(m);
      AddFeedForward(m);
    }
    layer_ = -1;
    Add(Op::kNorm, config_.hidden);
    const int32_t head = config_.tied_head ? 0 : static_cast<int32_t>(1 + 7 * config_.layers);
    Add(Op::kPass, config_.hidden, {head, -1, -1});
    Add(Op::kCollectLogits, config_.vocab, {head, -1, -1});
    return std::move(program_);
  }

 private:
  using Matrices = std::array<int32_t, 3>;

  void Add(Op op, int64_t values, Matrices matrices = {-1, -1, -1},
           bool only_with_adapter = false) {
    program_.push_back({op, static_cast<int32_t>(layer_), matrices, values, only_with_adapter});
  }

  // A pass of `values` inputs, its adapter vectors before it.
  void AddPass(int64_t values, Matrices matrices) {
    Add(Op::kAdaptDown, values, matrices, true);
    Add(Op::kPass, values, matrices);
  }

  void AddAttention(const LayerMatrices& m) {
    const int64_t q = config_.q_width(), kv = config_.kv_width();
    const std::array<std::pair<int32_t, int64_t>, 3> heads = {
        {{m.q(), q}, {m.k(), kv}, {m.v(), kv}}};
    Add(Op::kNorm, config_.hidden);
    AddPass(config_.hidden, {m.q(), m.k(), m.v()});
    for (const auto& [matrix, width] : heads) Add(Op::kCollect, width, {matrix, -1, -1});
    for (size_t i = 0; config_.qk_norm && i < 2; ++i) {
      Add(Op::kHeadNorm, heads[i].second, {heads[i].first, -1, -1});
    }
    for (size_t i = 0; i < 2; ++i) Add(Op::kRotate, heads[i].second, {heads[i].first, -1, -1});
    for (const auto& [matrix, width] : heads) Add(Op::kQuantizeHeads, width, {matrix, -1, -1});
    Add(Op::kAttend, q);
    Add(Op::kQuantize, q);
    AddPass(q, {m.o(), -1, -1});
    Add(Op::kCollectAdd, config_.hidden, {m.o(), -1, -1});
  }

  void AddFeedForward(const LayerMatrices& m) {
    Add(Op::kNorm, config_.hidden);
    AddPass(config_.hidden, {m.gate(), m.up(), -1});
    Add(Op::kCollect, config_.ffn, {m.gate(), -1, -1});
    Add(Op::kCollect, config_.ffn, {m.up(), -1, -1});
    Add(Op::kSwiGlu, config_.ffn);
    AddPass(config_.ffn, {m.down(), -1, -1});
    Add(Op::kCollectAdd, config_.hidden, {m.down(), -1, -1});
  }

  const ModelConfig& config_;
  int64_t layer_ = -1;
  Program program_;
};

}  // namespace

const char* OpName(Op op) {
  switch (op) {
    case Op::kEmbed:
      return "EMBED";
    case Op::kNorm:
      return "NORM";
    case Op::kAdaptDown:
      return "ADAPT_DOWN";
    case Op::kPass:
      return "PASS";
    case Op::kCollect:
      return "COLLECT";
    case Op::kCollectAdd:
      return "COLLECT_ADD";
    case Op::kHeadNorm:
      return "HEAD_NORM";
    case Op::kRotate:
      return "ROTATE";
    case Op::kQuantizeHeads:
      return "QUANTIZE_HEADS";
    case Op::kAttend:
      return "ATTEND";
    case Op::kQuantize:
      return "QUANTIZE";
    case Op::kSwiGlu:
      return "SWIGLU";
    case Op::kCollectLogits:
      return "COLLECT_LOGITS";
  }
  BURIN_CHECK(!"unknown op");
  return "";
}

Program MakeProgram(const ModelConfig& config) { return Maker(config).Make(); }

}  // namespace burin
