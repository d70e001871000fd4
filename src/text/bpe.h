// Byte-pair encoding of one word.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "text/definition.h"
#include "text/flat_table.h"

namespace burin {

// A longer word is cut after this many bytes, which bounds the memory of one word to some 200 MB.
inline constexpr size_t kMaxWordBytes = size_t{4} << 20;

class Bpe {
 public:
  // One thread's working memory, with the words that it has met last.
  class Scratch {
   public:
    // `expected_bytes`: the length of the text to come; a short one gets no word cache.
    explicit Scratch(size_t expected_bytes);

   private:
    friend class Bpe;
    struct CachedWord {
      uint64_t hash = 0;
      uint8_t length = 0;  // 0: empty slot
      uint8_t count = 0;
      std::array<char, 22> bytes;
      std::array<int32_t, 8> ids;
    };
    struct Node {
      uint32_t id;
      int32_t previous;
      int32_t next;
    };
    struct Candidate {
      uint32_t rank;
      uint32_t place;
      uint32_t left;
      uint32_t right;
      uint32_t result;
    };
    std::vector<CachedWord> cache;
    std::vector<uint32_t> symbols;
    std::vector<PairTable::Value> pairs;
    std::vector<Node> nodes;
    std::vector<Candidate> heap;
  };

  // `definition` must be valid and must outlive this object.
  explicit Bpe(const TokenizerDefinition& definition);

  // Appends the ids of `word` (a word of the pre-tokenizer) to `out`. A byte without piece (a
  // byte-level vocabulary may lack some) or a character without piece and byte pieces becomes the
  // unknown id; without one it is dropped.
  void Encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;

  // The id of a piece, matchable ones first; -1 if there is none.
  int32_t Find(std::string_view piece) const;

 private:
  void EncodeWord(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;
  void EncodePart(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const;
  void MakeSymbols(std::string_view word, std::vector<uint32_t>& symbols) const;
  void AddUnknown(std::string_view character, std::vector<uint32_t>& symbols) const;
  void MergeShort(Scratch& scratch) const;
  void MergeLong(Scratch& scratch) const;
  bool SpaceSignsCut() const;
  int32_t FindMatchable(std::string_view piece, uint64_t hash) const;

  const TokenizerDefinition& definition_;
  PieceTable pieces_;
  PairTable merges_;                      // (left, right) -> (rank, result)
  std::array<int32_t, 256> byte_ids_{};   // byte-level: by byte; else the byte pieces
  std::array<int32_t, 128> ascii_ids_{};  // not byte-level: one-character pieces
  // No piece has a space sign behind another character: words may be cut before each such place.
  bool cut_at_space_signs_ = false;
};

}  // namespace burin
