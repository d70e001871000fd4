#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace burin {

void CheckFailed(const char* condition, std::source_location where) {
  std::fprintf(stderr, "burin: internal error: '%s' does not hold at %s:%u in %s\n", condition,
               where.file_name(), where.line(), where.function_name());
  std::abort();
}

}  // namespace burin
