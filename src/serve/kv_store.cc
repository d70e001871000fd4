#include "serve/kv_store.h"

#include <algorithm>

namespace burin {
namespace {

// Shorter common prefixes (a BOS, a role) are not worth a copy.
constexpr int64_t kShortestPrefix = 8;
constexpr size_t kMostEnded = 256;

int64_t CommonPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return std::ranges::mismatch(a, b).in1 - a.begin();
}

}  // namespace

bool KvStore::Reserve(int64_t positions) {
  if (positions > budget_ - reserved_) return false;
  reserved_ += positions;
  return true;
}

void KvStore::Drop(std::list<Ended>::iterator it) {
  retained_ -= it->cache.capacity();
  ended_.erase(it);
}

void KvStore::Evict() {
  while (reserved_ + retained_ > budget_ && !ended_.empty()) Drop(std::prev(ended_.end()));
}

Result<KvCache> KvStore::Acquire(std::span<const int32_t> prompt, int64_t positions,
                                 uint64_t adapter, bool reuse, std::span<const Peer> peers) {
  const auto most = static_cast<int64_t>(prompt.size()) - 1;
  auto best = ended_.end();
  const KvCache* source = nullptr;
  int64_t length = kShortestPrefix - 1;
  if (reuse) {
    for (auto it = ended_.begin(); it != ended_.end(); ++it) {
      if (it->adapter != adapter) continue;
      const int64_t common = std::min(most, CommonPrefix(prompt, it->held));
      if (common > length) best = it, source = &it->cache, length = common;
    }
    for (const Peer& peer : peers) {
      if (peer.adapter != adapter) continue;
      const int64_t common = std::min(most, CommonPrefix(prompt, peer.held));
      if (common > length) best = ended_.end(), source = peer.cache, length = common;
    }
  }
  // A conversation that goes on: its own cache, without a copy.
  if (best != ended_.end() && best->cache.capacity() >= positions &&
      best->cache.capacity() <= positions + positions / 4 && best->cache.length() <= length + 1) {
    KvCache cache = std::move(best->cache);
    retained_ -= cache.capacity();
    ended_.erase(best);
    Evict();
    cache.Truncate(std::min(length, cache.length()));
    return cache;
  }
  BURIN_ASSIGN(KvCache cache, emulator_.NewCache(positions));
  if (source != nullptr) {
    BURIN_TRY(cache.CopyPrefix(*source, length));
    if (best != ended_.end()) ended_.splice(ended_.begin(), ended_, best);
  }
  Evict();
  return cache;
}

void KvStore::Retain(KvCache cache, std::vector<int32_t> held, uint64_t adapter) {
  if (held.size() < static_cast<size_t>(kShortestPrefix)) return;
  for (auto it = ended_.begin(); it != ended_.end();) {  // the new one says what these say
    const auto next = std::next(it);
    if (it->adapter == adapter && it->held.size() <= held.size() &&
        CommonPrefix(it->held, held) == static_cast<int64_t>(it->held.size())) {
      Drop(it);
    }
    it = next;
  }
  retained_ += cache.capacity();
  ended_.push_front({std::move(cache), std::move(held), adapter});
  if (ended_.size() > kMostEnded) Drop(std::prev(ended_.end()));
  Evict();
}

void KvStore::ForgetAdapter(uint64_t adapter) {
  for (auto it = ended_.begin(); it != ended_.end();) {
    const auto next = std::next(it);
    if (it->adapter == adapter) Drop(it);
    it = next;
  }
}

}  // namespace burin
