// One step of the scheduler: what goes into a Forward call, and what is made of the logits.
#include <algorithm>

#include "base/check.h"
#include "serve/adapters.h"
#include "serve/scheduler.h"
#include "serve/work.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

// Prompt tokens that one sequence brings to a step when others wait with theirs, and the least that
// all of them bring beside a full batch of writers.
constexpr int64_t kPromptShare = 64, kLeastPromptTokens = 32;
// Logits of prompt tokens that are kept for one step.
constexpr int64_t kPromptLogits = int64_t{1} << 22;
// News of steps shorter than this is told together, but for a first token: waking a thread, a chunk
// and a packet cost as much as a small model's token.
constexpr std::chrono::microseconds kTellEvery{2000};
// Logits in a step above which the pool draws, too.
constexpr int64_t kParallelLogits = int64_t{1} << 16;

double Seconds(Clock::duration time) { return std::chrono::duration<double>(time).count(); }

NewToken Described(int32_t id, std::span<const int32_t> logits, int64_t count) {
  NewToken token{id, 0, {}};
  if (count < 0) return token;
  token.logprob = logits[static_cast<size_t>(id)] * 0x1p-16 - LogSumExp(logits);
  token.top = TopLogProbs(logits, static_cast<size_t>(count));
  return token;
}

}  // namespace

// A cache with what is known of the prompt.
Status Scheduler::StartPrompt(Work& work) {
  std::vector<KvStore::Peer> peers;
  for (const auto& other : work_) {
    if (!other->cache || other->cache->length() == 0 || !other->request().reuse_prompt) continue;
    const auto held = std::span(other->ids).first(static_cast<size_t>(other->cache->length()));
    peers.push_back({held, &*other->cache, AdapterIdOf(other->request())});
  }
  const bool reuse = work.request().reuse_prompt && !work.request().prompt_logprobs;
  BURIN_ASSIGN(KvCache cache, kv_.Acquire(work.request().prompt, work.positions,
                                          AdapterIdOf(work.request()), reuse, peers));
  work.times.started = Clock::now();
  work.times.cached_tokens = cache.length();
  work.cache.emplace(std::move(cache));
  metrics_.CountPrefix(work.prompt_size(), work.times.cached_tokens,
                       Seconds(work.times.started - work.times.submitted));
  return {};
}

void Scheduler::AddChunk(Work& work, int64_t tokens) {
  const int64_t begin = work.cache->length();
  work.chunk_begin = begin;
  work.chunk_tokens = tokens;
  Chunk chunk;
  chunk.cache = &*work.cache;
  chunk.tokens =
      std::span(work.ids).subspan(static_cast<size_t>(begin), static_cast<size_t>(tokens));
  if (work.in_prompt() && work.request().prompt_logprobs) {
    work.prompt_logits.resize(static_cast<size_t>(tokens) * work.logits.size());
    chunk.wanted = LogitsWanted::kAll;
    chunk.logits = work.prompt_logits;
  } else if (begin + tokens == static_cast<int64_t>(work.ids.size())) {
    chunk.wanted = LogitsWanted::kLast;
    chunk.logits = work.logits;
  }
  SetAdapter(chunk, work.request().adapter.get());
  chunks_.push_back(chunk);
  in_step_.push_back(&work);
}

// Shares `tokens` among the prompts; who goes first changes from step to step. A prompt that
// another sequence computes right now waits for it.
void Scheduler::PlanPrompts(int64_t tokens) {
  std::vector<Work*> prompts;
  for (const auto& work : work_) {
    if (work->in_prompt()) prompts.push_back(work.get());
  }
  if (prompts.empty()) return;
  const int64_t share = std::max(kPromptShare, tokens / static_cast<int64_t>(prompts.size()));
  ++turn_;
  for (size_t i = 0; i < prompts.size() && tokens > 0; ++i) {
    Work& work = *prompts[(turn_ + i) % prompts.size()];
    if (!work.cache) {
      const bool computed = std::ranges::any_of(prompts, [&work](const Work* other) {
        return other->cache && other->request().reuse_prompt && work.request().reuse_prompt &&
               AdapterIdOf(other->request()) == AdapterIdOf(work.request()) &&
               !work.request().prompt_logprobs && other->request().prompt == work.request().prompt;
      });
      if (computed) continue;
      if (!StartPrompt(work)) {  // the system has no memory
        work.ended = EndReason::kNoMemory;
        continue;
      }
    }
    int64_t count = std::min({share, tokens, work.prompt_size() - work.cache->length()});
    if (work.request().prompt_logprobs) {
      count = std::min(count, std::max<int64_t>(1, kPromptLogits / std::ssize(work.logits)));
    }
    AddChunk(work, count);
    step_prompt_tokens_ += count;
    tokens -= count;
  }
}

