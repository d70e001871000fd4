// What engraving a checkpoint and making a synthetic model share: options to plan, file to summary.
// Internal.
#pragma once

#include "quant/cartridge_writer.h"
#include "quant/engrave.h"

namespace burin {

// Checks the options against the geometry.
Result<CartridgePlan> MakePlan(const ModelConfig& config, const EngraveOptions& options,
                               std::string_view method);

EngraveSummary Summarise(const CartridgeWriter& writer, const CartridgePlan& plan,
                         const Sha256Digest& digest, double seconds);

}  // namespace burin
