// One text in the making: what was asked for, and a mailbox from the scheduler to whoever answers.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "emu/sampler.h"
#include "emu/token_constraint.h"

namespace burin {

struct LoadedAdapter;

struct SequenceRequest {
  std::vector<int32_t> prompt;  // at least one id, all in the vocabulary
  SamplerSettings sampling = {};
  // Subtracted from the logits of ids in the new text, natural-log units: presence once an id,
  // frequency for each time that it is there (OpenAI's definition).
  double presence_penalty = 0, frequency_penalty = 0;
  std::vector<int32_t> stop_ids = {};
  int64_t max_tokens = 0;  // >= 0; prompt and text must fit the context
  uint64_t stream = 0;     // tells sequences of one seed apart
  // Log-probabilities of each new id and of so many of the likeliest; -1: none.
  int64_t logprobs = -1;
  bool prompt_logprobs = false;  // the same for the prompt; prompt reuse is off then
  bool reuse_prompt = true;      // may use, and leave, keys and values of equal prompts
  std::shared_ptr<TokenConstraint> constraint = nullptr;
  std::shared_ptr<const LoadedAdapter> adapter = nullptr;  // null: the cartridge alone
  std::string client = {};                                 // clients take turns (fair_queue.h)
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
};

struct NewToken {
  int32_t id = 0;
  double logprob = 0;             // when asked for; of the model, before penalties and temperature
  std::vector<TokenLogProb> top;  // likeliest first
};

enum class EndReason : uint8_t {
  kStopId,      // the model ended the text
  kLength,      // max_tokens are there
  kContext,     // the context is full
  kConstraint,  // the grammar is complete and nothing can follow
  kCancelled,   // Cancel()
  kDeadline,    // the request took too long
  kNoMemory,    // the system had none for the cache
  kStopped,     // the server ends
};

struct SequenceTimes {
  std::chrono::steady_clock::time_point submitted, admitted, started, first_token, ended;
  int64_t cached_tokens = 0;  // of the prompt, taken from an equal prefix
};

class Sequence {
 public:
  // `wake` is called from the scheduler's thread when there is news; not again before Take.
  Sequence(SequenceRequest wanted, std::function<void()> wake)
      : request(std::move(wanted)), wake_(std::move(wake)) {}

  const SequenceRequest request;

  struct News {
    std::vector<NewToken> prompt;  // for ids 1.. of the prompt, when asked for; at once
    std::vector<NewToken> tokens;
    std::optional<EndReason> ended;
    SequenceTimes times;  // as far as known
  };
  // What came since the last call. Any thread.
  News Take() {
    const std::lock_guard lock(mutex_);
    awake_ = false;
    News news = std::move(news_);
    news_ = {};
    news_.times = news.times;
    return news;
  }
  // The rest is not wanted. Any thread; kCancelled follows unless the sequence has ended.
  void Cancel() { cancelled_ = true; }
  bool cancelled() const { return cancelled_; }

  // For the scheduler: changes the mailbox; `wake` if it is time to tell.
  template <typename Change>
  void Post(bool wake, Change change) {
    bool call = false;
    {
      const std::lock_guard lock(mutex_);
      change(news_);
      call = wake && !awake_;
      if (call) awake_ = true;
    }
    if (call) wake_();
  }

 private:
  const std::function<void()> wake_;
  std::atomic<bool> cancelled_{false};
  std::mutex mutex_;
  News news_;
  bool awake_ = false;
};

}  // namespace burin
