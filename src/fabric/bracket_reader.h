// Data files in TOML, read with care: every value is asked for by name, type and range; the first
// error is kept and asked for once at the end, so that a reader stays a list of its keys. Errors
// name file, line and key. A key that nobody asked for is an error, too.
//
// A constant of the outside world is a bracket:
//     [clock_hz]
//     low = 0.8e9
//     nominal = 1.0e9
//     high = 1.2e9
//     unit = "Hz"
//     grade = "E"
//     source = "..."
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "fabric/bracket.h"

namespace burin {

class TomlReader {
 public:
  // `object` names the text in errors. Errors: not TOML (with its line).
  static Result<TomlReader> Parse(std::string_view text, std::string object);
  TomlReader(TomlReader&&) noexcept;
  ~TomlReader();

  // Keys have dots for tables and brackets for arrays: "rom.cell_area", "system[2].name". After an
  // error 0 or "". Ranges include both ends.
  int64_t Int(const std::string& key, int64_t min, int64_t max);
  double Number(const std::string& key, double min, double max);
  std::string Text(const std::string& key);  // not empty, at most 4096 bytes
  // One of `choices`.
  std::string Choice(const std::string& key, const std::vector<std::string>& choices);
  // A bracket in that unit; 0 < low <= nominal <= high (0 <= low with `may_be_zero`).
  Bracket ReadBracket(const std::string& key, const std::string& unit, bool may_be_zero = false);

  bool Has(const std::string& key) const;
  // Keys of a table ("" for the root) in the order of their names; none if there is no such table.
  std::vector<std::string> Keys(const std::string& table) const;
  // Entries of an array, 0 if there is none.
  int64_t ArraySize(const std::string& key) const;

  // For checks of the caller: an error at the line of a key.
  void Fail(const std::string& key, std::string found, std::string expected,
            std::string advice = {});
  // The first error; without one, the first key that nobody asked for.
  Status Finish();

 private:
  struct Impl;
  explicit TomlReader(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace burin
