// What the commands write: text for people on standard output and JSON for machines.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "base/result.h"

namespace burin {

using Json = nlohmann::ordered_json;

// Where a command's results go. "" means no JSON; "-" gives standard output to the JSON alone.
class Console {
 public:
  explicit Console(std::string json_target) : json_target_(std::move(json_target)) {}

  // Refuses a JSON file that could not be written later. To be called before long work.
  Status Check() const;

  // Text for people: standard output, or nowhere when the JSON has it. Flushed at once.
  void Print(std::string_view text) const;
  // Side remarks: standard error.
  static void Note(std::string_view text);

  bool wants_json() const { return !json_target_.empty(); }
  // Writes the value as indented JSON to the target. Strings that are not UTF-8 get U+FFFD.
  Status WriteJson(const Json& value) const;

 private:
  std::string json_target_;
};

// Refuses a file that could not be created: a missing folder, one without write permission.
Status CheckWritable(const std::string& path);

// True if standard error is a terminal: progress and hints are welcome.
bool StderrIsTerminal();

// "burin 0.1.0".
std::string VersionText();

// Bytes for tables: "1,234,567".
std::string WithCommas(uint64_t number);

// Rounds for JSON, so that it does not hold digits that mean nothing.
double RoundTo(double value, int digits);

// `text` in lines of at most 80 columns behind a label, which takes 11 of them; with a line end.
std::string Paragraph(const std::string& label, const std::string& text);

// `text` with every control character but line ends as "\xNN": names from files on a terminal.
std::string OneLine(std::string_view text);

}  // namespace burin
