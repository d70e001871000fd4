#include "rtl/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/check.h"

namespace burin {
namespace {

constexpr size_t kLine = 80;  // longest line of terms

// Whether the text is an expression that operators beside it could take apart.
bool IsCompound(const std::string& text) {
  constexpr std::array kOperators = {" & ", " | ", " == ", " ? "};
  int depth = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '{' || text[i] == '(') ++depth;
    if (text[i] == '}' || text[i] == ')') --depth;
    if (depth > 0 || text[i] != ' ') continue;
    if (std::any_of(kOperators.begin(), kOperators.end(), [&](const char* o) {
          return text.compare(i, std::string(o).size(), o) == 0;
        })) {
      return true;
    }
  }
  return false;
}

std::string Enclosed(const std::string& text) {
  return IsCompound(text) ? fmt::format("({})", text) : text;
}

}  // namespace

std::string Join(const std::vector<std::string>& terms, const char* separator) {
  std::string text;
  for (const std::string& term : terms) {
    if (!text.empty()) text += separator;
    text += term;
  }
  return text;
}

std::string Any(const std::vector<std::string>& terms) {
  BURIN_CHECK(!terms.empty());
  if (terms.size() == 1) return terms.front();
  std::vector<std::string> enclosed;
  enclosed.reserve(terms.size());
  for (const std::string& term : terms) enclosed.push_back(Enclosed(term));
  const std::string line = Join(enclosed, " | ");
  return line.size() <= kLine ? line : Join(enclosed, " |\n      ");
}

std::string Concatenation(const std::vector<std::string>& terms) {
  BURIN_CHECK(!terms.empty());
  if (terms.size() == 1) return terms.front();
  const std::string line = "{" + Join(terms, ", ") + "}";
  return line.size() <= kLine ? line : "{\n      " + Join(terms, ",\n      ") + "}";
}

std::string Masked(int64_t width, const std::string& enable, const std::string& value) {
  if (width == 1) return fmt::format("{} & {}", Enclosed(enable), Enclosed(value));
  return fmt::format("{{{}{{{}}}}} & {}", width, enable, Enclosed(value));
}

std::string When(const std::string& enable, int64_t width, const std::vector<std::string>& terms) {
  const std::string any = Any(terms);
  return fmt::format("{} ? {} : {{{}{{1'b0}}}}", enable, Enclosed(any), width);
}

}  // namespace burin
