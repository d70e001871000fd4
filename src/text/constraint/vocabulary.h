// The texts of all tokens as a trie in one array, for walking along all of them at once.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "text/tokenizer.h"

namespace burin::constraint {

// Nodes in depth-first order: the children of a node follow it, up to `end`.
struct TrieNode {
  uint32_t end;          // the first node behind this one's tree
  uint32_t first_token;  // in `tokens`; those of the next node begin where its own end
  uint16_t depth;        // bytes from the root
  uint8_t byte;
};

// A longer token is never allowed.
inline constexpr size_t kMaxTokenBytes = 1024;

struct Vocabulary {
  std::vector<TrieNode> nodes;  // without the root; one more at the end
  std::vector<int32_t> tokens;
  std::array<bool, 256> has_byte{};  // a token of this one byte is there
  std::vector<std::string> text;     // by id; empty: never allowed inside a text
  std::vector<int32_t> end_ids;
  size_t words = 0;      // of a mask
  uint32_t longest = 0;  // bytes of the longest token

  static Vocabulary Make(const Tokenizer& tokenizer, std::vector<int32_t> end_ids);
};

}  // namespace burin::constraint
