#include "quant/engrave_plan.h"

#include <algorithm>

#include "quant/tensor_bits.h"

namespace burin {

Result<CartridgePlan> MakePlan(const ModelConfig& config, const EngraveOptions& options,
                               std::string_view method) {
  CartridgePlan plan;
  plan.config = config;
  plan.group = options.group;
  plan.journal_bytes = options.journal_bytes;
  plan.context = options.context;
  if (plan.context == 0) {
    plan.context = config.max_positions;
    if (config.sliding_window > 0) plan.context = std::min(plan.context, config.sliding_window);
  }
  BURIN_TRY(CheckContract(config, plan.context, plan.group, "the model"));
  plan.residual_fraction =
      options.residual_fraction.value_or(ResidualFraction(options.calibration));
  if (plan.residual_fraction < kMinResidualFraction ||
      plan.residual_fraction > kMaxResidualFraction) {
    return BadInput("residual fraction", fmt::format("{}", plan.residual_fraction),
                    fmt::format("{} to {}", kMinResidualFraction, kMaxResidualFraction));
  }
  BURIN_ASSIGN(plan.bits, ResolveTensorBits(config, options.bits, options.tensor_bits));
  plan.quantizer = {.tool = options.tool,
                    .method = std::string(method),
                    .bits = options.bits,
                    .tensor_bits = options.tensor_bits,
                    .calibration_tokens = 0,
                    .calibration_digest = {}};
  if (options.calibration != nullptr) {
    plan.quantizer.calibration_tokens = options.calibration->tokens;
    plan.quantizer.calibration_digest = options.calibration->Digest();
  }
  return plan;
}

EngraveSummary Summarise(const CartridgeWriter& writer, const CartridgePlan& plan,
                         const Sha256Digest& digest, double seconds) {
  EngraveSummary summary;
  uint64_t bytes = 0;
  for (size_t i = 0; i < writer.entries().size(); ++i) {
    const MatrixEntry& entry = writer.entries()[i];
    const MatrixShape shape = writer.ShapeOf(i);
    const TileError& error = writer.written()[i].error;
    summary.tensors.push_back({.name = entry.name,
                               .rows = entry.rows,
                               .cols = entry.cols,
                               .bits = shape.bits,
                               .error = error.energy > 0 ? error.error / error.energy : 0,
                               .bytes = shape.CodeBytes() + shape.ScaleBytes()});
    summary.weights += static_cast<uint64_t>(entry.rows * entry.cols);
    bytes += summary.tensors.back().bytes;
  }
  summary.bits_per_weight = 8 * static_cast<double>(bytes) / static_cast<double>(summary.weights);
  summary.file_bytes = writer.file_bytes();
  summary.context = plan.context;
  summary.residual_fraction = plan.residual_fraction;
  summary.digest = digest;
  summary.seconds = seconds;
  summary.resumed = writer.resumed();
  summary.discarded = writer.discarded();
  return summary;
}

}  // namespace burin
