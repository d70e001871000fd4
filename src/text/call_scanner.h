// Reads one call of a tool, a JSON object with a name and arguments, character by character.
// Internal to ToolCallParser.
#pragma once

#include <string>

namespace burin {

class CallScanner {
 public:
  // Takes the next character; false when this is no such object (or it has ended before).
  bool Push(char c);
  bool done() const { return done_; }
  // A value has ended, and what follows has not begun.
  bool between_values() const { return part_ == Part::kComma; }

  // The function's name, as soon as its value has ended.
  bool has_name() const { return has_name_; }
  const std::string& name() const { return name_; }
  // The value of "arguments" or "parameters" has begun.
  bool has_arguments() const { return has_arguments_; }
  // What was read of it since the last call: JSON text. Arguments that are written as a JSON
  // string are given, without its escapes, when it has ended.
  std::string TakeArguments();

 private:
  enum class Part { kBegin, kKey, kColon, kValue, kInValue, kComma };
  bool PushOutside(char c);
  void PushInString(char c);
  void EndValue();
  void AppendValue(char c);

  Part part_ = Part::kBegin;
  int depth_ = 0;  // of brackets inside the value
  bool in_string_ = false, escaped_ = false, done_ = false;
  std::string key_, text_;  // text_: the string or value that is being read
  bool has_name_ = false, has_arguments_ = false, quoted_arguments_ = false;
  std::string name_, arguments_;
};

}  // namespace burin
