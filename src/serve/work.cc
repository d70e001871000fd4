#include "serve/work.h"

#include <algorithm>
#include <cmath>

#include "numeric/fixed.h"
#include "serve/adapters.h"

namespace burin {
namespace {

int64_t LogitUnits(double penalty) {
  return static_cast<int64_t>(std::floor(penalty * 65536 + 0.5));
}

}  // namespace

uint64_t AdapterIdOf(const SequenceRequest& request) {
  return request.adapter ? request.adapter->id : 0;
}

TextPenalties::TextPenalties(double presence, double frequency)
    : presence_(LogitUnits(presence)), frequency_(LogitUnits(frequency)) {}

void TextPenalties::Apply(std::span<int32_t> logits) const {
  for (const auto& [id, count] : counts_) {  // each its own logit: the order does not matter
    int32_t& logit = logits[static_cast<size_t>(id)];
    logit = Saturate32(logit - presence_ - frequency_ * count);
  }
}

Scheduler::Work::Work(std::shared_ptr<Sequence> of, Sampler drawing, int64_t vocab)
    : sequence(std::move(of)),
      sampler(std::move(drawing)),
      penalties(request().presence_penalty, request().frequency_penalty),
      ids(request().prompt),
      logits(static_cast<size_t>(vocab)) {
  if (request().constraint) allowed.resize((logits.size() + 63) / 64);
}

std::optional<int32_t> Scheduler::Work::Draw() {
  if (penalties.active()) penalties.Apply(logits);
  if (!allowed.empty()) {
    request().constraint->Allowed(allowed);
    if (std::ranges::all_of(allowed, [](uint64_t word) { return word == 0; })) return std::nullopt;
  }
  return sampler.Sample(logits, ids, ids.size(), request().stream, allowed);
}

}  // namespace burin
