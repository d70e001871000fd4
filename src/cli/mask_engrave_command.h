// burin mask CARTRIDGE, and its subcommands verify and diff.
#pragma once

#include "cli/app.h"

namespace burin {

void AddMaskEngraveCommands(CLI::App& mask, Action& action);

}  // namespace burin
