// burin mask CARTRIDGE, and its subcommands verify and diff.
#pragma once

#include <memory>
#include <string>

#include "cli/app.h"
#include "fabric/placed_fabric.h"
#include "mask/rules.h"
#include "quant/quantized_model.h"

namespace burin {

void AddMaskEngraveCommands(CLI::App& mask, Action& action);
void AddMaskDiffCommand(CLI::App& mask, Action& action);

// A cartridge on a chip.
struct OnDie {
  QuantizedModel model;
  PlacedFabric fabric;  // its plan looks at the model
};
// Errors: those of opening and placing, with the chips that would do.
Result<std::unique_ptr<OnDie>> PlaceCartridge(const std::string& path, const ChipSpec& chip);

// The rules named by --process or, if that is empty, by the chip's own process.
Result<mask::Rules> RulesFor(const ChipSpec& chip, const std::string& process);

}  // namespace burin
