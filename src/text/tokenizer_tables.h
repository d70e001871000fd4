// What a Tokenizer holds, and the readers that make it. Internal to the module.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "text/added_tokens.h"
#include "text/bpe.h"
#include "text/definition.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer.h"

namespace burin {

struct TokenizerTables {
  explicit TokenizerTables(TokenizerDefinition valid_definition)
      : definition(std::move(valid_definition)), bpe(definition) {}

  const TokenizerDefinition definition;
  const Bpe bpe;
  PreTokenizer pre_tokenizer;
  AddedTokenMatcher raw_tokens;         // looked for in the text as it is
  AddedTokenMatcher normalized_tokens;  // looked for after the normalizers
  // By id: what a token adds to a text. Empty when that is the piece itself.
  std::string text_pool;
  std::vector<uint32_t> text_offsets;

  bool Has(int32_t id) const {
    return id >= 0 && static_cast<size_t>(id) < definition.pieces.size();
  }
  std::string_view TokenText(int32_t id) const;

  // Checks `definition` and builds the tables.
  static Result<Tokenizer> Build(TokenizerDefinition definition, const std::string& object);
};

// What the files beside a tokenizer say; absent members leave the tokenizer as it is.
struct TokenizerExtras {
  struct Token {
    int32_t id = -1;
    std::string content;
    bool special = false, normalized = false, lstrip = false, rstrip = false, single_word = false;
  };
  std::string bos_text, eos_text, unk_text;
  bool has_bos_or_eos = false;  // some file was there to name them
  std::optional<bool> add_bos, add_eos;
  std::vector<int32_t> eos_ids;  // generation_config.json
  std::vector<Token> added;      // added_tokens_decoder, by id
  std::string chat_template;
};

// Each reader fills a definition that ValidateDefinition has not seen yet.
Result<TokenizerDefinition> ReadTokenizerJson(std::string_view text, const std::string& object);
Result<TokenizerDefinition> ReadSentencePiece(std::span<const std::byte> bytes,
                                              const std::string& object);
Result<TokenizerDefinition> ReadVocabulary(const VocabularySpec& spec, const std::string& object);
Result<TokenizerDefinition> ReadBinary(std::span<const std::byte> bytes, const std::string& object);
std::vector<std::byte> WriteBinary(const TokenizerDefinition& definition);

Result<TokenizerExtras> ReadExtras(const std::filesystem::path& folder);
// `add_tokens`: take the added tokens too (tokenizer.model has none of its own).
Status ApplyExtras(const TokenizerExtras& extras, bool add_tokens, const std::string& object,
                   TokenizerDefinition& definition);
// End ids by well-known names, for files that name none.
void GuessEndTokens(TokenizerDefinition& definition);

// SentencePiece BPE: derives the merges from the scores of the pieces (the best score goes first)
// and sets up white space. `scores` has one finite number for each piece.
Status FinishSentencePiece(const std::vector<float>& scores, bool add_space_prefix,
                           bool trim_spaces, const std::string& object,
                           TokenizerDefinition& definition);

// Byte-level alphabet of GPT-2: the bytes that `piece` ("Ġthe") stands for, or nothing when a
// character is outside the alphabet.
std::optional<std::string> FromByteAlphabet(std::string_view piece);

}  // namespace burin
