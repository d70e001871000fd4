#include "base/result.h"

namespace burin {

std::string Error::ToString() const {
  std::string text = object;
  if (!found.empty()) text += (text.empty() ? "" : ": ") + found;
  if (!expected.empty()) text += "; expected " + expected;
  if (!advice.empty()) text += ". " + advice;
  return text;
}

}  // namespace burin
