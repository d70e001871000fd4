// Names of the emitted SystemVerilog: legal in every tool, unique in their scope, the same for the
// same design.
#pragma once

#include <set>
#include <string>
#include <string_view>

namespace burin {

// `text` as an identifier: letters, digits and '_', no leading digit, no keyword of SystemVerilog
// and no double underscore (simulators use these for themselves). Never empty.
std::string LegalName(std::string_view text);

// The names of one scope. Not thread safe.
class NameScope {
 public:
  // LegalName(text), with "_2", "_3", ... behind it if the scope has it already.
  std::string Unique(std::string_view text);

 private:
  std::set<std::string> taken_;
};

}  // namespace burin
