#include "text/bpe.h"

#include <algorithm>

#include "text/utf8.h"

namespace burin {
namespace {

constexpr size_t kCacheSlots = 8192;
constexpr size_t kCacheFromBytes = 4096;  // texts below this length get no cache
constexpr size_t kShortWord = 32;         // symbols; up to here scanning beats a heap
constexpr uint32_t kNoRank = ~uint32_t{0};

}  // namespace

Bpe::Scratch::Scratch(size_t expected_bytes) {
  if (expected_bytes >= kCacheFromBytes) cache.resize(kCacheSlots);
}

Bpe::Bpe(const TokenizerDefinition& definition) : definition_(definition) {
  const PieceList& pieces = definition_.pieces;
  const auto piece_of = [&](uint32_t id) { return pieces.piece(id); };
  pieces_.Reserve(pieces.size());
  for (const bool matchable : {true, false}) {
    for (uint32_t id = 0; id < pieces.size(); ++id) {
      if (pieces.matchable(id) == matchable && !pieces.piece(id).empty())
        pieces_.Insert(id, piece_of);
    }
  }
  merges_.Reserve(definition_.merges.size());
  for (const Merge& merge : definition_.merges) {
    merges_.Insert(merge.left, merge.right, {merge.rank, merge.result});
  }
  byte_ids_.fill(-1);
  ascii_ids_.fill(-1);
  for (size_t byte = 0; byte < 256; ++byte) {
    const char c = static_cast<char>(byte);
    const std::string_view text(&c, 1);
    if (definition_.byte_level) byte_ids_[byte] = FindMatchable(text, HashBytes(text));
    if (byte < 128) ascii_ids_[byte] = FindMatchable(text, HashBytes(text));
  }
  if (!definition_.byte_level && definition_.byte_fallback) {
    for (uint32_t id = 0; id < pieces.size(); ++id) {
      const int byte = ParseBytePiece(pieces.piece(id));
      if (pieces.type(id) != PieceType::kByte || byte < 0) continue;
      byte_ids_[static_cast<size_t>(byte)] = static_cast<int32_t>(id);
    }
  }
  cut_at_space_signs_ = SpaceSignsCut();
}

int32_t Bpe::Find(std::string_view piece) const {
  return pieces_.Find(piece, HashBytes(piece),
                      [this](uint32_t id) { return definition_.pieces.piece(id); });
}

int32_t Bpe::FindMatchable(std::string_view piece, uint64_t hash) const {
  const int32_t id =
      pieces_.Find(piece, hash, [this](uint32_t i) { return definition_.pieces.piece(i); });
  return id >= 0 && definition_.pieces.matchable(static_cast<size_t>(id)) ? id : -1;
}

bool Bpe::SpaceSignsCut() const {
  if (definition_.byte_level || definition_.ignore_merges) return false;
  if (FindMatchable(kSpaceSign, HashBytes(kSpaceSign)) < 0) return false;
  for (const Merge& merge : definition_.merges) {
    const std::string_view right = definition_.pieces.piece(merge.right);
    if (!right.starts_with(kSpaceSign)) continue;
    if (!definition_.pieces.piece(merge.left).ends_with(kSpaceSign)) return false;
  }
  return true;
}

void Bpe::Encode(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  while (word.size() > kMaxWordBytes) {
    size_t cut = kMaxWordBytes;
    while (cut > kMaxWordBytes - 4 && (static_cast<uint8_t>(word[cut]) & 0xC0) == 0x80) --cut;
    EncodeWord(word.substr(0, cut), scratch, out);
    word.remove_prefix(cut);
  }
  EncodeWord(word, scratch, out);
}

void Bpe::EncodeWord(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  if (!cut_at_space_signs_) return EncodePart(word, scratch, out);
  const auto sign_at = [&](size_t pos) { return word.substr(pos).starts_with(kSpaceSign); };
  for (size_t begin = 0; begin < word.size();) {
    size_t end = begin;
    while (end < word.size() && sign_at(end)) end += kSpaceSign.size();
    end = std::min(word.find(kSpaceSign, end), word.size());
    EncodePart(word.substr(begin, end - begin), scratch, out);
    begin = end;
  }
}

void Bpe::EncodePart(std::string_view word, Scratch& scratch, std::vector<int32_t>& out) const {
  if (word.empty()) return;
  const uint64_t hash = HashBytes(word);
  Scratch::CachedWord* slot = nullptr;
  if (!scratch.cache.empty() && word.size() <= sizeof(Scratch::CachedWord::bytes)) {
    slot = &scratch.cache[(hash >> 20) % kCacheSlots];
    if (slot->hash == hash && std::string_view(slot->bytes.data(), slot->length) == word) {
      out.insert(out.end(), slot->ids.data(), slot->ids.data() + slot->count);
      return;
    }
  }
  const size_t before = out.size();
  const int32_t whole = definition_.ignore_merges ? FindMatchable(word, hash) : -1;
  if (whole >= 0) {
    out.push_back(whole);
  } else {
    MakeSymbols(word, scratch.symbols);
    if (scratch.symbols.size() <= kShortWord) {
      MergeShort(scratch);
    } else {
      MergeLong(scratch);
    }
    for (const uint32_t id : scratch.symbols) out.push_back(static_cast<int32_t>(id));
  }
  const size_t count = out.size() - before;
  if (slot == nullptr || count > slot->ids.size()) return;
  slot->hash = hash;
  slot->length = static_cast<uint8_t>(word.size());
  slot->count = static_cast<uint8_t>(count);
  std::copy(word.begin(), word.end(), slot->bytes.begin());
  std::copy(out.begin() + static_cast<std::ptrdiff_t>(before), out.end(), slot->ids.begin());
}

void Bpe::AddUnknown(std::string_view character, std::vector<uint32_t>& symbols) const {
  const auto has_piece = [&](char c) { return byte_ids_[static_cast<uint8_t>(c)] >= 0; };
  if (!definition_.byte_level && definition_.byte_fallback &&
      std::all_of(character.begin(), character.end(), has_piece)) {
    for (const char c : character) {
      symbols.push_back(static_cast<uint32_t>(byte_ids_[static_cast<uint8_t>(c)]));
    }
    return;
  }
  if (definition_.unknown_id < 0) return;
  const auto unknown = static_cast<uint32_t>(definition_.unknown_id);
  if (definition_.fuse_unknown && !symbols.empty() && symbols.back() == unknown) return;
  symbols.push_back(unknown);
}

void Bpe::MakeSymbols(std::string_view word, std::vector<uint32_t>& symbols) const {
  symbols.clear();
  for (size_t pos = 0; pos < word.size();) {
    const uint8_t byte = static_cast<uint8_t>(word[pos]);
    size_t length = 1;
    int32_t id = -1;
    if (definition_.byte_level) {
      id = byte_ids_[byte];
    } else if (byte < 0x80) {
      id = ascii_ids_[byte];
    } else {
      const Utf8Step step = NextUtf8(word, pos);
      length = step.kind == Utf8Step::Kind::kCharacter ? step.length : 1;
      const std::string_view character = word.substr(pos, length);
      id = FindMatchable(character, HashBytes(character));
    }
    if (id >= 0) {
      symbols.push_back(static_cast<uint32_t>(id));
    } else {
      AddUnknown(word.substr(pos, length), symbols);
    }
    pos += length;
  }
}

// Scans for the best pair again after each merge: quadratic, but without any bookkeeping.
void Bpe::MergeShort(Scratch& scratch) const {
  std::vector<uint32_t>& symbols = scratch.symbols;
  std::vector<PairTable::Value>& pairs = scratch.pairs;
  const auto pair_at = [&](size_t i) -> PairTable::Value {
    const PairTable::Value* merge = merges_.Find(symbols[i], symbols[i + 1]);
    return merge != nullptr ? *merge : PairTable::Value{kNoRank, 0};
  };
  if (symbols.size() < 2) return;
  pairs.resize(symbols.size() - 1);
  for (size_t i = 0; i < pairs.size(); ++i) pairs[i] = pair_at(i);
  while (!pairs.empty()) {
    size_t best = 0;
    for (size_t i = 1; i < pairs.size(); ++i) {
      if (pairs[i].first < pairs[best].first) best = i;
    }
    if (pairs[best].first == kNoRank) return;
    symbols[best] = pairs[best].second;
    symbols.erase(symbols.begin() + static_cast<std::ptrdiff_t>(best) + 1);
    pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(best));
    if (best > 0) pairs[best - 1] = pair_at(best - 1);
    if (best < pairs.size()) pairs[best] = pair_at(best);
  }
}

