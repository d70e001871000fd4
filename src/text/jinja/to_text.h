// Values as text: what str(), repr() and json.dumps() of Python write.
#pragma once

#include "text/jinja/interpreter.h"

namespace burin::jinja {

MarkedText ToText(Interpreter& run, const Value& value);  // str()
MarkedText ToRepr(Interpreter& run, const Value& value);  // repr()
std::string FloatToText(double number);                   // repr() of a float

struct JsonStyle {
  std::string indent;   // of one level, with line ends; without them nothing is broken
  bool broken = false;  // an indent was given, which may be empty
  bool ascii = false;   // \uXXXX for all that is not ASCII
  bool sort_keys = false;
  std::string comma = ", ", colon = ": ";
};
// json.dumps(). Fails for what JSON has no form for.
MarkedText ToJson(Interpreter& run, const Value& value, const JsonStyle& style);

}  // namespace burin::jinja
