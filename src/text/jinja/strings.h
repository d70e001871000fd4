// Python's operations on texts, which keep what is foreign apart.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "text/jinja/interpreter.h"

namespace burin::jinja {

// str.isspace() of one character.
bool IsPythonSpace(char32_t code);
// Where each character begins, and at last the size. A byte that is no UTF-8 counts as one.
std::vector<size_t> CharacterStarts(std::string_view text);

// str.strip(): white space or, if given, the characters of `set`.
MarkedText Strip(const MarkedText& text, const std::optional<std::string>& set, bool left,
                 bool right);
// str.replace(); count < 0: all.
MarkedText Replace(Interpreter& run, const MarkedText& text, const MarkedText& from,
                   const MarkedText& to, int64_t count);
// str.split(): at white space without `separator`; at most `most` cuts unless negative.
std::vector<Value> Split(Interpreter& run, const MarkedText& text,
                         const std::optional<std::string>& separator, int64_t most,
                         bool from_right);
std::vector<Value> SplitLines(Interpreter& run, const MarkedText& text, bool keep_ends);
MarkedText Join(Interpreter& run, const MarkedText& separator, const std::vector<Value>& items);
MarkedText Repeat(Interpreter& run, const MarkedText& text, int64_t count);

enum class LetterCase { kLower, kUpper, kTitle, kCapitalize, kSwap, kJinjaTitle };
MarkedText ToCase(const MarkedText& text, LetterCase letter_case);

// Arguments, with a message if they are of another type.
const MarkedText* NeedText(Interpreter& run, const Value& value, std::string_view what);
std::optional<int64_t> NeedInt(Interpreter& run, const Arguments& arguments, size_t index,
                               std::string_view name, int64_t fallback);
bool Flag(const Arguments& arguments, size_t index, std::string_view name, bool fallback);

}  // namespace burin::jinja
