#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace burin {

void CheckFailed(const char* condition, const char* file, int line, const char* function) {
  std::fprintf(stderr, "burin: internal error: '%s' does not hold at %s:%d in %s\n", condition,
               file, line, function);
  std::abort();
}

}  // namespace burin
