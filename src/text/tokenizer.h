// Text to token ids and back, exactly as the model was trained with: byte-level BPE (GPT-2, Llama
// 3, Qwen 2/3, SmolLM) and SentencePiece BPE (Llama 2, Mistral, TinyLlama).
//
// Not here: WordPiece, Unigram, word-level vocabularies; chat templates (chat_template.h);
// training. docs/formats/tokenizer.md describes the binary form and lists what is read and what is
// refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/marked_text.h"

namespace burin {

struct TokenizerTables;

struct EncodeOptions {
  // Put the ids before and after the text that the tokenizer asks for (mostly <s> or nothing).
  bool add_special = true;
  // Read "<|im_start|>" in the text as that token. With false it is plain text: right for
  // everything that a user types. Added tokens that are not special are found either way.
  bool parse_special = true;
};

// A vocabulary as the GGUF keys tokenizer.ggml.* give it. All arrays are by id.
struct VocabularySpec {
  std::string model = {};                 // tokenizer.ggml.model: "gpt2" or "llama"
  std::string pre = "default";            // tokenizer.ggml.pre; only for "gpt2"
  std::vector<std::string> tokens = {};   // as stored: "Ġthe", "▁the", "<0x0A>", "<|im_end|>"
  std::vector<float> scores = {};         // "llama": one for each token
  std::vector<int32_t> token_types = {};  // 1 normal ... 6 byte (PieceType); empty: all normal
  std::vector<std::string> merges = {};   // "gpt2": "left right", best first
  std::optional<int32_t> bos_id = {}, eos_id = {}, unk_id = {};
  std::vector<int32_t> more_eos_ids = {};  // eot_token_id, eom_token_id
  std::optional<bool> add_bos = {},
                      add_eos = {};  // absent: what llama.cpp assumes for `model` and `pre`
  bool add_space_prefix = true;      // "llama" only
  bool remove_extra_whitespaces = false;
  std::string chat_template = {};
};

// A tokenizer. Const once made: every method may be called from many threads. Copies share the
// tables.
class Tokenizer {
 public:
  // Reads a Hugging Face folder: tokenizer.json, or else tokenizer.model; with them
  // tokenizer_config.json (bos and eos, add_bos_token, chat template, added tokens),
  // special_tokens_map.json, generation_config.json (further end ids) and chat_template.jinja.
  // Errors: kIo when a file cannot be read; kBadInput, naming file and part, when the folder has
  // no tokenizer, or one that is damaged or of a kind that is not supported.
  static Result<Tokenizer> FromFolder(const std::filesystem::path& folder);

  // Reads the text of a tokenizer.json; `name` stands in errors. As the file does not say which
  // tokens begin and end a text, bos is the first id put before a text, and the end ids are the
  // ones put behind it and the special tokens with a well-known name (</s>, <|im_end|>, ...).
  static Result<Tokenizer> FromTokenizerJson(std::string_view text, const std::string& name);

  // Reads a SentencePiece tokenizer.model (kind BPE); bos is put before a text, eos is not.
  static Result<Tokenizer> FromSentencePiece(std::span<const std::byte> bytes,
                                             const std::string& name);

  static Result<Tokenizer> FromVocabulary(const VocabularySpec& spec, const std::string& name);

  // The ids of `text`. Never fails:
  //  - Invalid UTF-8: each stretch of wrong bytes is a word of its own; its bytes become byte
  //    tokens. The text around it is encoded as if it ended there.
  //  - A character or byte that the vocabulary cannot say becomes the unknown token; a byte-level
  //    vocabulary without one drops the byte (SmolLM2 lacks 21 of the 256 bytes).
  std::vector<int32_t> Encode(std::string_view text, EncodeOptions options = {}) const;

  // The ids of a text of which only some parts may hold special tokens: one is read where all of
  // its bytes are the template's own, and is plain text elsewhere. Where no special token is
  // written in foreign parts, these are the ids of Encode(text.text(), {.add_special = false}).
  std::vector<int32_t> Encode(const MarkedText& text) const;

  // The text of `ids`: the very bytes, which need not be valid UTF-8. Ids outside the vocabulary
  // (a model's head may be padded) add nothing. `skip_special` leaves special tokens out.
  // SentencePiece: the space that encoding put in front is taken away again.
  std::string Decode(std::span<const int32_t> ids, bool skip_special = true) const;

  // The vocabulary's own string for `id`: "▁the", "<0x0A>", "<s>"; in a byte-level vocabulary the
  // bytes that it stands for (" the", not "Ġthe"). Empty outside the vocabulary.
  std::string_view Piece(int32_t id) const;
  // What `id` adds to a text, away from the text's start: " the", "\n", "<s>". The empty string
  // outside the vocabulary.
  std::string_view TokenText(int32_t id) const;
  // True for control tokens such as <s> and <|im_end|>; false outside the vocabulary.
  bool IsSpecial(int32_t id) const;
  // True for what stands for text: false for control, unknown and unused pieces, and outside the
  // vocabulary.
  bool IsText(int32_t id) const;
  // The id whose Piece is `piece`, or nothing.
  std::optional<int32_t> TokenId(std::string_view piece) const;

  int32_t vocab_size() const;
  std::optional<int32_t> bos_id() const;
  // The ids that end a text or a turn, without repeats; the first is the one chat templates see.
  const std::vector<int32_t>& eos_ids() const;

  // The chat template (Jinja text) as the checkpoint gives it, or an empty string; bos_text and
  // eos_text are the strings that it calls bos_token and eos_token.
  const std::string& chat_template() const;
  std::string_view bos_text() const;
  std::string_view eos_text() const;

  // The binary form of docs/formats/tokenizer.md. Equal tokenizers give equal bytes.
  std::vector<std::byte> Serialize() const;
  // Errors: kBadInput, naming the part, for anything that Serialize does not write.
  static Result<Tokenizer> Deserialize(std::span<const std::byte> bytes, const std::string& name);

 private:
  friend class StreamDecoder;
  friend struct TokenizerTables;
  explicit Tokenizer(std::shared_ptr<const TokenizerTables> tables);
  std::shared_ptr<const TokenizerTables> tables_;
};

// Turns tokens into text one at a time and never cuts a UTF-8 character: bytes that may still
// become one are held back. Bytes that cannot are replaced by U+FFFD (one for each maximal wrong
// part). For ids whose text is valid UTF-8 the parts join to Decode(ids, skip_special).
class StreamDecoder {
 public:
  // `continuation`: the tokens go on after a text, so that a leading space is kept
  // (SentencePiece). The decoder keeps `tokenizer`'s tables alive.
  explicit StreamDecoder(const Tokenizer& tokenizer, bool skip_special = true,
                         bool continuation = false);

  // The text that `id` completes; may be empty.
  std::string Push(int32_t id);
  // The replacement of bytes still held back, or nothing; what is pushed later goes on from there.
  std::string Finish();

 private:
  std::shared_ptr<const TokenizerTables> tables_;
  bool skip_special_;
  uint32_t strip_left_;  // characters that may still be dropped from the start
  std::string held_;
};

}  // namespace burin
