#include "text/added_tokens.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "text/utf8.h"

namespace burin {
namespace {

// \w of Rust's regex crate: letters, marks, decimal digits, connectors.
bool IsWordCharacter(const Utf8Step& step) {
  if (step.kind != Utf8Step::Kind::kCharacter) return false;
  constexpr uint32_t kWordMask = U_GC_L_MASK | U_GC_M_MASK | U_GC_ND_MASK | U_GC_PC_MASK;
  return (U_GET_GC_MASK(static_cast<UChar32>(step.code)) & kWordMask) != 0;
}

bool IsSpace(const Utf8Step& step) {
  return step.kind == Utf8Step::Kind::kCharacter &&
         u_isUWhiteSpace(static_cast<UChar32>(step.code));
}

// The character that ends at `end` (> 0): where it begins.
size_t PreviousCharacter(std::string_view text, size_t end) {
  size_t begin = end - 1;
  while (begin > 0 && end - begin < 4 && (static_cast<uint8_t>(text[begin]) & 0xC0) == 0x80) {
    --begin;
  }
  return begin + NextUtf8(text, begin).length == end ? begin : end - 1;
}

size_t SpacesBegin(std::string_view text, size_t end, size_t floor) {
  while (end > floor) {
    const size_t begin = PreviousCharacter(text, end);
    if (begin < floor || !IsSpace(NextUtf8(text, begin))) break;
    end = begin;
  }
  return end;
}

size_t SpacesEnd(std::string_view text, size_t pos) {
  while (pos < text.size()) {
    const Utf8Step step = NextUtf8(text, pos);
    if (!IsSpace(step)) break;
    pos += step.length;
  }
  return pos;
}

}  // namespace

void AddedTokenMatcher::Add(const AddedToken& token, std::string_view content) {
  if (content.empty() || content.size() > kMaxAddedTokenBytes) return;
  uint32_t node = 0;
  for (const char c : content) {
    const uint32_t byte = static_cast<uint8_t>(c);
    if (const PairTable::Value* next = edges_.Find(node, byte)) {
      node = next->first;
      continue;
    }
    if (edge_list_.size() == edge_capacity_) {
      edge_capacity_ = std::max<size_t>(256, 2 * edge_capacity_);
      edges_.Reserve(edge_capacity_);
      for (const Edge& edge : edge_list_) edges_.Insert(edge.node, edge.byte, {edge.next, 0});
    }
    const auto fresh = static_cast<uint32_t>(token_of_node_.size());
    token_of_node_.push_back(-1);
    edge_list_.push_back({node, byte, fresh});
    edges_.Insert(node, byte, {fresh, 0});
    node = fresh;
  }
  if (token_of_node_[node] >= 0) return;
  token_of_node_[node] = static_cast<int32_t>(tokens_.size());
  tokens_.push_back(token);
  first_bytes_.set(static_cast<uint8_t>(content[0]));
}

bool AddedTokenMatcher::FindNext(std::string_view text, size_t from,
                                 const std::vector<ByteRange>& foreign, Hit* hit) const {
  for (size_t begin = from; begin < text.size(); ++begin) {
    if (!first_bytes_[static_cast<uint8_t>(text[begin])]) continue;
    uint32_t node = 0;
    hit->token = nullptr;
    for (size_t pos = begin; pos < text.size(); ++pos) {
      const PairTable::Value* next = edges_.Find(node, static_cast<uint8_t>(text[pos]));
      if (next == nullptr) break;
      node = next->first;
      if (token_of_node_[node] < 0) continue;
      const AddedToken& token = tokens_[static_cast<size_t>(token_of_node_[node])];
      if (token.special && !foreign.empty() && !IsFreeOf(foreign, begin, pos + 1)) continue;
      *hit = {begin, pos + 1, &token};
    }
    if (hit->token != nullptr) return true;
  }
  return false;
}

bool AddedTokenMatcher::StandsAlone(std::string_view text, const Hit& hit) {
  const bool before =
      hit.begin > 0 && IsWordCharacter(NextUtf8(text, PreviousCharacter(text, hit.begin)));
  const bool after = hit.end < text.size() && IsWordCharacter(NextUtf8(text, hit.end));
  return !before && !after;
}

std::vector<TextPart> AddedTokenMatcher::Split(std::string_view text, bool parse_special,
                                               const std::vector<ByteRange>& foreign) const {
  std::vector<TextPart> parts;
  size_t done = 0;
  Hit hit{};
  for (size_t from = 0; !tokens_.empty() && FindNext(text, from, foreign, &hit);) {
    from = hit.end;
    if (hit.token->special && !parse_special) continue;
    if (hit.token->single_word && !StandsAlone(text, hit)) continue;
    size_t begin = std::max(hit.begin, done), end = hit.end;
    if (hit.token->lstrip) begin = SpacesBegin(text, begin, done);
    if (hit.token->rstrip) end = SpacesEnd(text, end);
    if (end <= done) continue;  // a token of white space that an rstrip took along
    if (done < begin) parts.push_back({text.substr(done, begin - done), -1});
    parts.push_back({text.substr(begin, end - begin), hit.token->id});
    done = end;
  }
  if (done < text.size()) parts.push_back({text.substr(done), -1});
  return parts;
}

}  // namespace burin
