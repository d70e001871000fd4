// Expressions of the emitted SystemVerilog, built from text.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace burin {

// The terms with `separator` between them.
std::string Join(const std::vector<std::string>& terms, const char* separator);

// The OR of the terms; one that is itself an expression stands in parentheses. Many terms: a line
// each. At least one.
std::string Any(const std::vector<std::string>& terms);

// The terms side by side, the first on top: "{a, b}". Many terms: a line each.
std::string Concatenation(const std::vector<std::string>& terms);

// `value` where `enable`, else zero: "{8{enable}} & value"; one bit: "enable & value".
std::string Masked(int64_t width, const std::string& enable, const std::string& value);

// The OR of the terms where `enable`, else zero: "enable ? ... : {8{1'b0}}".
std::string When(const std::string& enable, int64_t width, const std::vector<std::string>& terms);

}  // namespace burin
