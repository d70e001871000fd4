#include "rtl/engine_plan.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "rtl/engine_check.h"

namespace burin {
namespace {

// Fields of a program word: first bit and bits (hw/README.md).
struct Field {
  int64_t at, bits;
};
constexpr int64_t kWordBits = 160;
constexpr Field kOp{0, 4}, kOnlyWithAdapter{4, 1}, kOnlySampling{5, 1}, kGain{6, 1}, kBias{7, 1},
    kKind{8, 2}, kSelect{10, 10}, kSource{20, 16}, kSource2{36, 16}, kTarget{52, 16},
    kValues{68, 16}, kExponent{84, 8}, kDrop{92, 5}, kBlockWords{97, 12}, kLayer{109, 10},
    kMatrix{119, 12}, kConstant{131, 16}, kAdapterEntry{147, 12};
constexpr int64_t kEnd = 15;

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

Status CheckLimit(const std::string& object, int64_t value, int64_t bits) {
  if (value >= 0 && value < (int64_t{1} << bits)) return {};
  return BadInput(object, fmt::format("{}", value),
                  fmt::format("0 to {}: the engine's program word has {} bits for it",
                              (int64_t{1} << bits) - 1, bits),
                  "The emulator (burin run) has no such limit.");
}

class Planner {
 public:
  explicit Planner(const PlacedFabric& fabric)
      : fabric_(fabric), model_(*fabric.plan.weights), config_(fabric.plan.config) {}

  Result<EnginePlan> Make() {
    BURIN_TRY(CheckEngine(fabric_));
    plan_.lanes = fabric_.chip.vector_lanes;
    MapVectors();
    FindActivationVectors();
    MakeRotary();
    const auto steps = static_cast<int64_t>(fabric_.program.size());
    plan_.program = RomImage(steps + 1, kWordBits);
    for (at_ = 0; at_ < steps; ++at_) {
      status_ = {};
      AddStep(fabric_.program[static_cast<size_t>(at_)]);
      BURIN_TRY(status_);
    }
    Put(kOp, kEnd);
    MakeConstants();
    return std::move(plan_);
  }

 private:
  int64_t Words(int64_t values) const { return CeilDiv(values, plan_.lanes); }

  void MapVectors() {
    VectorMap& map = plan_.map;
    const auto take = [&map, this](int64_t values) {
      const int64_t at = map.words;
      map.words += Words(values);
      return at;
    };
    map.residual = take(config_.hidden);
    map.q = take(config_.q_width());
    map.k = take(config_.kv_width());
    map.v = take(config_.kv_width());
    map.attention = take(config_.q_width());
    map.gate = take(config_.ffn);
    map.up = take(config_.ffn);
  }

  // One a pass, in order of the program.
  void FindActivationVectors() {
    plan_.vector_of.assign(fabric_.matrices.size(), -1);
    for (const Step& step : fabric_.program) {
      if (step.op != Op::kPass) continue;
      ActivationVector vector;
      vector.inputs = step.values;
      for (const int32_t matrix : step.matrices) {
        if (matrix < 0) continue;
        vector.matrices.push_back(matrix);
        plan_.vector_of[static_cast<size_t>(matrix)] = static_cast<int32_t>(plan_.vectors.size());
      }
      vector.name = VectorName(step);
      plan_.vectors.push_back(std::move(vector));
    }
  }

  std::string VectorName(const Step& step) const {
    const TensorKind kind = Entry(step.matrices[0]).kind;
    if (step.layer < 0) return "head";
    const char* name = kind == TensorKind::kQ      ? "qkv"
                       : kind == TensorKind::kO    ? "o"
                       : kind == TensorKind::kGate ? "ffn"
                                                   : "down";
    return fmt::format("l{}_{}", step.layer, name);
  }

  const MatrixEntry& Entry(int32_t matrix) const {
    return fabric_.plan.matrices[static_cast<size_t>(matrix)];
  }
  const MatrixShape& Shape(int32_t matrix) const {
    return fabric_.matrices[static_cast<size_t>(matrix)].shape;
  }
  const PackedMatrix& Weights(int32_t matrix) const {
    return *MatricesIn(model_)[static_cast<size_t>(matrix)];
  }

  void Put(const Field& field, int64_t value) {
    plan_.program.Set(at_, field.at, field.bits, value);
  }
  // An unsigned field, checked.
  void PutChecked(const Field& field, const char* what, int64_t value) {
    const Status fits =
        CheckLimit(fmt::format("{}: {}", fabric_.plan.name, what), value, field.bits);
    if (!fits) {
      status_ = fits;
    } else {
      Put(field, value);
    }
  }
  void PutExponent(int64_t exponent) {
    BURIN_CHECK(exponent >= -128 && exponent <= 127);
    Put(kExponent, exponent);
  }

