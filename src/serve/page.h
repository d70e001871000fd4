// The page as the build embedded it: web/dist/index.html, or one that says how to make that.
#pragma once

#include <string_view>

namespace burin {

std::string_view PageHtml();

}  // namespace burin
