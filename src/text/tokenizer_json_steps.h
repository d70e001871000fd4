// The steps of a tokenizer.json before and after BPE. Each reader appends to `definition`; null
// means no step. Errors: kBadInput, naming a type that is not supported.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "text/definition.h"

namespace burin {

// NFC, NFD, NFKC, NFKD, Prepend, Replace (of a string), Sequence.
Status ReadNormalizer(const nlohmann::json& normalizer, const std::string& object,
                      TokenizerDefinition& definition);

// Split, ByteLevel, Digits, Metaspace, Sequence. Sets `byte_level` for ByteLevel, which must come
// last: steps behind it would see its alphabet instead of the text.
Status ReadPreTokenizer(const nlohmann::json& pre_tokenizer, const std::string& object,
                        TokenizerDefinition& definition);

// ByteLevel, Metaspace, Replace (of a string), ByteFallback, Fuse, Strip (at the start), Sequence;
// null: what undoes the pre-tokenizer. To be called after ReadPreTokenizer.
Status ReadDecoder(const nlohmann::json& decoder, const std::string& object,
                   TokenizerDefinition& definition);

}  // namespace burin
