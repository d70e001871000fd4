// Names near to one that is unknown, for messages.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace burin {

// Insertions, deletions and changes from one name to the other (Levenshtein).
size_t EditDistance(std::string_view a, std::string_view b);

// The `count` of `known` that are nearest to `given`, nearest first, equals in the order of
// `known`.
std::vector<std::string> NearNames(std::string_view given, std::vector<std::string> known,
                                   size_t count = 3);

}  // namespace burin
