#include "text/definition.h"

#include <algorithm>
#include <array>

namespace burin {

void PieceList::Reserve(size_t count, size_t bytes) {
  offsets_.reserve(count + 1);
  info_.reserve(count);
  pool_.reserve(bytes);
}

void PieceList::Add(std::string_view piece, PieceType type, bool matchable) {
  pool_ += piece;
  offsets_.push_back(static_cast<uint32_t>(pool_.size()));
  info_.push_back(static_cast<uint8_t>(static_cast<unsigned>(type) | (matchable ? kMatchable : 0)));
}

void PieceList::Set(size_t id, PieceType type, bool matchable) {
  info_[id] = static_cast<uint8_t>(static_cast<unsigned>(type) | (matchable ? kMatchable : 0));
}

int ParseBytePiece(std::string_view piece) {
  if (piece.size() != 6 || !piece.starts_with("<0x") || piece[5] != '>') return -1;
  int value = 0;
  for (const char c : piece.substr(3, 2)) {
    int digit = -1;
    if (c >= '0' && c <= '9') digit = c - '0';
    if (c >= 'A' && c <= 'F') digit = c - 'A' + 10;
    if (c >= 'a' && c <= 'f') digit = c - 'a' + 10;
    if (digit < 0) return -1;
    value = value * 16 + digit;
  }
  return value;
}

std::string Quoted(std::string_view text) {
  std::string quoted = "'";
  for (const char c : text.substr(0, 40)) {
    const auto byte = static_cast<uint8_t>(c);
    quoted += byte < 0x20 || byte >= 0x7F ? fmt::format("\\x{:02X}", byte) : std::string(1, c);
  }
  return quoted + (text.size() > 40 ? "...'" : "'");
}

namespace {

Status CheckIds(const std::vector<int32_t>& ids, size_t vocabulary, const std::string& object) {
  if (ids.size() > kMaxTemplateIds) {
    return BadInput(object, fmt::format("{} ids", ids.size()),
                    fmt::format("at most {}", kMaxTemplateIds));
  }
  for (const int32_t id : ids) {
    if (id < 0 || static_cast<size_t>(id) >= vocabulary) {
      return BadInput(object, fmt::format("id {}", id),
                      fmt::format("an id below the vocabulary size {}", vocabulary));
    }
  }
  return {};
}

Status CheckCount(size_t count, size_t limit, const std::string& object, const char* what) {
  if (count <= limit) return {};
  return BadInput(object, fmt::format("{} {}", count, what), fmt::format("at most {}", limit));
}

Status CheckMerges(const TokenizerDefinition& definition, const std::string& object) {
  BURIN_TRY(CheckCount(definition.merges.size(), kMaxMerges, object, "merges"));
  const PieceList& pieces = definition.pieces;
  const size_t size = pieces.size();
  for (size_t i = 0; i < definition.merges.size(); ++i) {
    const Merge& merge = definition.merges[i];
    if (merge.left >= size || merge.right >= size || merge.result >= size) {
      return BadInput(fmt::format("{}: merge {}", object, i),
                      fmt::format("ids {} {} {}", merge.left, merge.right, merge.result),
                      fmt::format("ids below the vocabulary size {}", size));
    }
    const std::string_view left = pieces.piece(merge.left), right = pieces.piece(merge.right);
    const std::string_view result = pieces.piece(merge.result);
    if (left.empty() || right.empty() || result.size() != left.size() + right.size() ||
        !result.starts_with(left) || !result.ends_with(right)) {
      return BadInput(fmt::format("{}: merge {}", object, i),
                      fmt::format("{} + {} = {}", Quoted(left), Quoted(right), Quoted(result)),
                      "two pieces and their concatenation");
    }
  }
  return {};
}

Status CheckAdded(const TokenizerDefinition& definition, const std::string& object) {
  BURIN_TRY(CheckCount(definition.added.size(), kMaxAddedTokens, object, "added tokens"));
  for (const AddedToken& token : definition.added) {
    BURIN_TRY(CheckIds({token.id}, definition.pieces.size(), object + ": added token"));
    const size_t bytes = definition.pieces.piece(static_cast<size_t>(token.id)).size();
    if (bytes == 0 || bytes > kMaxAddedTokenBytes) {
      return BadInput(fmt::format("{}: added token {}", object, token.id),
                      fmt::format("{} bytes", bytes),
                      fmt::format("1 to {} bytes", kMaxAddedTokenBytes));
    }
  }
  return {};
}

// Checks prefixes and replacements; `growth` bounds what a chain of them can make of a text.
Status CheckNormalizers(const std::vector<NormalizerStep>& steps, const std::string& object) {
  BURIN_TRY(CheckCount(steps.size(), kMaxSteps, object, "steps"));
  size_t growth = 1;
  for (const NormalizerStep& step : steps) {
    if (step.kind == NormalizerStep::Kind::kPrepend) {
      BURIN_TRY(CheckCount(step.to.size(), kMaxPrefixBytes, object, "bytes of prefix"));
    }
    if (step.kind != NormalizerStep::Kind::kReplace) continue;
    BURIN_TRY(CheckCount(step.from.size(), kMaxPatternBytes, object, "bytes"));
    BURIN_TRY(CheckCount(step.to.size(), kMaxPatternBytes, object, "bytes"));
    if (step.from.empty()) return BadInput(object, "an empty pattern", "the text to replace");
    growth *= std::max<size_t>(1, (step.to.size() + step.from.size() - 1) / step.from.size());
    if (growth > kMaxGrowth) {
      return BadInput(object, fmt::format("replacements that lengthen a text {}-fold", growth),
                      fmt::format("at most {}-fold", kMaxGrowth));
    }
  }
  return {};
}

Status CheckPreTokenizer(const PreTokenizerStep& step, const std::string& object) {
  using Kind = PreTokenizerStep::Kind;
  BURIN_TRY(CheckCount(step.text.size(), kMaxPatternBytes, object, "pattern bytes"));
  if ((step.kind == Kind::kLiteral || step.kind == Kind::kMetaspace) && step.text.empty()) {
    return BadInput(object, "an empty pattern", "the text to split at");
  }
  if (step.kind == Kind::kMetaspace) {
    BURIN_TRY(CheckCount(step.text.size(), kMaxPrefixBytes, object, "bytes for a space"));
    if (step.text.find(' ') != std::string::npos) {
      return BadInput(object, "a replacement of spaces that has a space", "a sign such as U+2581");
    }
  }
  return {};
}

Status CheckSteps(const TokenizerDefinition& definition, const std::string& object) {
  BURIN_TRY(CheckNormalizers(definition.normalizers, object + ": normalizer"));
  BURIN_TRY(CheckCount(definition.pre_tokenizers.size(), kMaxSteps, object, "pre-tokenizers"));
  for (const PreTokenizerStep& step : definition.pre_tokenizers) {
    BURIN_TRY(CheckPreTokenizer(step, object + ": pre_tokenizer"));
  }
  const DecoderRules& decoder = definition.decoder;
  BURIN_TRY(CheckNormalizers(decoder.replacements, object + ": decoder"));
  for (const NormalizerStep& step : decoder.replacements) {
    if (step.kind != NormalizerStep::Kind::kReplace) {
      return BadInput(object + ": decoder", "a step that is no replacement", "replacements");
    }
  }
  if (static_cast<unsigned char>(decoder.strip_char) >= 0x80) {
    return BadInput(object + ": decoder", "a stripped character outside ASCII", "a space");
  }
  return CheckCount(decoder.strip_count, kMaxStripCount, object + ": decoder",
                    "stripped characters");
}

// A SentencePiece vocabulary must be able to say every character somehow.
Status CheckCoverage(const TokenizerDefinition& definition, const std::string& object) {
  if (definition.byte_level || definition.unknown_id >= 0) return {};
  std::array<bool, 256> have{};
  if (definition.byte_fallback) {
    for (size_t id = 0; id < definition.pieces.size(); ++id) {
      if (definition.pieces.type(id) != PieceType::kByte) continue;
      const int byte = ParseBytePiece(definition.pieces.piece(id));
      if (byte >= 0) have[static_cast<size_t>(byte)] = true;
    }
  }
  const auto missing = std::find(have.begin(), have.end(), false);
  if (missing == have.end()) return {};
  return BadInput(object,
                  fmt::format("no unknown token and no byte piece <0x{:02X}>",
                              static_cast<size_t>(missing - have.begin())),
                  "one of the two, so that no character is lost",
                  "Use a tokenizer with byte_fallback and 256 byte pieces, or with unk_token.");
}

}  // namespace

Status ValidateDefinition(const TokenizerDefinition& definition, const std::string& object) {
  const size_t size = definition.pieces.size();
  if (size == 0 || size > kMaxVocabulary) {
    return BadInput(object, fmt::format("a vocabulary of {}", size),
                    fmt::format("1 to {} pieces", kMaxVocabulary));
  }
  BURIN_TRY(CheckCount(definition.pieces.pool().size(), kMaxPoolBytes, object, "bytes of pieces"));
  for (size_t id = 0; id < size; ++id) {
    const size_t bytes = definition.pieces.piece(id).size();
    if (bytes > kMaxPieceBytes) {
      return BadInput(fmt::format("{}: piece {}", object, id), fmt::format("{} bytes", bytes),
                      fmt::format("at most {}", kMaxPieceBytes));
    }
  }
  BURIN_TRY(CheckMerges(definition, object));
  BURIN_TRY(CheckAdded(definition, object));
  BURIN_TRY(CheckSteps(definition, object));
  BURIN_TRY(CheckIds(definition.prefix_ids, size, object + ": ids before the text"));
  BURIN_TRY(CheckIds(definition.suffix_ids, size, object + ": ids after the text"));
  BURIN_TRY(CheckIds(definition.eos_ids, size, object + ": end-of-text ids"));
  if (definition.bos_id != -1) BURIN_TRY(CheckIds({definition.bos_id}, size, object + ": bos id"));
  if (definition.unknown_id != -1) {
    BURIN_TRY(CheckIds({definition.unknown_id}, size, object + ": unknown id"));
  }
  BURIN_TRY(CheckCount(definition.chat_template.size(), kMaxChatTemplateBytes,
                       object + ": chat template", "bytes"));
  return CheckCoverage(definition, object);
}

}  // namespace burin
