// Checks for what only a bug can cause. They stay on in every build: none stands in a hot loop.
#pragma once

#include <source_location>

namespace burin {

[[noreturn]] void CheckFailed(const char* condition, std::source_location where);

}  // namespace burin

#define BURIN_CHECK(condition)                                           \
  do {                                                                   \
    if (!(condition)) [[unlikely]]                                       \
      ::burin::CheckFailed(#condition, std::source_location::current()); \
  } while (false)
