#include "text/utf8.h"

#include <cstring>

namespace burin {
namespace {

// Lead byte -> length of its character and the range of its second byte; length 0: no lead byte.
struct Lead {
  uint8_t length;
  uint8_t second_min;
  uint8_t second_max;
};

Lead ClassifyLead(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// End of the ASCII stretch that begins at `pos`.
size_t SkipAscii(std::string_view text, size_t pos) {
  while (pos + 8 <= text.size()) {
    uint64_t word;
    std::memcpy(&word, text.data() + pos, 8);
    if ((word & 0x8080808080808080u) != 0) break;
    pos += 8;
  }
  while (pos < text.size() && static_cast<uint8_t>(text[pos]) < 0x80) ++pos;
  return pos;
}

}  // namespace

Utf8Step NextUtf8(std::string_view text, size_t pos) {
  const uint8_t first = static_cast<uint8_t>(text[pos]);
  const Lead lead = ClassifyLead(first);
  if (lead.length == 1) return {Utf8Step::Kind::kCharacter, 1, first};
  if (lead.length == 0) return {Utf8Step::Kind::kInvalid, 1, 0};
  char32_t code = first & (0x7Fu >> lead.length);
  for (uint8_t i = 1; i < lead.length; ++i) {
    if (pos + i >= text.size()) return {Utf8Step::Kind::kIncomplete, i, 0};
    const uint8_t byte = static_cast<uint8_t>(text[pos + i]);
    const uint8_t low = i == 1 ? lead.second_min : 0x80, high = i == 1 ? lead.second_max : 0xBF;
    if (byte < low || byte > high) return {Utf8Step::Kind::kInvalid, i, 0};
    code = (code << 6) | (byte & 0x3Fu);
  }
  return {Utf8Step::Kind::kCharacter, lead.length, code};
}

bool IsValidUtf8(std::string_view text) {
  for (size_t pos = SkipAscii(text, 0); pos < text.size(); pos = SkipAscii(text, pos)) {
    const Utf8Step step = NextUtf8(text, pos);
    if (step.kind != Utf8Step::Kind::kCharacter) return false;
    pos += step.length;
  }
  return true;
}

Utf8Run NextUtf8Run(std::string_view text, size_t pos) {
  const auto valid_at = [&](size_t at, size_t* length) {
    const Utf8Step step = NextUtf8(text, at);
    *length = step.length;
    return step.kind == Utf8Step::Kind::kCharacter;
  };
  size_t length = 0;
  const bool valid = valid_at(pos, &length);
  do {
    pos += length;
    if (valid) pos = SkipAscii(text, pos);
  } while (pos < text.size() && valid_at(pos, &length) == valid);
  return {pos, valid};
}

void AppendUtf8(std::string& out, char32_t code) {
  if (code < 0x80) {
    out += static_cast<char>(code);
  } else if (code < 0x800) {
    out += static_cast<char>(0xC0 | (code >> 6));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else if (code < 0x10000) {
    out += static_cast<char>(0xE0 | (code >> 12));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  } else {
    out += static_cast<char>(0xF0 | (code >> 18));
    out += static_cast<char>(0x80 | ((code >> 12) & 0x3F));
    out += static_cast<char>(0x80 | ((code >> 6) & 0x3F));
    out += static_cast<char>(0x80 | (code & 0x3F));
  }
}

}  // namespace burin
