#include "serve/scheduler.h"

#include <algorithm>

#include "base/check.h"
#include "serve/work.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

}  // namespace

Scheduler::Scheduler(const Emulator& emulator, ThreadPool* pool, Metrics& metrics,
                     SchedulerOptions options)
    : emulator_(emulator),
      pool_(pool),
      metrics_(metrics),
      options_(options),
      kv_(emulator, options.kv_positions) {
  BURIN_CHECK(options.max_sequences >= 1 && options.max_waiting >= 1 && options.kv_positions >= 1);
  state_.kv_budget = options.kv_positions;
  thread_ = std::thread([this] { Run(); });
}

Scheduler::~Scheduler() { Stop(); }

int64_t Scheduler::PositionsOf(const SequenceRequest& request) const {
  // The last new token never enters the cache.
  const auto prompt = static_cast<int64_t>(request.prompt.size());
  return std::min(emulator_.model().context, prompt + std::max<int64_t>(0, request.max_tokens - 1));
}

tl::expected<void, Refusal> Scheduler::Submit(std::span<const std::shared_ptr<Sequence>> group) {
  for (const auto& sequence : group) {
    const int64_t positions = PositionsOf(sequence->request);
    if (positions > options_.kv_positions) {
      return tl::unexpected(
          Refusal{Refusal::Kind::kNeverFits, positions, options_.kv_positions, 0});
    }
  }
  const std::lock_guard lock(mutex_);
  if (stop_) return tl::unexpected(Refusal{Refusal::Kind::kStopping, 0, 0, 1});
  const auto count = static_cast<int64_t>(group.size());
  if (queue_.size() + count > options_.max_waiting) {
    const double rounds =
        static_cast<double>(queue_.size()) / static_cast<double>(options_.max_sequences);
    const double seconds = std::clamp((1 + rounds) * metrics_.MeanRequestSeconds(), 1.0, 60.0);
    return tl::unexpected(Refusal{Refusal::Kind::kQueueFull, queue_.size(), options_.max_waiting,
                                  static_cast<int>(seconds + 0.999)});
  }
  const auto now = Clock::now();
  for (const auto& sequence : group) {
    sequence->Post(false, [&](Sequence::News& news) { news.times.submitted = now; });
    queue_.Push(sequence);
  }
  state_.waiting = queue_.size();
  changed_.notify_one();
  return {};
}

SchedulerState Scheduler::state() const {
  const std::lock_guard lock(mutex_);
  return state_;
}

void Scheduler::ForgetAdapter(uint64_t adapter) {
  const std::lock_guard lock(mutex_);
  forgotten_.push_back(adapter);
  changed_.notify_one();
}

void Scheduler::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    changed_.notify_one();
  }
  if (thread_.joinable()) thread_.join();
}

void Scheduler::Run() {
  while (AdmitAndSweep()) {
    if (!work_.empty()) Step();
  }
  for (const auto& work : work_) End(*work, EndReason::kStopped);
  RemoveEnded();
  std::vector<std::shared_ptr<Sequence>> waiting;
  {
    const std::lock_guard lock(mutex_);
    waiting = queue_.RemoveIf([](const Sequence&) { return true; });
    state_.waiting = 0;
  }
  for (const auto& sequence : waiting) {
    sequence->Post(true, [](Sequence::News& news) { news.ended = EndReason::kStopped; });
  }
}

