// Checks for what only a bug can cause. They stay on in every build: none stands in a hot loop.
#pragma once

namespace burin {

[[noreturn]] void CheckFailed(const char* condition, const char* file, int line,
                              const char* function);

}  // namespace burin

#define BURIN_CHECK(condition)                                        \
  do {                                                                \
    if (!(condition)) [[unlikely]]                                    \
      ::burin::CheckFailed(#condition, __FILE__, __LINE__, __func__); \
  } while (false)
