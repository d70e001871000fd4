// Text before it is split: Unicode normal forms, prefixes and replacements.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "text/definition.h"
#include "text/marked_text.h"

namespace burin {

// `text` after all `steps`. Bytes that are not UTF-8 pass unchanged, and normal forms are taken of
// the stretches between them. kPrepend leaves an empty text empty.
std::string Normalize(const std::vector<NormalizerStep>& steps, std::string text);

// The same, keeping apart what is foreign: a replacement of foreign bytes is foreign.
MarkedText NormalizeMarked(const std::vector<NormalizerStep>& steps, MarkedText text);

// `text` with every occurrence of `from` (not empty), left to right, replaced by `to`.
std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to);

}  // namespace burin
