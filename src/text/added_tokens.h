// Finds added tokens (<|im_start|>, <s>) in a text: leftmost first, then longest.
#pragma once

#include <bitset>
#include <string>
#include <string_view>
#include <vector>

#include "text/definition.h"
#include "text/flat_table.h"
#include "text/marked_text.h"

namespace burin {

// A part of a text: a token, or (id -1) what stands between tokens. Never empty.
struct TextPart {
  std::string_view text;
  int32_t id;
};

class AddedTokenMatcher {
 public:
  // Adds `token`, looked for as `content` (1 to kMaxAddedTokenBytes bytes; a longer one, which
  // only a normalizer can make, is never found). Of two with one content the first one counts.
  void Add(const AddedToken& token, std::string_view content);
  bool empty() const { return tokens_.empty(); }

  // The parts of `text`, in order. Special tokens are passed over unless `parse_special`, and
  // where they touch one of `foreign` (MarkedText::foreign).
  std::vector<TextPart> Split(std::string_view text, bool parse_special,
                              const std::vector<ByteRange>& foreign = {}) const;

 private:
  struct Hit {
    size_t begin;
    size_t end;
    const AddedToken* token;
  };
  bool FindNext(std::string_view text, size_t from, const std::vector<ByteRange>& foreign,
                Hit* hit) const;
  static bool StandsAlone(std::string_view text, const Hit& hit);

  std::vector<AddedToken> tokens_;
  std::vector<int32_t> token_of_node_ = {-1};  // node 0 is the root of the trie
  // (node, byte) -> next node; grown by rebuilding.
  PairTable edges_;
  struct Edge {
    uint32_t node;
    uint32_t byte;
    uint32_t next;
  };
  std::vector<Edge> edge_list_;
  size_t edge_capacity_ = 0;
  std::bitset<256> first_bytes_;
};

}  // namespace burin
