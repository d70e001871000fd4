// Who is next: clients take turns, so that one with a thousand requests does not keep the others
// waiting. The next sequence is the oldest one of the client that has the fewest at work; of equals
// the one that waits longest.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "serve/sequence.h"

namespace burin {

class FairQueue {
 public:
  void Push(std::shared_ptr<Sequence> sequence);
  int64_t size() const { return size_; }
  // The next one, which stays; null when nobody waits.
  const std::shared_ptr<Sequence>& Peek() const;
  // Takes the next one out; it is at work until Done.
  std::shared_ptr<Sequence> Pop();
  void Done(const Sequence& sequence);
  // Takes out those for which `condition` holds.
  template <typename Condition>
  std::vector<std::shared_ptr<Sequence>> RemoveIf(Condition condition) {
    std::vector<std::shared_ptr<Sequence>> removed;
    for (auto& [name, client] : clients_) {
      std::erase_if(client.waiting, [&](const Entry& entry) {
        if (!condition(*entry.sequence)) return false;
        removed.push_back(entry.sequence);
        return true;
      });
    }
    size_ -= static_cast<int64_t>(removed.size());
    std::erase_if(clients_, [](const auto& c) { return c.second.empty(); });
    return removed;
  }

 private:
  struct Entry {
    uint64_t number;
    std::shared_ptr<Sequence> sequence;
  };
  struct Client {
    std::deque<Entry> waiting;
    int64_t at_work = 0;
    bool empty() const { return waiting.empty() && at_work == 0; }
  };
  using Clients = std::map<std::string, Client>;
  Clients::const_iterator Next() const;

  Clients clients_;  // none is empty
  int64_t size_ = 0;
  uint64_t pushed_ = 0;
};

}  // namespace burin
