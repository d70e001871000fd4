// What the modules of hw/ ask of a chip and a model beyond what placement asks (hw/README.md,
// "Conditions").
#pragma once

#include "base/result.h"
#include "fabric/placed_fabric.h"

namespace burin {

// Errors: kBadInput for the first condition that does not hold, with a value that would do.
Status CheckEngine(const PlacedFabric& fabric);

}  // namespace burin