  // The vector of the next pass: what a norm or a quantizer writes.
  void PutSelect() {
    for (size_t i = static_cast<size_t>(at_); i < fabric_.program.size(); ++i) {
      const Step& step = fabric_.program[i];
      if (step.op != Op::kPass) continue;
      const int32_t matrix = step.matrices[0];
      PutChecked(kSelect, "layers", plan_.vector_of[static_cast<size_t>(matrix)]);
      Put(kDrop, Shape(matrix).DropBits());
      return;
    }
    BURIN_CHECK(!"a vector that no pass reads");
  }

  int64_t AddressOf(TensorKind kind) const {
    switch (kind) {
      case TensorKind::kQ:
        return plan_.map.q;
      case TensorKind::kK:
        return plan_.map.k;
      case TensorKind::kV:
        return plan_.map.v;
      case TensorKind::kGate:
        return plan_.map.gate;
      case TensorKind::kUp:
        return plan_.map.up;
      default:
        return plan_.map.residual;
    }
  }

  static int64_t EntryOfLayer(TensorKind kind) {
    return static_cast<int64_t>(kind) - static_cast<int64_t>(TensorKind::kQ);
  }

  void AddStep(const Step& step) {
    Put(kOp, static_cast<int64_t>(step.op));
    Put(kOnlyWithAdapter, step.only_with_adapter ? 1 : 0);
    const bool is_final = step.layer < 0 && step.op != Op::kEmbed;
    Put(kOnlySampling, is_final ? 1 : 0);
    Put(kLayer, std::max(step.layer, 0));
    PutChecked(kValues, "values of a step", step.values);
    StepResult result{step.op, step.layer, step.matrices[0], 0, 0};
    switch (step.op) {
      case Op::kEmbed:
        AddEmbed(step, result);
        break;
      case Op::kNorm:
        Put(kSource, plan_.map.residual);
        PutSelect();
        if (is_final && !model_.final_norm.mantissas.empty()) {
          Put(kGain, 1);
          Put(kConstant, AddGain(model_.final_norm));
          PutExponent(model_.final_norm.exponent);
        }
        break;
      case Op::kAdaptDown:
      case Op::kPass:
        AddPass(step);
        break;
      case Op::kCollect:
      case Op::kCollectAdd:
      case Op::kCollectLogits:
        AddCollect(step, result);
        break;
      case Op::kHeadNorm:
      case Op::kRotate:
      case Op::kQuantizeHeads:
        AddHeads(step, result);
        break;
      case Op::kAttend:
        Put(kTarget, plan_.map.attention);
        result.address = plan_.map.attention;
        result.values = config_.q_width();
        break;
      case Op::kQuantize:
        Put(kSource, plan_.map.attention);
        PutSelect();
        break;
      case Op::kSwiGlu:
        Put(kSource, plan_.map.gate);
        Put(kSource2, plan_.map.up);
        PutSelect();
        break;
    }
    plan_.results.push_back(result);
  }

  void AddEmbed(const Step& step, StepResult& result) {
    Put(kTarget, plan_.map.residual);
    const int64_t rows = std::min(fabric_.chip.rows, config_.hidden);
    Put(kValues, CeilDiv(rows, plan_.lanes) * plan_.lanes);
    PutExponent(Weights(step.matrices[0]).exponent + model_.residual_fraction - kMaxScaleShift);
    result.address = plan_.map.residual;
    result.values = config_.hidden;
  }

  void AddPass(const Step& step) {
    const int32_t matrix = step.matrices[0];
    Put(kSelect, plan_.vector_of[static_cast<size_t>(matrix)]);
    const int64_t group = fabric_.plan.group;
    const int64_t rows = std::min(fabric_.chip.rows, CeilDiv(step.values, group) * group);
    if (step.op == Op::kPass) {
      PutChecked(kValues, "word lines", rows);
      return;
    }
    const auto count =
        std::count_if(step.matrices.begin(), step.matrices.end(), [](int32_t m) { return m >= 0; });
    Put(kKind, count - 1);
    PutChecked(kAdapterEntry, "layers", int64_t{step.layer} * 7 + EntryOfLayer(Entry(matrix).kind));
  }

