#include "quant/calibration.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "base/interrupt.h"
#include "base/sha256.h"
#include "model/reference.h"
#include "quant/metadata.h"

namespace burin {
namespace {

constexpr int kDefaultResidualFraction = 20;
constexpr int kHeadroomBits = 4;  // 16 times
constexpr float kLeastImportance = 1e-4f;

// Sums of squares of one input vector.
class SquareSums {
 public:
  void Add(std::span<const float> x) {
    if (sums_.empty()) sums_.resize(x.size());
    BURIN_CHECK(sums_.size() == x.size());
    for (size_t i = 0; i < x.size(); ++i) {
      sums_[i] += static_cast<double>(x[i]) * static_cast<double>(x[i]);
    }
  }
  std::vector<float> Mean(int64_t tokens) const {
    std::vector<float> mean;
    for (const double sum : sums_)
      mean.push_back(static_cast<float>(sum / static_cast<double>(tokens)));
    return mean;
  }

 private:
  std::vector<double> sums_;
};

class Collector : public ReferenceObserver {
 public:
  explicit Collector(int64_t layers) : layers_(static_cast<size_t>(layers)) {}

  void OnMatrixInput(int layer, MatrixKind kind, std::span<const float> x) override {
    if (kind == MatrixKind::kHead) return head_.Add(x);
    LayerSums& sums = layers_[static_cast<size_t>(layer)];
    if (kind == MatrixKind::kQ) sums.qkv.Add(x);
    if (kind == MatrixKind::kO) sums.o.Add(x);
    if (kind == MatrixKind::kGate) sums.gate_up.Add(x);
    if (kind == MatrixKind::kDown) sums.down.Add(x);
  }

  void OnResidual(int, std::span<const float> x) override {
    for (const float value : x) {
      largest_ = std::max(largest_, std::abs(value));
      finite_ &= std::isfinite(value);
    }
  }

  bool finite() const { return finite_; }

  Calibration Finish(int64_t tokens) const {
    Calibration result;
    for (const LayerSums& l : layers_) {
      result.layers.push_back(
          {l.qkv.Mean(tokens), l.o.Mean(tokens), l.gate_up.Mean(tokens), l.down.Mean(tokens)});
    }
    result.head = head_.Mean(tokens);
    result.largest_residual = static_cast<double>(largest_);
    result.tokens = tokens;
    return result;
  }

