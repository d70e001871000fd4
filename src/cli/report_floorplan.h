// The floorplan of a placed chip as SVG.
#pragma once

#include <string>

#include "fabric/placed_fabric.h"

namespace burin {

// One picture a die (the first eight), in mm. Every layer, embedding and head is one path of its
// banks with data-name; engines and memories are rectangles.
std::string FloorplanSvg(const PlacedFabric& fabric);

}  // namespace burin
