// Keys and values of sequences at work and of ended ones, whose prefixes later prompts may share.
// A budget in positions bounds both together; ended ones give way, least recently used first.
// One thread at a time.
#pragma once

#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "emu/emulator.h"

namespace burin {

class KvStore {
 public:
  KvStore(const Emulator& emulator, int64_t budget_positions)
      : emulator_(emulator), budget_(budget_positions) {}

  // Promises room for a sequence of `positions`; false when those at work hold too much of it.
  bool Reserve(int64_t positions);
  void Unreserve(int64_t positions) { reserved_ -= positions; }

  // A sequence at work whose prefix may be shared.
  struct Peer {
    std::span<const int32_t> held;  // the ids of the positions that its cache holds
    const KvCache* cache;
    uint64_t adapter;
  };

  // A cache for `prompt` with room for `positions`, which are reserved. It holds the longest prefix
  // of the prompt that an ended sequence or one of `peers` with the same adapter has; all but the
  // last id at most, and nothing when `reuse` is false. Errors: kIo when the system has no memory.
  Result<KvCache> Acquire(std::span<const int32_t> prompt, int64_t positions, uint64_t adapter,
                          bool reuse, std::span<const Peer> peers);

  // Keeps an ended sequence's cache, whose positions hold the ids `held`. To be called after
  // Unreserve.
  void Retain(KvCache cache, std::vector<int32_t> held, uint64_t adapter);
  // Forgets what `adapter` left.
  void ForgetAdapter(uint64_t adapter);

  int64_t budget() const { return budget_; }
  int64_t reserved() const { return reserved_; }
  int64_t retained() const { return retained_; }

 private:
  struct Ended {
    KvCache cache;
    std::vector<int32_t> held;
    uint64_t adapter;
  };
  void Evict();  // makes room
  void Drop(std::list<Ended>::iterator it);

  const Emulator& emulator_;
  const int64_t budget_;
  int64_t reserved_ = 0;
  int64_t retained_ = 0;    // positions of capacity of those ended
  std::list<Ended> ended_;  // most recently used first
};

}  // namespace burin
