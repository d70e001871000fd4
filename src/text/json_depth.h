// How deep JSON text nests, before a parser sees it.
#pragma once

#include <string_view>

namespace burin {

// True when `json` opens more than `most` brackets inside each other, strings left out. Wrong JSON
// may give either.
bool NestsDeeperThan(std::string_view json, int most);

}  // namespace burin
