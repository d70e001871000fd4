// A placement as text, one line a block: stable, to be compared and searched (docs/placement.md).
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "fabric/placed_fabric.h"

namespace burin {

// Hands the text to `write` in pieces of some KiB; stops when that fails.
Status DumpPlacement(const PlacedFabric& fabric,
                     const std::function<Status(std::string_view)>& write);

}  // namespace burin
