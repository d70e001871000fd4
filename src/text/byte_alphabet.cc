// The printable characters that byte-level vocabularies write for bytes (GPT-2, encoder.py:
// bytes_to_unicode): itself for a printable Latin-1 character, else U+0100 and up in byte order.
#include <array>

#include "text/tokenizer_tables.h"
#include "text/utf8.h"

namespace burin {
namespace {

constexpr bool StandsForItself(unsigned byte) {
  return (byte >= 0x21 && byte <= 0x7E) || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

// Code point -> byte, or -1.
constexpr std::array<int16_t, 512> MakeAlphabet() {
  std::array<int16_t, 512> alphabet{};
  for (int16_t& entry : alphabet) entry = -1;
  unsigned next = 256;
  for (unsigned byte = 0; byte < 256; ++byte) {
    alphabet[StandsForItself(byte) ? byte : next++] = static_cast<int16_t>(byte);
  }
  return alphabet;
}

constexpr std::array<int16_t, 512> kAlphabet = MakeAlphabet();

}  // namespace

std::optional<std::string> FromByteAlphabet(std::string_view piece) {
  std::string bytes;
  for (size_t pos = 0; pos < piece.size();) {
    const Utf8Step step = NextUtf8(piece, pos);
    if (step.kind != Utf8Step::Kind::kCharacter || step.code >= kAlphabet.size() ||
        kAlphabet[step.code] < 0) {
      return std::nullopt;
    }
    bytes += static_cast<char>(kAlphabet[step.code]);
    pos += step.length;
  }
  return bytes;
}

}  // namespace burin
