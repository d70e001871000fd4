// GDSII stream files: for single cells and banks. Files of whole models are OASIS.
#pragma once

#include <string>

#include "base/result.h"
#include "mask/geometry.h"

namespace burin::mask {

// The bytes of a library with the database unit of one nanometre. Deterministic: the dates that the
// format asks for are zero. Errors: a cell that the format cannot hold (names above 32 characters,
// arrays above 32767 a side).
Result<std::string> ToGdsii(const Layout& layout, const std::string& library_name);

}  // namespace burin::mask
