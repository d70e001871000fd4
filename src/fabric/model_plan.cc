#include <algorithm>

#include "fabric/placed_fabric.h"
#include "quant/engrave.h"
#include "quant/tensor_bits.h"

namespace burin {

ModelPlan PlanOf(const QuantizedModel& model, std::string name) {
  ModelPlan plan;
  plan.config = model.config;
  plan.name = std::move(name);
  plan.group = model.group;
  plan.context = model.context;
  plan.matrices = MatricesOf(model.config);
  for (const PackedMatrix* matrix : MatricesIn(model)) plan.bits.push_back(matrix->shape.bits);
  plan.weights = &model;
  return plan;
}

Result<ModelPlan> PlanOf(const ModelConfig& config, std::string name, int bits,
                         const std::string& tensor_bits, int64_t group, int64_t context) {
  BURIN_TRY(ValidateConfig(config, name));
  ModelPlan plan;
  plan.config = config;
  plan.name = std::move(name);
  plan.group = group == 0 ? DefaultGroup(config) : group;
  if (plan.group != 32 && plan.group != 64 && plan.group != 128) {
    return BadInput("group", fmt::format("{}", group), "32, 64 or 128");
  }
  const int64_t most = config.sliding_window > 0
                           ? std::min(config.max_positions, config.sliding_window)
                           : config.max_positions;
  if (context < 0 || context > most) {
    return BadInput(plan.name + ": context", fmt::format("{}", context),
                    fmt::format("1 to the {} positions of the model", most));
  }
  plan.context = context == 0 ? most : context;
  plan.matrices = MatricesOf(config);
  BURIN_ASSIGN(plan.bits, ResolveTensorBits(config, bits, tensor_bits));
  return plan;
}

}  // namespace burin