// Waits for work; false when the scheduler stops.
bool Scheduler::AdmitAndSweep() {
  std::vector<std::shared_ptr<Sequence>> gone;
  auto now = Clock::now();
  {
    std::unique_lock lock(mutex_);
    while (!stop_ && work_.empty() && queue_.size() == 0 && forgotten_.empty()) changed_.wait(lock);
    if (stop_) return false;
    for (const uint64_t adapter : forgotten_) kv_.ForgetAdapter(adapter);
    forgotten_.clear();
    if (queue_.size() > 0) {
      gone = queue_.RemoveIf([now](const Sequence& sequence) {
        return sequence.cancelled() || sequence.request.deadline <= now;
      });
      Admit(now);
    }
    state_.waiting = queue_.size();
    state_.running = static_cast<int64_t>(work_.size());
    state_.kv_reserved = kv_.reserved();
    state_.kv_retained = kv_.retained();
  }
  for (const auto& sequence : gone) {
    const auto reason = sequence->cancelled() ? EndReason::kCancelled : EndReason::kDeadline;
    sequence->Post(true, [&](Sequence::News& news) {
      news.ended = reason;
      news.times.ended = now;
      metrics_.CountEnd(reason, news.times, static_cast<int64_t>(sequence->request.prompt.size()),
                        0);
    });
  }
  Sweep(now);
  return true;
}

void Scheduler::Sweep(Clock::time_point now) {
  bool any = false;
  for (const auto& work : work_) {
    if (work->sequence->cancelled()) {
      End(*work, EndReason::kCancelled);
    } else if (work->request().deadline <= now) {
      End(*work, EndReason::kDeadline);
    }
    any |= work->ended.has_value();
  }
  if (any) RemoveEnded();
}

// From the queue to work, as long as there is room. The next one is not passed over when it is too
// long for the room that is left: it would wait for ever.
void Scheduler::Admit(Clock::time_point now) {
  while (queue_.size() > 0 && static_cast<int64_t>(work_.size()) < options_.max_sequences) {
    const int64_t positions = PositionsOf(queue_.Peek()->request);
    if (!kv_.Reserve(positions)) return;
    std::shared_ptr<Sequence> sequence = queue_.Pop();
    const int64_t vocab = emulator_.model().config.vocab;
    auto sampler = Sampler::Create(sequence->request.sampling, vocab);
    BURIN_CHECK(sampler);  // the request's settings were checked
    auto work = std::make_unique<Work>(std::move(sequence), std::move(*sampler), vocab);
    work->positions = positions;
    work->sequence->Post(false, [&](Sequence::News& news) {
      news.times.admitted = now;
      work->times = news.times;
    });
    work_.push_back(std::move(work));
  }
}

void Scheduler::End(Work& work, EndReason reason) { work.ended = reason; }

// Takes those that ended out, keeps their caches for others, and tells them; by then the room that
// they leave can be seen.
void Scheduler::RemoveEnded() {
  const auto middle = std::stable_partition(work_.begin(), work_.end(),
                                            [](const auto& work) { return !work->ended; });
  std::vector<std::unique_ptr<Work>> ended(std::make_move_iterator(middle),
                                           std::make_move_iterator(work_.end()));
  work_.erase(middle, work_.end());
  const auto now = Clock::now();
  for (const auto& work : ended) {
    work->times.ended = now;
    kv_.Unreserve(work->positions);
    if (work->cache && work->request().reuse_prompt) {
      std::vector<int32_t> held(work->ids.begin(), work->ids.begin() + work->cache->length());
      kv_.Retain(std::move(*work->cache), std::move(held), AdapterIdOf(work->request()));
    }
    work->cache.reset();
    metrics_.CountEnd(*work->ended, work->times, work->prompt_size(), work->new_tokens());
  }
  {
    const std::lock_guard lock(mutex_);
    for (const auto& work : ended) queue_.Done(*work->sequence);
    state_.running = static_cast<int64_t>(work_.size());
    state_.kv_reserved = kv_.reserved();
    state_.kv_retained = kv_.retained();
  }
  for (const auto& work : ended) {
    work->sequence->Post(true, [&](Sequence::News& news) {
      std::ranges::move(work->fresh_prompt, std::back_inserter(news.prompt));
      std::ranges::move(work->fresh, std::back_inserter(news.tokens));
      news.times = work->times;
      news.ended = work->ended;
    });
  }
}

}  // namespace burin
