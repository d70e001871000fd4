// A tokenizer as plain data: what every reader (tokenizer.json, tokenizer.model, GGUF keys, our
// own binary form) fills in, and what Tokenizer is built from. Internal to the module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace burin {

// Bounds that hold for every tokenizer, whatever file it came from.
inline constexpr size_t kMaxVocabulary = size_t{1} << 21;
inline constexpr size_t kMaxMerges = size_t{1} << 23;
inline constexpr size_t kMaxPieceBytes = 65535;
inline constexpr size_t kMaxPoolBytes = size_t{1} << 27;
inline constexpr size_t kMaxAddedTokenBytes = 1024;
inline constexpr size_t kMaxAddedTokens = 65536;
inline constexpr size_t kMaxSteps = 16;           // normalizers, pre-tokenizers, replacements
inline constexpr size_t kMaxPatternBytes = 8192;  // one regular expression, prefix or replacement
inline constexpr size_t kMaxPrefixBytes = 64;     // what is put in front of a text or for a space
inline constexpr size_t kMaxGrowth = 16;          // by which all replacements may lengthen a text
inline constexpr size_t kMaxStripCount = 64;
inline constexpr size_t kMaxTemplateIds = 64;  // ids before or after a text; end ids
inline constexpr size_t kMaxChatTemplateBytes = size_t{1} << 20;

// U+2581, the sign that stands for a space in SentencePiece vocabularies.
inline constexpr std::string_view kSpaceSign = "\xE2\x96\x81";

// The pre-tokenizer pattern of GPT-2, which ByteLevel applies with use_regex.
inline constexpr std::string_view kGpt2Pattern =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";

// What a vocabulary entry is; the numbers are those of SentencePiece and GGUF.
enum class PieceType : uint8_t {
  kNormal = 1,
  kUnknown = 2,
  kControl = 3,  // "special": <s>, <|im_end|>
  kUserDefined = 4,
  kUnused = 5,
  kByte = 6,  // <0x00> to <0xFF>
};

// The vocabulary: strings by id, in one pool.
// In a byte-level vocabulary a piece is the bytes it stands for ("Ġt" is stored as " t").
class PieceList {
 public:
  size_t size() const { return info_.size(); }
  std::string_view piece(size_t id) const {
    return std::string_view(pool_).substr(offsets_[id], offsets_[id + 1] - offsets_[id]);
  }
  PieceType type(size_t id) const { return static_cast<PieceType>(info_[id] & 7u); }
  // True when BPE itself may produce the piece; false for added tokens and holes.
  bool matchable(size_t id) const { return (info_[id] & kMatchable) != 0; }

  void Reserve(size_t count, size_t bytes);
  void Add(std::string_view piece, PieceType type, bool matchable);
  void Set(size_t id, PieceType type, bool matchable);
  const std::string& pool() const { return pool_; }

 private:
  static constexpr uint8_t kMatchable = 8;
  std::string pool_;
  std::vector<uint32_t> offsets_ = {0};
  std::vector<uint8_t> info_;
};

// left + right becomes result; the lowest rank goes first, then the leftmost place.
struct Merge {
  uint32_t left;
  uint32_t right;
  uint32_t result;
  uint32_t rank;
};

// A token that is cut out of the text before BPE sees it. Its text is the piece of `id`.
struct AddedToken {
  int32_t id = 0;
  bool special = false;      // left in the text when EncodeOptions::parse_special is false
  bool normalized = false;   // looked for in the normalized text, in its own normalized form
  bool lstrip = false;       // takes the white space before it along
  bool rstrip = false;       // takes the white space after it along
  bool single_word = false;  // only between characters that are not \w
};

struct NormalizerStep {
  enum class Kind : uint8_t { kNfc = 0, kNfd, kNfkc, kNfkd, kPrepend, kReplace, kTrimSpaces };
  Kind kind = Kind::kNfc;
  std::string from;  // kReplace: what is replaced, not empty
  std::string to;    // kReplace: by what; kPrepend: what a text that is not empty begins with
};

struct PreTokenizerStep {
  enum class Kind : uint8_t {
    kRegex = 0,    // split by matches of `text`
    kLiteral,      // split by occurrences of `text`
    kDigits,       // split runs of numeric characters (each alone if `individual`) from the rest
    kMetaspace,    // ' ' becomes `text`, which may be put in front
    kPrefixSpace,  // ' ' in front of what does not begin with it (ByteLevel add_prefix_space)
  };
  enum class Behavior : uint8_t {
    kIsolated = 0,
    kRemoved,
    kMergedPrevious,
    kMergedNext,
    kContiguous
  };
  enum class Prepend : uint8_t { kNever = 0, kFirst, kAlways };
  Kind kind = Kind::kRegex;
  std::string text;
  Behavior behavior = Behavior::kIsolated;  // kRegex, kLiteral
  bool invert = false;                      // kRegex: the matches are what stands between
  bool individual = false;                  // kDigits
  bool split = false;                       // kMetaspace: also split before each `text`
  Prepend prepend = Prepend::kNever;        // kMetaspace
};

// How pieces become text again: replacements in each piece, byte pieces to bytes, and at the very
// start of the output up to `strip_count` characters `strip_char` are dropped.
struct DecoderRules {
  std::vector<NormalizerStep> replacements;  // kReplace only
  bool byte_fallback = false;
  char strip_char = ' ';
  uint32_t strip_count = 0;
};

struct TokenizerDefinition {
  bool byte_level = false;  // symbols are bytes; else UTF-8 characters
  bool byte_fallback = false;
  bool fuse_unknown = false;
  bool ignore_merges = false;  // a word that is a piece is that piece, whatever the merges say
  int32_t unknown_id = -1;     // -1: none
  PieceList pieces;
  std::vector<Merge> merges;
  std::vector<AddedToken> added;
  std::vector<NormalizerStep> normalizers;
  std::vector<PreTokenizerStep> pre_tokenizers;
  DecoderRules decoder;
  std::vector<int32_t> prefix_ids;  // put before a text with add_special
  std::vector<int32_t> suffix_ids;
  int32_t bos_id = -1;           // -1: none
  std::vector<int32_t> eos_ids;  // the first is the one that a chat template sees
  std::string chat_template;
};

// Checks every bound above, that every id lies in the vocabulary, that each merge concatenates,
// and that no character can be lost for want of an unknown or byte piece (SentencePiece kind).
Status ValidateDefinition(const TokenizerDefinition& definition, const std::string& object);

// The value of a piece "<0xHH>", or -1.
int ParseBytePiece(std::string_view piece);

// Shows `text` in a message: quoted, at most 40 bytes, unprintable bytes as \xHH.
std::string Quoted(std::string_view text);

}  // namespace burin
