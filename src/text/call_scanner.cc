#include "text/call_scanner.h"

#include <nlohmann/json.hpp>
#include <utility>

namespace burin {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

// The text of a JSON string with its quotes, or `json` itself if it is no such.
std::string Unquoted(const std::string& json) {
  const auto value = nlohmann::json::parse(json, nullptr, /*allow_exceptions=*/false);
  return value.is_string() ? value.get<std::string>() : json;
}

}  // namespace

std::string CallScanner::TakeArguments() {
  if (quoted_arguments_) return {};
  return std::exchange(arguments_, {});
}

bool CallScanner::Push(char c) {
  if (done_) return false;
  if (in_string_) {
    PushInString(c);
    return true;
  }
  return PushOutside(c);
}

void CallScanner::AppendValue(char c) {
  const bool is_arguments = key_ == "arguments" || key_ == "parameters";
  if (is_arguments) {
    arguments_ += c;
  } else {
    text_ += c;
  }
}

void CallScanner::PushInString(char c) {
  if (part_ == Part::kInValue) {
    AppendValue(c);
  } else {
    text_ += c;
  }
  if (escaped_) {
    escaped_ = false;
  } else if (c == '\\') {
    escaped_ = true;
  } else if (c == '"') {
    in_string_ = false;
    if (part_ == Part::kKey) {
      key_ = Unquoted(std::exchange(text_, {}));
      part_ = Part::kColon;
    } else if (depth_ == 0) {
      EndValue();
    }
  }
}

void CallScanner::EndValue() {
  if (key_ == "name" && text_.starts_with('"')) {
    name_ = Unquoted(text_);
    has_name_ = true;
  } else if ((key_ == "arguments" || key_ == "parameters") && quoted_arguments_) {
    arguments_ = Unquoted(arguments_);
    quoted_arguments_ = false;
  }
  text_.clear();
  part_ = Part::kComma;
}

bool CallScanner::PushOutside(char c) {
  if (IsSpace(c) && (part_ != Part::kInValue || depth_ == 0)) {
    if (part_ == Part::kInValue) EndValue();  // behind a number
    return true;
  }
  switch (part_) {
    case Part::kBegin:
      part_ = Part::kKey;
      return c == '{';
    case Part::kKey:
      if (c == '}' && key_.empty()) return done_ = true;
      if (c != '"') return false;
      text_ = "\"";
      return in_string_ = true;
    case Part::kColon:
      part_ = Part::kValue;
      return c == ':';
    case Part::kValue:
      if (std::string_view("{[\"-0123456789tfn").find(c) == std::string_view::npos) return false;
      part_ = Part::kInValue;
      if (key_ == "arguments" || key_ == "parameters") {
        if (has_arguments_ || c == '[') return false;
        has_arguments_ = true;
        quoted_arguments_ = c == '"';
      }
      break;
    case Part::kInValue:
      break;
    case Part::kComma:
      if (c == '}') return done_ = true;
      part_ = Part::kKey;
      return c == ',';
  }
  // Inside a value, or at its first character.
  if (depth_ == 0 && (c == ',' || c == '}')) {  // behind a number or a word
    EndValue();
    return PushOutside(c);
  }
  AppendValue(c);
  if (c == '"') in_string_ = true;
  if (c == '{' || c == '[') ++depth_;
  if ((c == '}' || c == ']') && --depth_ == 0) EndValue();
  return true;
}

}  // namespace burin
