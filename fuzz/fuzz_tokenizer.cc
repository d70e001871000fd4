// libFuzzer target: any bytes as a tokenizer.json, a SentencePiece model and our binary form.
// Whatever loads must encode, decode and stream without a crash, and survive its own round trip.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "text/tokenizer.h"

namespace {

void Exercise(const burin::Tokenizer& tokenizer, std::string_view sample) {
  const std::vector<int32_t> ids = tokenizer.Encode(sample);
  const std::string text = tokenizer.Decode(ids, /*skip_special=*/false);
  burin::StreamDecoder decoder(tokenizer);
  std::string streamed;
  for (const int32_t id : ids) streamed += decoder.Push(id);
  streamed += decoder.Finish();
  const std::vector<std::byte> bytes = tokenizer.Serialize();
  const auto again = burin::Tokenizer::Deserialize(bytes, "again");
  if (!again || again->Serialize() != bytes || again->Encode(sample) != ids ||
      again->Decode(ids, /*skip_special=*/false) != text) {
    std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto bytes = std::as_bytes(std::span(data, size));
  // The end of the input is also the text to encode.
  const std::string sample = std::string(text.substr(size - std::min<size_t>(size, 64))) +
                             " Hello \xFF 123\n<|end|> \xF0\x9F\xA6\x99<s>";
  if (auto tokenizer = burin::Tokenizer::FromTokenizerJson(text, "fuzz")) {
    Exercise(*tokenizer, sample);
  }
  if (auto tokenizer = burin::Tokenizer::FromSentencePiece(bytes, "fuzz")) {
    Exercise(*tokenizer, sample);
  }
  if (auto tokenizer = burin::Tokenizer::Deserialize(bytes, "fuzz")) {
    Exercise(*tokenizer, sample);
  }
  return 0;
}
