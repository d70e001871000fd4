#include "text/json_depth.h"

#include <cstddef>

namespace burin {

bool NestsDeeperThan(std::string_view json, int most) {
  int depth = 0;
  for (size_t i = 0; i < json.size(); ++i) {
    if (json[i] == '"') {
      for (++i; i < json.size() && json[i] != '"'; ++i) {
        if (json[i] == '\\') ++i;
      }
    } else if (json[i] == '[' || json[i] == '{') {
      if (++depth > most) return true;
    } else if (json[i] == ']' || json[i] == '}') {
      --depth;
    }
  }
  return false;
}

}  // namespace burin