void Scheduler::Step() {
  const auto start = Clock::now();
  chunks_.clear();
  in_step_.clear();
  step_prompt_tokens_ = 0;
  for (const auto& work : work_) {
    if (!work->in_prompt()) AddChunk(*work, 1);
  }
  const auto writers = static_cast<int64_t>(chunks_.size());
  PlanPrompts(std::max(kLeastPromptTokens, kPassTokens - writers));
  // Prompts make a long step: what is there is told before.
  if (step_prompt_tokens_ > 0) {
    for (const auto& work : work_) Deliver(*work, true);
  }
  if (!chunks_.empty()) {
    const Status done = emulator_.Forward(chunks_, workspace_);
    BURIN_CHECK(done);  // ids and lengths were checked when the request came
  }
  for (Work* work : in_step_) {
    if (work->request().prompt_logprobs && work->chunk_begin < work->prompt_size()) {
      TakePromptLogits(*work);
    }
  }
  const auto drawing = std::partition(in_step_.begin(), in_step_.end(), [](const Work* work) {
    return work->cache->length() == static_cast<int64_t>(work->ids.size());
  });
  in_step_.erase(drawing, in_step_.end());
  const auto vocab = emulator_.model().config.vocab;
  if (pool_ != nullptr && in_step_.size() > 1 && std::ssize(in_step_) * vocab > kParallelLogits) {
    pool_->ForEach(in_step_.size(), [this](size_t i) { Sample(*in_step_[i]); });
  } else {
    for (Work* work : in_step_) Sample(*work);
  }
  const auto now = Clock::now();
  int64_t fresh = 0;
  for (Work* work : in_step_) {
    if (work->fresh.empty()) continue;
    const bool first = work->times.first_token == Clock::time_point{};
    metrics_.CountToken(Seconds(now - (first ? work->times.submitted : work->last_token)), first);
    if (first) work->times.first_token = now;
    work->last_token = now;
    ++fresh;
  }
  metrics_.CountStep(Seconds(now - start), step_prompt_tokens_, fresh,
                     static_cast<int64_t>(chunks_.size()));
  const bool tell = now - told_ >= kTellEvery;
  if (tell) told_ = now;
  bool ended = false;
  for (const auto& work : work_) {
    Deliver(*work, tell || (!work->fresh.empty() && work->new_tokens() == 1));
    ended |= work->ended.has_value();
  }
  if (ended) RemoveEnded();
}

// Position j of the chunk says what the prompt's id j + 1 should be.
void Scheduler::TakePromptLogits(Work& work) {
  const size_t vocab = work.logits.size();
  for (int64_t j = 0; j < work.chunk_tokens; ++j) {
    const auto logits =
        std::span(work.prompt_logits).subspan(static_cast<size_t>(j) * vocab, vocab);
    const auto next = static_cast<size_t>(work.chunk_begin + j + 1);
    if (next < work.request().prompt.size()) {
      work.fresh_prompt.push_back(
          Described(work.request().prompt[next], logits, work.request().logprobs));
    } else {
      std::copy(logits.begin(), logits.end(), work.logits.begin());
    }
  }
  if (!work.in_prompt()) work.prompt_logits = {};
}

// From the logits after the last id to the next one, or the end. May run on the pool.
void Scheduler::Sample(Work& work) {
  if (work.new_tokens() >= work.request().max_tokens) {
    work.ended = EndReason::kLength;  // max_tokens is 0: only the prompt was wanted
    return;
  }
  std::vector<int32_t> plain;
  if (work.request().logprobs >= 0 && work.penalties.active()) plain = work.logits;
  const std::optional<int32_t> id = work.Draw();
  if (!id) {
    work.ended = EndReason::kConstraint;
    return;
  }
  if (std::ranges::find(work.request().stop_ids, *id) != work.request().stop_ids.end()) {
    work.ended = EndReason::kStopId;
    return;
  }
  work.fresh.push_back(
      Described(*id, plain.empty() ? work.logits : plain, work.request().logprobs));
  work.ids.push_back(*id);
  work.penalties.Count(*id);
  if (work.request().constraint && !work.request().constraint->Advance(*id)) {
    work.ended = EndReason::kConstraint;
  } else if (work.new_tokens() == work.request().max_tokens) {
    work.ended = EndReason::kLength;
  } else if (work.cache->length() == work.cache->capacity()) {
    work.ended = EndReason::kContext;
  }
}

// Puts what is new into the mailbox.
void Scheduler::Deliver(Work& work, bool tell) {
  if (work.fresh.empty() && work.fresh_prompt.empty() && !tell) return;
  if (work.ended) return;  // End tells all
  bool any = false;
  work.sequence->Post(false, [&](Sequence::News& news) {
    std::ranges::move(work.fresh_prompt, std::back_inserter(news.prompt));
    std::ranges::move(work.fresh, std::back_inserter(news.tokens));
    news.times = work.times;
    any = !news.prompt.empty() || !news.tokens.empty();
  });
  work.fresh_prompt.clear();
  work.fresh.clear();
  if (tell && any) work.sequence->Post(true, [](Sequence::News&) {});
}

}  // namespace burin
