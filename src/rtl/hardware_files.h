// The files of hw/ that every emitted chip takes along: the modules written by hand (*.sv) and,
// below emitted/, bench, Makefile and scripts.
#pragma once

#include <span>

#include "fabric/data_files.h"

namespace burin {

// Names relative to hw/, sorted.
std::span<const BuiltInFile> HardwareFiles();

}  // namespace burin