// A linked list and a heap of pairs; pairs that have changed since are skipped when they come up.
void Bpe::MergeLong(Scratch& scratch) const {
  using Candidate = Scratch::Candidate;
  auto& nodes = scratch.nodes;
  auto& heap = scratch.heap;
  const auto later = [](const Candidate& a, const Candidate& b) {
    return a.rank != b.rank ? a.rank > b.rank : a.place > b.place;
  };
  const auto candidate_at = [&](int32_t place, Candidate* out) {
    if (place < 0) return false;
    const Scratch::Node& node = nodes[static_cast<size_t>(place)];
    if (node.next < 0) return false;
    const uint32_t right = nodes[static_cast<size_t>(node.next)].id;
    const PairTable::Value* merge = merges_.Find(node.id, right);
    if (merge == nullptr) return false;
    *out = {merge->first, static_cast<uint32_t>(place), node.id, right, merge->second};
    return true;
  };
  const auto count = static_cast<int32_t>(scratch.symbols.size());
  nodes.clear();
  heap.clear();
  for (int32_t i = 0; i < count; ++i) {
    nodes.push_back({scratch.symbols[static_cast<size_t>(i)], i - 1, i + 1 < count ? i + 1 : -1});
  }
  Candidate candidate{};
  for (int32_t i = 0; i < count; ++i) {
    if (candidate_at(i, &candidate)) heap.push_back(candidate);
  }
  std::make_heap(heap.begin(), heap.end(), later);
  const auto push = [&](int32_t place) {
    if (!candidate_at(place, &candidate)) return;
    heap.push_back(candidate);
    std::push_heap(heap.begin(), heap.end(), later);
  };
  while (!heap.empty()) {
    std::pop_heap(heap.begin(), heap.end(), later);
    const Candidate top = heap.back();
    heap.pop_back();
    Scratch::Node& node = nodes[top.place];
    if (node.id != top.left || node.next < 0) continue;
    Scratch::Node& eaten = nodes[static_cast<size_t>(node.next)];
    if (eaten.id != top.right) continue;
    node.id = top.result;
    node.next = eaten.next;
    eaten.id = kNoRank;  // no vocabulary has this id: candidates that begin here are stale
    if (node.next >= 0) {
      nodes[static_cast<size_t>(node.next)].previous = static_cast<int32_t>(top.place);
    }
    push(node.previous);
    push(static_cast<int32_t>(top.place));
  }
  scratch.symbols.clear();
  for (int32_t i = count > 0 ? 0 : -1; i >= 0; i = nodes[static_cast<size_t>(i)].next) {
    scratch.symbols.push_back(nodes[static_cast<size_t>(i)].id);
  }
}

}  // namespace burin
