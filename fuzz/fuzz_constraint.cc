// Any bytes as a schema, pattern or grammar (the first byte says which): compiling ends, and along
// a walk no state is a dead end and masks agree with Advance.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "text/constraint.h"

namespace {

// Bytes, some pairs, and an end token.
const burin::Tokenizer& Bytewise() {
  static const burin::Tokenizer tokenizer = [] {
    burin::VocabularySpec spec;
    spec.model = "llama";
    const auto add = [&spec](std::string token, int type) {
      spec.tokens.push_back(std::move(token));
      spec.token_types.push_back(type);
      spec.scores.push_back(-static_cast<float>(spec.tokens.size()));
    };
    add("<unk>", 2);
    add("<end>", 3);
    constexpr const char* kHex = "0123456789ABCDEF";
    for (unsigned byte = 0; byte < 256; ++byte) {
      add(std::string("<0x") + kHex[byte / 16] + kHex[byte % 16] + ">", 6);
    }
    for (const char* piece : {"\"", "\":", "{\"", "\"}", "},", "true", "12", "ab", "]", "é"}) {
      add(piece, 1);
    }
    spec.unk_id = 0;
    spec.eos_id = 1;
    auto made = burin::Tokenizer::FromVocabulary(spec, "fuzz");
    if (!made) __builtin_trap();
    return *made;
  }();
  return tokenizer;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using burin::Constraint;
  static const auto vocabulary = burin::ConstraintVocabulary::Create(Bytewise(), {1});
  if (size < 2 || size > 4096) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto constraint = data[0] % 3 == 0   ? Constraint::FromJsonSchema(text, *vocabulary)
                          : data[0] % 3 == 1 ? Constraint::FromRegex(text, *vocabulary)
                                             : Constraint::FromGrammar(text, *vocabulary);
  if (!constraint) return 0;
  burin::ConstraintState state = constraint->Start();
  const int32_t count = Bytewise().vocab_size();
  std::vector<uint64_t> mask((static_cast<size_t>(count) + 63) / 64);
  uint32_t random = static_cast<uint32_t>(size) * 2654435761u;
  for (int step = 0; step < 24; ++step) {
    state.AllowedMask(mask);
    std::vector<int32_t> allowed;
    for (int32_t id = 0; id < count; ++id) {
      if ((mask[static_cast<size_t>(id) / 64] >> (id % 64)) & 1) allowed.push_back(id);
    }
    if (allowed.empty()) __builtin_trap();
    random = random * 1664525u + 1013904223u;
    const int32_t id = allowed[(random >> 8) % allowed.size()];
    if (!state.Advance(id)) __builtin_trap();
    if (id == 1) break;
  }
  return 0;
}
