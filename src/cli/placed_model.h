// A model on a chip, checked: what `burin place` and `burin report` both begin with.
#pragma once

#include <memory>
#include <string>

#include "cli/model_source.h"
#include "cost/constants.h"
#include "fabric/placed_fabric.h"

namespace burin {

struct PlacedModel {
  std::unique_ptr<const QuantizedModel> weights;  // null: geometry only; fabric.plan looks at it
  Constants constants;
  PlacedFabric fabric;
};

// Reads model and chip, takes sizes from the chip's process (or `process`), places and verifies.
// Errors: of LoadModelSource, LoadConstants; a model that does not fit, with the chips that hold
// it.
Result<PlacedModel> PlaceModel(const ModelSourceFlags& flags, const std::string& process = {});

double BitsPerWeight(const PlacedFabric& fabric);

}  // namespace burin
