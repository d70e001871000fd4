// Keys and values of one sequence, as the chip's KV memory holds them (docs/numerics.md, section
// 9): a head vector is head_dim int8 mantissas and one exponent. Memory is reserved for the whole
// capacity and taken from the system only where positions are written.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "model/model.h"
#include "numeric/attention.h"

namespace burin {

class KvCache {
 public:
  // Room for `capacity` positions of a model of this geometry.
  // Errors: kBadInput when capacity is not in [1, context]; kIo when the system has no room.
  static Result<KvCache> Create(const ModelConfig& config, int64_t context, int64_t capacity);

  KvCache(KvCache&& other) noexcept;
  KvCache& operator=(KvCache&& other) noexcept;
  ~KvCache();

  int64_t layers() const { return layers_; }
  int64_t kv_heads() const { return kv_heads_; }
  int64_t head_dim() const { return head_dim_; }
  int64_t capacity() const { return capacity_; }
  // Positions held; the next token goes to this position.
  int64_t length() const { return length_; }
  // Bytes reserved, and bytes that `length()` positions take of them.
  uint64_t bytes() const { return bytes_; }
  uint64_t used_bytes() const;

  // Forgets positions [length, length()); 0 <= length <= length().
  void Truncate(int64_t length);

  // Becomes the first `length` positions of `source`: what is held now is lost. Same geometry.
  // Errors: kBadInput when they are more than `source` holds or this cache can.
  Status CopyPrefix(const KvCache& source, int64_t length);

  // [capacity][head_dim] mantissas and [capacity] exponents of one (layer, kv head).
  HeadCacheView Keys(int64_t layer, int64_t head) const { return View(layer, head, 0); }
  HeadCacheView Values(int64_t layer, int64_t head) const { return View(layer, head, 1); }

  // The two below are the emulator's: it writes positions from length() on, then counts them.
  // Different (layer, head, position) may be written by different threads.
  void Store(int64_t layer, int64_t head, int64_t position, const HeadVector& key,
             const HeadVector& value);
  void Advance(int64_t positions);

 private:
  KvCache() = default;
  // First byte of the mantissas of side 0 (keys) or 1 (values).
  uint64_t Offset(int64_t layer, int64_t head, int64_t side) const {
    return static_cast<uint64_t>((layer * kv_heads_ + head) * 2 + side) * side_bytes_;
  }
  HeadCacheView View(int64_t layer, int64_t head, int64_t side) const {
    const int8_t* begin = data_ + Offset(layer, head, side);
    return {begin, begin + exponents_offset_};
  }
  void StoreSide(uint64_t offset, int64_t position, const HeadVector& vector);

  int64_t layers_ = 0, kv_heads_ = 0, head_dim_ = 0, capacity_ = 0, length_ = 0;
  uint64_t exponents_offset_ = 0;  // from the mantissas of a side to its exponents
  uint64_t side_bytes_ = 0;        // mantissas and exponents of one side
  uint64_t bytes_ = 0;
  int8_t* data_ = nullptr;  // [layers][kv_heads][keys, values] sides, each 64-byte aligned
};

}  // namespace burin
