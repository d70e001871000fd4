// UTF-8 one character at a time: decoding, validation, and telling "wrong" from "not complete yet".
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace burin {

// What stands at one place of a byte string.
struct Utf8Step {
  enum class Kind : uint8_t {
    kCharacter,   // a well-formed character of `length` bytes
    kIncomplete,  // the text ends inside a character that is well formed so far
    kInvalid,     // `length` bytes that begin no character (Unicode 15, table 3-7, "maximal
                  // subpart"): one U+FFFD replaces them
  };
  Kind kind;
  uint8_t length;  // 1 to 4
  char32_t code;   // the code point of kCharacter, else 0
};

// The step at text[pos]. Requires pos < text.size(). Overlong forms, surrogates and values above
// U+10FFFF are kInvalid.
Utf8Step NextUtf8(std::string_view text, size_t pos);

// True when `text` is well-formed UTF-8.
bool IsValidUtf8(std::string_view text);

// The end of the stretch that begins at `pos` and is all well formed (valid = true) or all
// ill formed (valid = false), whichever stands at `pos`. Requires pos < text.size().
struct Utf8Run {
  size_t end;
  bool valid;
};
Utf8Run NextUtf8Run(std::string_view text, size_t pos);

// Appends the UTF-8 form of `code`, which must be a scalar value.
void AppendUtf8(std::string& out, char32_t code);

}  // namespace burin
