#include "timing/step_cycles.h"

#include <algorithm>

#include "base/check.h"
#include "timing/units.h"

namespace burin {
namespace {

const PlacedMatrix& MatrixOf(const PlacedFabric& fabric, const Step& step) {
  BURIN_CHECK(step.matrices[0] >= 0);
  return fabric.matrices[static_cast<size_t>(step.matrices[0])];
}

int64_t PassRowsOf(const PlacedFabric& fabric, const Step& step) {
  return units::PassRows(MatrixOf(fabric, step).shape.rows, fabric.chip.rows, fabric.plan.group);
}

int64_t MatrixCount(const Step& step) {
  return std::ranges::count_if(step.matrices, [](int32_t m) { return m >= 0; });
}

int64_t Collect(const PlacedFabric& fabric, const Step& step, const TokenRequest& request) {
  const ChipSpec& chip = fabric.chip;
  const PlacedMatrix& m = MatrixOf(fabric, step);
  const int64_t wire = WireStages(fabric, step);
  const int64_t alone = units::CollectCycles(m.shape.cols, m.row_blocks, chip.vector_lanes, wire);
  if (request.adapter_rank == 0) return alone;
  return units::CollectWithAdapterCycles(alone, m.shape.cols, m.row_blocks, request.adapter_rank,
                                         chip.adapter_lanes, chip.max_rank, wire);
}

int64_t UnitCycles(const PlacedFabric& fabric, const Step& step, const TokenRequest& request) {
  const ChipSpec& chip = fabric.chip;
  const ModelConfig& c = fabric.plan.config;
  const int64_t n = step.values, lanes = chip.vector_lanes, group = fabric.plan.group;
  const int64_t heads = n / c.head_dim;  // where n is a vector of heads
  switch (step.op) {
    case Op::kEmbed:
      return units::EmbedCycles(n, chip.rows, c.head_dim, lanes, WireStages(fabric, step));
    case Op::kNorm:
      return units::NormCycles(n, lanes, group, step.layer < 0 && c.tied_head);
    case Op::kAdaptDown:
      return units::AdaptDownCycles(n, request.adapter_rank, MatrixCount(step), chip.adapter_lanes,
                                    chip.max_rank);
    case Op::kPass:
      return units::PassCycles(PassRowsOf(fabric, step), chip.columns_per_scaler,
                               WireStages(fabric, step));
    case Op::kCollect:
    case Op::kCollectAdd:
      return Collect(fabric, step, request);
    case Op::kHeadNorm:
      return units::HeadNormCycles(heads, c.head_dim, lanes);
    case Op::kRotate:
      return units::RotateCycles(heads, c.head_dim, lanes);
    case Op::kQuantizeHeads:
      return units::QuantizeHeadsCycles(heads, c.head_dim, lanes);
    case Op::kAttend:
      return units::AttendCycles(request.positions, c.heads, c.head_dim, chip.attention_heads,
                                 chip.attention_positions, lanes);
    case Op::kQuantize:
      return units::QuantizeCycles(n, lanes, group);
    case Op::kSwiGlu:
      return units::SwiGluCycles(n, lanes, group);
    case Op::kCollectLogits:
      return units::CollectLogitsCycles(n, MatrixOf(fabric, step).row_blocks, chip.head_lanes,
                                        WireStages(fabric, step));
  }
  BURIN_CHECK(!"unknown op");
  return 0;
}

const char* VerbOf(Op op) {
  switch (op) {
    case Op::kEmbed:
      return "embed";
    case Op::kNorm:
      return "norm";
    case Op::kAdaptDown:
      return "adapter down";
    case Op::kPass:
      return "pass";
    case Op::kCollect:
    case Op::kCollectAdd:
      return "collect";
    case Op::kHeadNorm:
      return "head norm";
    case Op::kRotate:
      return "rotate";
    case Op::kQuantizeHeads:
      return "quantize";
    case Op::kAttend:
      return "attend";
    case Op::kQuantize:
      return "quantize attention";
    case Op::kSwiGlu:
      return "swiglu";
    case Op::kCollectLogits:
      return "collect logits";
  }
  BURIN_CHECK(!"unknown op");
  return "";
}

const char* MatrixWord(TensorKind kind) {
  switch (kind) {
    case TensorKind::kQ:
      return " q";
    case TensorKind::kK:
      return " k";
    case TensorKind::kV:
      return " v";
    case TensorKind::kO:
      return " o";
    case TensorKind::kGate:
      return " gate";
    case TensorKind::kUp:
      return " up";
    case TensorKind::kDown:
      return " down";
    default:
      return "";
  }
}

}  // namespace

int64_t WireStages(const PlacedFabric& fabric, const Step& step) {
  int64_t stages = 0;
  const bool on_fabric = step.op == Op::kEmbed || step.op == Op::kPass || step.op == Op::kCollect ||
                         step.op == Op::kCollectAdd || step.op == Op::kCollectLogits;
  for (const int32_t m : step.matrices) {
    if (on_fabric && m >= 0) {
      stages = std::max<int64_t>(stages, fabric.matrices[static_cast<size_t>(m)].wire_stages);
    }
  }
  return stages;
}

bool Runs(const Step& step, const TokenRequest& request) {
  if (step.only_with_adapter && request.adapter_rank == 0) return false;
  const bool behind_layers = step.layer < 0 && step.op != Op::kEmbed;
  return request.logits || !behind_layers;
}

int64_t OwnCycles(const PlacedFabric& fabric, const Step& step, const TokenRequest& request) {
  return units::kIssue + (Runs(step, request) ? UnitCycles(fabric, step, request) : 0);
}

int64_t StepCycles(const PlacedFabric& fabric, const Step& step, const TokenRequest& request) {
  if (!Runs(step, request)) return 0;
  const Program& program = fabric.program;
  const auto skipped = [&](size_t i) { return !Runs(program[i], request); };
  const auto at = static_cast<size_t>(&step - program.data());
  BURIN_CHECK(at < program.size());
  int64_t words = 0;  // of steps that are fetched for nothing
  for (size_t i = at; i > 0 && skipped(i - 1); --i) ++words;
  size_t next = at + 1;
  while (next < program.size() && skipped(next)) ++next;
  if (next == program.size()) words += static_cast<int64_t>(next - at);  // and the end
  return OwnCycles(fabric, step, request) + words * units::kIssue;
}

std::string StageName(const PlacedFabric& fabric, const Step& step) {
  std::string name = VerbOf(step.op);
  for (const int32_t m : step.matrices) {
    if (m >= 0) name += MatrixWord(fabric.plan.matrices[static_cast<size_t>(m)].kind);
  }
  if (step.layer < 0 && (step.op == Op::kNorm || step.op == Op::kPass)) name += " head";
  return name;
}

}  // namespace burin
