// Two hash tables that are filled once and then only read: pairs of ids to a merge, and byte
// strings to their id. Open addressing with linear probing, at most half full.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

namespace burin {

inline uint64_t MixBits(uint64_t key) {
  key ^= key >> 32;
  key *= 0x9FB21C651E98DF25u;
  key ^= key >> 29;
  key *= 0xD6E8FEB86659FD93u;
  return key ^ (key >> 32);
}

// A hash of the bytes of `text`; only for tables in memory (it depends on the byte order).
inline uint64_t HashBytes(std::string_view text) {
  uint64_t hash = text.size() * 0x9E3779B97F4A7C15u;
  const char* data = text.data();
  size_t left = text.size();
  for (; left >= 8; left -= 8, data += 8) {
    uint64_t word;
    std::memcpy(&word, data, 8);
    hash = MixBits(hash ^ word);
  }
  if (left > 0) {
    uint64_t word = 0;
    std::memcpy(&word, data, left);
    hash = MixBits(hash ^ word);
  }
  return hash;
}

// (uint32, uint32) -> (uint32, uint32).
class PairTable {
 public:
  struct Value {
    uint32_t first;
    uint32_t second;
  };

  PairTable() { Reserve(0); }
  // Empties the table and makes room for `count` pairs.
  void Reserve(size_t count) {
    slots_.assign(std::bit_ceil(2 * count + 2), Slot{kEmpty, {0, 0}});
    mask_ = slots_.size() - 1;
  }
  // Adds (left, right) -> value, or returns false when the pair is there already. Not more pairs
  // than were reserved; (2^32-1, 2^32-1) is no legal pair.
  bool Insert(uint32_t left, uint32_t right, Value value) {
    const uint64_t key = Key(left, right);
    size_t at = MixBits(key) & mask_;
    for (; slots_[at].key != kEmpty; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return false;
    }
    slots_[at] = {key, value};
    return true;
  }
  // The value of (left, right), or nullptr.
  const Value* Find(uint32_t left, uint32_t right) const {
    const uint64_t key = Key(left, right);
    for (size_t at = MixBits(key) & mask_;; at = (at + 1) & mask_) {
      if (slots_[at].key == key) return &slots_[at].value;
      if (slots_[at].key == kEmpty) return nullptr;
    }
  }

 private:
  struct Slot {
    uint64_t key;
    Value value;
  };
  static constexpr uint64_t kEmpty = ~uint64_t{0};
  static uint64_t Key(uint32_t left, uint32_t right) { return uint64_t{left} << 32 | right; }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

// Byte string -> id. It stores ids and hashes only: `piece(id)`, given to each call, returns the
// string of an id.
class PieceTable {
 public:
  PieceTable() { Reserve(0); }
  void Reserve(size_t count) {
    slots_.assign(std::bit_ceil(2 * count + 2), Slot{0, kEmpty});
    mask_ = slots_.size() - 1;
  }
  // Adds the string of `id`; returns false and changes nothing when an equal string is there.
  template <typename PieceOf>
  bool Insert(uint32_t id, const PieceOf& piece) {
    const std::string_view text = piece(id);
    const uint64_t hash = HashBytes(text);
    Slot& slot = slots_[Locate(text, hash, piece)];
    if (slot.id != kEmpty) return false;
    slot = {static_cast<uint32_t>(hash >> 32), id};
    return true;
  }
  // The id of `text`, or -1. `hash` must be HashBytes(text).
  template <typename PieceOf>
  int32_t Find(std::string_view text, uint64_t hash, const PieceOf& piece) const {
    return static_cast<int32_t>(slots_[Locate(text, hash, piece)].id);
  }

 private:
  struct Slot {
    uint32_t tag;
    uint32_t id;
  };
  static constexpr uint32_t kEmpty = ~uint32_t{0};

  template <typename PieceOf>
  size_t Locate(std::string_view text, uint64_t hash, const PieceOf& piece) const {
    const uint32_t tag = static_cast<uint32_t>(hash >> 32);
    for (size_t at = hash & mask_;; at = (at + 1) & mask_) {
      const Slot& slot = slots_[at];
      if (slot.id == kEmpty || (slot.tag == tag && piece(slot.id) == text)) return at;
    }
  }

  std::vector<Slot> slots_;
  size_t mask_ = 0;
};

}  // namespace burin
