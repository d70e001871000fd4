// Where the blocks of a die lie. Internal to placement.
#pragma once

#include "fabric/placed_fabric.h"

namespace burin {

// Fills floorplan, die_width, die_height, and of each matrix reach_mm and wire_stages.
void DrawFloorplan(PlacedFabric& fabric);

}  // namespace burin