  void AddCollect(const Step& step, StepResult& result) {
    const int32_t matrix = step.matrices[0];
    const MatrixEntry& entry = Entry(matrix);
    const int fraction = step.op == Op::kCollectAdd ? model_.residual_fraction : kVectorFraction;
    PutExponent(Weights(matrix).exponent + Shape(matrix).DropBits() + fraction);
    Put(kKind, PlaceInPass(matrix));
    PutChecked(kMatrix, "matrices", matrix);
    PutChecked(kBlockWords, "words of a bank", LogicalColumns(fabric_, matrix) / plan_.lanes);
    if (step.layer >= 0) {
      PutChecked(kAdapterEntry, "layers", int64_t{step.layer} * 7 + EntryOfLayer(entry.kind));
    }
    if (step.op != Op::kCollectLogits) {
      result.address = AddressOf(entry.kind);
      PutChecked(kTarget, "vector memory", result.address);
      // q and k go on to be rotated before the reference knows them.
      const bool rotates = entry.kind == TensorKind::kQ || entry.kind == TensorKind::kK;
      result.values = rotates ? 0 : step.values;
    }
    const std::span<const int32_t> bias = BiasOf(step, entry.kind);
    if (!bias.empty()) {
      Put(kBias, 1);
      PutChecked(kConstant, "constants", AddBias(bias));
    }
  }

  // Which of the matrices of its pass it is.
  int64_t PlaceInPass(int32_t matrix) const {
    const int32_t vector = plan_.vector_of[static_cast<size_t>(matrix)];
    const auto& matrices = plan_.vectors[static_cast<size_t>(vector)].matrices;
    return std::find(matrices.begin(), matrices.end(), matrix) - matrices.begin();
  }

  std::span<const int32_t> BiasOf(const Step& step, TensorKind kind) const {
    if (step.layer < 0) return {};
    const QuantizedLayer& layer = model_.layers[static_cast<size_t>(step.layer)];
    return kind == TensorKind::kQ   ? layer.q_bias
           : kind == TensorKind::kK ? layer.k_bias
           : kind == TensorKind::kV ? layer.v_bias
                                    : std::span<const int32_t>();
  }

  void AddHeads(const Step& step, StepResult& result) {
    const TensorKind kind = Entry(step.matrices[0]).kind;
    const int64_t address = AddressOf(kind);
    Put(kSource, address);
    Put(kTarget, address);
    Put(kValues, step.values / config_.head_dim);
    Put(kKind, EntryOfLayer(kind));
    if (step.op == Op::kRotate) {
      result.address = address;
      result.values = step.values;
    }
    if (step.op != Op::kHeadNorm) return;
    const QuantizedLayer& layer = model_.layers[static_cast<size_t>(step.layer)];
    const GainView& gain = kind == TensorKind::kQ ? layer.q_norm : layer.k_norm;
    Put(kGain, 1);
    PutChecked(kConstant, "constants", AddGain(gain));
    PutExponent(gain.exponent - kNormFraction + kVectorFraction);
  }

  int64_t AddGain(const GainView& gain) {
    const auto at = static_cast<int64_t>(constants_.size()) / plan_.lanes;
    constants_.insert(constants_.end(), gain.mantissas.begin(), gain.mantissas.end());
    PadConstants();
    return at;
  }
  int64_t AddBias(std::span<const int32_t> bias) {
    const auto at = static_cast<int64_t>(constants_.size()) / plan_.lanes;
    constants_.insert(constants_.end(), bias.begin(), bias.end());
    PadConstants();
    return at;
  }
  void PadConstants() {
    constants_.resize(
        static_cast<size_t>(Words(static_cast<int64_t>(constants_.size())) * plan_.lanes));
  }

  void MakeConstants() {
    const int64_t words = std::max<int64_t>(1, Words(static_cast<int64_t>(constants_.size())));
    plan_.constants = RomImage(words, plan_.lanes * 32);
    for (size_t i = 0; i < constants_.size(); ++i) {
      const auto index = static_cast<int64_t>(i);
      plan_.constants.Set(index / plan_.lanes, index % plan_.lanes * 32, 32, constants_[i]);
    }
  }

  static RomImage RotaryImage(std::span<const int16_t> values) {
    const auto entries = static_cast<int64_t>(values.size()) / 2;
    RomImage image(entries, 32);
    for (int64_t i = 0; i < entries; ++i) {
      image.Set(i, 0, 16, values[static_cast<size_t>(2 * i)]);
      image.Set(i, 16, 16, values[static_cast<size_t>(2 * i + 1)]);
    }
    return image;
  }
  void MakeRotary() {
    plan_.rotary_coarse = RotaryImage(model_.rotary.coarse);
    plan_.rotary_fine = RotaryImage(model_.rotary.fine);
  }

  const PlacedFabric& fabric_;
  const QuantizedModel& model_;
  const ModelConfig& config_;
  EnginePlan plan_;
  std::vector<int32_t> constants_;
  int64_t at_ = 0;
  Status status_;
};

}  // namespace

int64_t LogicalColumns(const PlacedFabric& fabric, int64_t matrix) {
  const bool six = fabric.matrices[static_cast<size_t>(matrix)].shape.bits == 6;
  return fabric.chip.columns / (six ? 2 : 1);
}

Result<EnginePlan> PlanEngine(const PlacedFabric& fabric) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  return Planner(fabric).Make();
}

}  // namespace burin