 private:
  struct LayerSums {
    SquareSums qkv, o, gate_up, down;
  };
  std::vector<LayerSums> layers_;
  SquareSums head_;
  float largest_ = 0;
  bool finite_ = true;
};

Status CheckTokens(const Model& model, std::span<const int32_t> tokens) {
  if (tokens.empty()) return BadInput("calibration", "no tokens", "a text", "Give a longer file.");
  for (const int32_t token : tokens) {
    if (token < 0 || token >= model.config.vocab) {
      return BadInput("calibration", fmt::format("token {}", token),
                      fmt::format("0 to {}, the model's vocabulary", model.config.vocab - 1),
                      "Use the tokenizer of this model.");
    }
  }
  return {};
}

// Mean squares that belong to a matrix, or null.
const std::vector<float>* ObservedOf(const Calibration& c, const MatrixEntry& entry, bool tied) {
  switch (entry.kind) {
    case TensorKind::kEmbedding:
      return tied ? &c.head : nullptr;
    case TensorKind::kHead:
      return &c.head;
    case TensorKind::kO:
      return &c.layers[static_cast<size_t>(entry.layer)].o;
    case TensorKind::kGate:
    case TensorKind::kUp:
      return &c.layers[static_cast<size_t>(entry.layer)].gate_up;
    case TensorKind::kDown:
      return &c.layers[static_cast<size_t>(entry.layer)].down;
    default:
      return &c.layers[static_cast<size_t>(entry.layer)].qkv;
  }
}

// Scales to mean 1 with a floor; all 1 if there is nothing to scale.
void Normalise(std::vector<float>& importance) {
  double sum = 0;
  for (const float h : importance) sum += static_cast<double>(h);
  const double mean = sum / static_cast<double>(importance.size());
  if (!(mean > 0) || !std::isfinite(mean)) {
    std::fill(importance.begin(), importance.end(), 1.0f);
    return;
  }
  for (float& h : importance) {
    h = std::max(static_cast<float>(static_cast<double>(h) / mean), kLeastImportance);
  }
}

}  // namespace

std::string Calibration::Digest() const {
  Sha256 hash;
  auto add = [&](std::span<const float> values) { hash.Update(std::as_bytes(values)); };
  for (const Layer& l : layers) {
    add(l.qkv);
    add(l.o);
    add(l.gate_up);
    add(l.down);
  }
  add(head);
  hash.Update(std::as_bytes(std::span(&largest_residual, 1)));
  return ToHex(hash.Finish());
}

Result<Calibration> CollectImportance(const Model& model, std::span<const int32_t> tokens,
                                      ThreadPool& pool, Progress* progress) {
  BURIN_TRY(CheckTokens(model, tokens));
  int64_t window = std::min(kCalibrationWindow, model.config.max_positions);
  if (model.config.sliding_window > 0) window = std::min(window, model.config.sliding_window);
  BURIN_ASSIGN(ReferenceState state, ReferenceState::Create(model.config, window));
  const ReferenceModel reference(model);
  Collector collector(model.config.layers);
  // The head is computed for its observer's sake only.
  const auto ignore_logits = [](int64_t, std::span<const float>) {};
  int64_t seen = 0;
  for (size_t at = 0; at < tokens.size();) {
    std::vector<int32_t> chunk;
    if (state.position() == 0 && model.config.bos_id && tokens[at] != *model.config.bos_id &&
        window > 1) {
      chunk.push_back(*model.config.bos_id);
    }
    const int64_t room = std::min(window - state.position(), ReferenceModel::kChunk) -
                         static_cast<int64_t>(chunk.size());
    const size_t count = std::min(tokens.size() - at, static_cast<size_t>(room));
    const auto part = tokens.subspan(at, count);
    chunk.insert(chunk.end(), part.begin(), part.end());
    reference.ForwardSequence(state, chunk, ignore_logits, &pool, &collector);
    seen += static_cast<int64_t>(chunk.size());
    at += count;
    if (progress != nullptr) progress->Add(count);
    if (InterruptRequested()) return Interrupted("calibration");
    if (!collector.finite()) {
      return BadInput("calibration", fmt::format("a value that is not finite near token {}", at),
                      "finite activations", "Check the checkpoint.");
    }
    if (state.position() == window) state.Rewind(0);
  }
  return collector.Finish(seen);
}

std::vector<float> ImportanceOf(const Calibration* calibration, const MatrixEntry& entry,
                                const FoldedMatrix& matrix, bool tied_head) {
  std::vector<float> importance(static_cast<size_t>(matrix.rows()), 1.0f);
  const std::vector<float>* observed =
      calibration == nullptr ? nullptr : ObservedOf(*calibration, entry, tied_head);
  if (observed == nullptr) return importance;
  BURIN_CHECK(observed->size() == importance.size());
  const std::span<const float> gains = matrix.gains();
  for (size_t i = 0; i < importance.size(); ++i) {
    const float gain = gains.empty() ? 1.0f : gains[i];
    importance[i] = gain == 0 ? 0.0f : (*observed)[i] / (gain * gain);
  }
  Normalise(importance);
  if (entry.kind == TensorKind::kEmbedding) {
    for (float& h : importance) h = 0.5f + 0.5f * h;
  }
  return importance;
}

int ResidualFraction(const Calibration* calibration) {
  if (calibration == nullptr || !(calibration->largest_residual > 0))
    return kDefaultResidualFraction;
  // largest < 2^(e + 1), and 2^31 / (2^fraction * 16) >= 2^(e + 1).
  const int exponent = std::ilogb(calibration->largest_residual);
  return std::clamp(31 - kHeadroomBits - (exponent + 1), kMinResidualFraction,
                    kMaxResidualFraction);
}

}  // namespace burin
