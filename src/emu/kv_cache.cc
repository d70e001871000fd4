#include "emu/kv_cache.h"

#include <sys/mman.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace burin {
namespace {

uint64_t RoundUp64(uint64_t bytes) { return (bytes + 63) / 64 * 64; }

}  // namespace

Result<KvCache> KvCache::Create(const ModelConfig& config, int64_t context, int64_t capacity) {
  if (capacity < 1 || capacity > context) {
    return BadInput("KV cache", fmt::format("a capacity of {} positions", capacity),
                    fmt::format("1 to {}, the context of the model", context));
  }
  KvCache cache;
  cache.layers_ = config.layers;
  cache.kv_heads_ = config.kv_heads;
  cache.head_dim_ = config.head_dim;
  cache.capacity_ = capacity;
  cache.exponents_offset_ = RoundUp64(static_cast<uint64_t>(capacity * config.head_dim));
  cache.side_bytes_ = cache.exponents_offset_ + RoundUp64(static_cast<uint64_t>(capacity));
  cache.bytes_ = static_cast<uint64_t>(config.layers * config.kv_heads * 2) * cache.side_bytes_;
  void* data = mmap(nullptr, cache.bytes_, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (data == MAP_FAILED) {
    return IoError("KV cache",
                   fmt::format("no room for {} bytes: {}", cache.bytes_, std::strerror(errno)), {},
                   "Ask for a shorter context or fewer sequences");
  }
  cache.data_ = static_cast<int8_t*>(data);
  return cache;
}

KvCache::KvCache(KvCache&& other) noexcept { *this = std::move(other); }

KvCache& KvCache::operator=(KvCache&& other) noexcept {
  std::swap(layers_, other.layers_);
  std::swap(kv_heads_, other.kv_heads_);
  std::swap(head_dim_, other.head_dim_);
  std::swap(capacity_, other.capacity_);
  std::swap(length_, other.length_);
  std::swap(exponents_offset_, other.exponents_offset_);
  std::swap(side_bytes_, other.side_bytes_);
  std::swap(bytes_, other.bytes_);
  std::swap(data_, other.data_);
  return *this;
}

KvCache::~KvCache() {
  if (data_ != nullptr) munmap(data_, bytes_);
}

uint64_t KvCache::used_bytes() const {
  return static_cast<uint64_t>(layers_ * kv_heads_ * 2 * length_ * (head_dim_ + 1));
}

void KvCache::Truncate(int64_t length) {
  BURIN_CHECK(length >= 0 && length <= length_);
  length_ = length;
}

Status KvCache::CopyPrefix(const KvCache& source, int64_t length) {
  BURIN_CHECK(layers_ == source.layers_ && kv_heads_ == source.kv_heads_ &&
              head_dim_ == source.head_dim_);
  if (length < 0 || length > source.length_ || length > capacity_) {
    return BadInput(
        "KV cache", fmt::format("a prefix of {} positions", length),
        fmt::format("0 to {} held by the source, and a capacity of {}", source.length_, capacity_));
  }
  for (int64_t layer = 0; layer < layers_; ++layer) {
    for (int64_t head = 0; head < kv_heads_; ++head) {
      for (int64_t side = 0; side < 2; ++side) {
        const HeadCacheView from = source.View(layer, head, side);
        int8_t* to = data_ + Offset(layer, head, side);
        std::memcpy(to, from.mantissas, static_cast<size_t>(length * head_dim_));
        std::memcpy(to + exponents_offset_, from.exponents, static_cast<size_t>(length));
      }
    }
  }
  length_ = length;
  return {};
}

void KvCache::StoreSide(uint64_t offset, int64_t position, const HeadVector& vector) {
  int8_t* side = data_ + offset;
  std::memcpy(side + position * head_dim_, vector.mantissas, static_cast<size_t>(head_dim_));
  side[exponents_offset_ + static_cast<uint64_t>(position)] = static_cast<int8_t>(vector.exponent);
}

void KvCache::Store(int64_t layer, int64_t head, int64_t position, const HeadVector& key,
                    const HeadVector& value) {
  BURIN_CHECK(position >= length_ && position < capacity_);
  StoreSide(Offset(layer, head, 0), position, key);
  StoreSide(Offset(layer, head, 1), position, value);
}

void KvCache::Advance(int64_t positions) {
  BURIN_CHECK(positions >= 0 && length_ + positions <= capacity_);
  length_ += positions;
}

}  // namespace burin
