#include "serve/fair_queue.h"

#include "base/check.h"

namespace burin {

void FairQueue::Push(std::shared_ptr<Sequence> sequence) {
  Client& client = clients_[sequence->request.client];
  client.waiting.push_back({pushed_++, std::move(sequence)});
  ++size_;
}

FairQueue::Clients::const_iterator FairQueue::Next() const {
  auto best = clients_.end();
  for (auto it = clients_.begin(); it != clients_.end(); ++it) {
    if (it->second.waiting.empty()) continue;
    if (best == clients_.end() || it->second.at_work < best->second.at_work ||
        (it->second.at_work == best->second.at_work &&
         it->second.waiting.front().number < best->second.waiting.front().number)) {
      best = it;
    }
  }
  return best;
}

const std::shared_ptr<Sequence>& FairQueue::Peek() const {
  static const std::shared_ptr<Sequence> kNone;
  const auto next = Next();
  return next == clients_.end() ? kNone : next->second.waiting.front().sequence;
}

std::shared_ptr<Sequence> FairQueue::Pop() {
  const auto next = Next();
  BURIN_CHECK(next != clients_.end());
  Client& client = clients_.find(next->first)->second;
  std::shared_ptr<Sequence> sequence = std::move(client.waiting.front().sequence);
  client.waiting.pop_front();
  ++client.at_work;
  --size_;
  return sequence;
}

void FairQueue::Done(const Sequence& sequence) {
  const auto it = clients_.find(sequence.request.client);
  BURIN_CHECK(it != clients_.end() && it->second.at_work > 0);
  --it->second.at_work;
  if (it->second.empty()) clients_.erase(it);
}

}  // namespace burin
