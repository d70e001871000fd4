// What a chip is asked to hold: a cartridge, a checkpoint's config.json, or a known geometry.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>

#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "quant/quantized_model.h"

namespace burin {

struct ModelSourceFlags {
  std::string model;
  std::string chip;
  int bits = 0;             // 0: 4 on a chip of 16 levels, else 3
  std::string tensor_bits;  // as of engrave
  int64_t group = 0;        // 0: as engrave would choose
  int64_t context = 0;      // positions that the KV memory must hold; 0: any
};

// MODEL, --bits, --tensor-bits, --group, --context; and --chip.
void AddModelSourceOptions(CLI::App& command, ModelSourceFlags& flags);
// The same without --chip.
void AddModelOptions(CLI::App& command, ModelSourceFlags& flags);
// CARTRIDGE, --chip, --context: of a command that needs weights, whose bits are a cartridge's own.
void AddCartridgeSourceOptions(CLI::App& command, ModelSourceFlags& flags);

struct ModelSource {
  ChipSpec chip;
  std::unique_ptr<const QuantizedModel> weights;  // null: geometry only; plan.weights looks at it
  ModelPlan plan;
};

// MODEL is a cartridge (*.burin), a folder with config.json, a config.json, a GGUF file, or the
// name of a preset. Errors: none of these; bits or group given for a cartridge, which has its own.
Result<ModelSource> LoadModelSource(const ModelSourceFlags& flags);

}  // namespace burin
