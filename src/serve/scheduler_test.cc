#include "serve/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "emu/generate.h"
#include "emu/test_model.h"

namespace burin {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

const KernelSet& TestKernels() { return **FindKernelSet(""); }

std::vector<int32_t> SomeIds(int64_t count, int64_t seed) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i)
    ids.push_back(static_cast<int32_t>((seed * 31 + i * 7919) % 130));
  return ids;
}

// Requests of every kind: greedy and drawn, short and long, with and without reuse.
SequenceRequest MixedRequest(int64_t number) {
  SequenceRequest request;
  request.prompt = SomeIds(1 + number * 7 % 60, number % 5);
  request.sampling.temperature = number % 3 == 0 ? 0 : 0.8;
  request.sampling.top_p = number % 4 == 0 ? 0.9 : 1;
  request.sampling.top_k = number % 5 == 0 ? 20 : 0;
  request.sampling.repetition_penalty = number % 6 == 0 ? 1.2 : 1;
  request.sampling.seed = static_cast<uint64_t>(number);
  request.presence_penalty = number % 7 == 0 ? 1.5 : 0;
  request.frequency_penalty = number % 8 == 0 ? -0.5 : 0;
  request.stop_ids = {3, 17};
  request.max_tokens = 1 + number * 5 % 30;
  request.stream = static_cast<uint64_t>(number % 3);
  request.logprobs = number % 2 == 0 ? 3 : -1;
  request.prompt_logprobs = number % 10 == 0;
  request.reuse_prompt = number % 9 != 0;
  request.client = std::to_string(number % 4);
  return request;
}

struct Outcome {
  std::vector<int32_t> ids;
  std::vector<double> logprobs, prompt_logprobs;
  EndReason end = EndReason::kStopped;
  bool operator==(const Outcome&) const = default;
};

class SchedulerTest : public ::testing::Test {
 protected:
  void Start(SchedulerOptions options = {8, 512, 4000}, int threads = 1) {
    scheduler_.reset();
    pool_ = std::make_unique<ThreadPool>(threads);
    ThreadPool* pool = threads > 1 ? pool_.get() : nullptr;
    emulator_ = std::make_unique<Emulator>(model_.model, TestKernels(), pool);
    scheduler_ = std::make_unique<Scheduler>(*emulator_, pool, metrics_, options);
  }
  std::shared_ptr<Sequence> Submit(SequenceRequest request) {
    auto sequence = std::make_shared<Sequence>(std::move(request), [] {});
    EXPECT_TRUE(scheduler_->Submit({&sequence, 1}));
    return sequence;
  }
  static Outcome Wait(Sequence& sequence) {
    Outcome outcome;
    const auto end = steady_clock::now() + std::chrono::seconds(60);
    while (steady_clock::now() < end) {
      Sequence::News news = sequence.Take();
      for (const NewToken& token : news.tokens) {
        outcome.ids.push_back(token.id);
        if (sequence.request.logprobs >= 0) outcome.logprobs.push_back(token.logprob);
      }
      for (const NewToken& token : news.prompt) outcome.prompt_logprobs.push_back(token.logprob);
      if (news.ended) {
        outcome.end = *news.ended;
        return outcome;
      }
      std::this_thread::sleep_for(milliseconds(1));
    }
    ADD_FAILURE() << "no end";
    return outcome;
  }
  // Until the scheduler has nothing to do.
  void WaitIdle() {
    for (int i = 0; i < 5000; ++i) {
      const SchedulerState state = scheduler_->state();
      if (state.running == 0 && state.waiting == 0) return;
      std::this_thread::sleep_for(milliseconds(1));
    }
    ADD_FAILURE() << "never idle";
  }

  TestModel model_{TestModelOptions{}};
  Metrics metrics_;
  std::unique_ptr<ThreadPool> pool_;
  std::unique_ptr<Emulator> emulator_;
  std::unique_ptr<Scheduler> scheduler_;
};

TEST_F(SchedulerTest, WritesWhatGenerateWrites) {
  Start();
  for (const double temperature : {0.0, 0.9}) {
    SequenceRequest request;
    request.prompt = SomeIds(20, 3);
    request.sampling.temperature = temperature;
    request.sampling.seed = 5;
    request.max_tokens = 40;
    request.stream = 2;
    KvCache cache = *emulator_->NewCache(96);
    GenerateOptions options;
    options.sampling = request.sampling;
    options.max_tokens = request.max_tokens;
    options.stream = request.stream;
    Workspace workspace;
    const auto expected = Generate(*emulator_, cache, request.prompt, options, workspace);
    const auto sequence = Submit(request);
    const Outcome outcome = Wait(*sequence);
    EXPECT_EQ(outcome.ids, expected->tokens);
    EXPECT_EQ(outcome.end, EndReason::kLength);
  }
}

// The promise: a request's text depends on the request alone.
TEST_F(SchedulerTest, SameTextAloneAndBesideOthers) {
  constexpr int64_t kRequests = 60;
  std::vector<Outcome> alone;
  Start({1, 512, 4000});
  for (int64_t i = 0; i < kRequests; ++i) alone.push_back(Wait(*Submit(MixedRequest(i))));
  for (const int threads : {1, 3}) {
    Start({16, 512, 4000}, threads);
    std::vector<std::shared_ptr<Sequence>> all;
    for (int64_t i = 0; i < kRequests; ++i) all.push_back(Submit(MixedRequest(i)));
    for (int64_t i = 0; i < kRequests; ++i) {
      EXPECT_EQ(Wait(*all[static_cast<size_t>(i)]), alone[static_cast<size_t>(i)]) << i;
    }
  }
}

TEST_F(SchedulerTest, PromptLogprobsEqualThoseOfTheText) {
  Start();
  SequenceRequest request;
  request.prompt = SomeIds(10, 1);
  request.max_tokens = 20;
  request.logprobs = 1;
  const Outcome written = Wait(*Submit(request));
  SequenceRequest scored;
  scored.prompt = request.prompt;
  scored.prompt.insert(scored.prompt.end(), written.ids.begin(), written.ids.end());
  scored.max_tokens = 0;
  scored.logprobs = 1;
  scored.prompt_logprobs = true;
  const Outcome read = Wait(*Submit(scored));
  EXPECT_TRUE(read.ids.empty());
  EXPECT_EQ(read.end, EndReason::kLength);
  ASSERT_EQ(read.prompt_logprobs.size(), scored.prompt.size() - 1);
  for (size_t i = 0; i < written.logprobs.size(); ++i) {
    EXPECT_EQ(read.prompt_logprobs[9 + i], written.logprobs[i]) << i;
  }
}

TEST_F(SchedulerTest, ReusesPrompts) {
  Start();
  SequenceRequest request;
  request.prompt = SomeIds(60, 1);
  request.max_tokens = 4;
  const Outcome first = Wait(*Submit(request));
  const auto again = Submit(request);
  EXPECT_EQ(Wait(*again), first);
  EXPECT_EQ(again->Take().times.cached_tokens, 59);
  // A conversation that goes on.
  SequenceRequest longer = request;
  longer.prompt.insert(longer.prompt.end(), first.ids.begin(), first.ids.end());
  longer.prompt.push_back(7);
  const auto next = Submit(longer);
  Wait(*next);
  EXPECT_EQ(next->Take().times.cached_tokens, 63);  // the last id of the text is not in the cache
  SequenceRequest apart = request;
  apart.reuse_prompt = false;
  const auto alone = Submit(apart);
  EXPECT_EQ(Wait(*alone), first);
  EXPECT_EQ(alone->Take().times.cached_tokens, 0);
}

TEST_F(SchedulerTest, ChoicesOfOnePromptComputeItOnce) {
  Start();
  std::vector<std::shared_ptr<Sequence>> group;
  for (uint64_t i = 0; i < 5; ++i) {
    SequenceRequest request;
    request.prompt = SomeIds(80, 2);
    request.sampling.temperature = 1;
    request.max_tokens = 5;
    request.stream = i;
    group.push_back(std::make_shared<Sequence>(std::move(request), [] {}));
  }
  ASSERT_TRUE(scheduler_->Submit(group));
  int64_t computed = 0;
  for (const auto& sequence : group) {
    Wait(*sequence);
    computed += 80 - sequence->Take().times.cached_tokens;
  }
  EXPECT_EQ(computed, 84);
}

TEST_F(SchedulerTest, EndsWithTheContext) {
  Start();
  SequenceRequest request;
  request.prompt = SomeIds(90, 2);
  request.max_tokens = 1000;
  const Outcome outcome = Wait(*Submit(request));
  EXPECT_EQ(outcome.end, EndReason::kContext);
  EXPECT_EQ(outcome.ids.size(), 7U);  // 96 positions; the last id needs none
}

TEST_F(SchedulerTest, RefusesWithNumbers) {
  Start({1, 3, 50});
  SequenceRequest large;
  large.prompt = SomeIds(40, 1);
  large.max_tokens = 20;
  auto sequence = std::make_shared<Sequence>(large, [] {});
  const auto never = scheduler_->Submit({&sequence, 1});
  ASSERT_FALSE(never);
  EXPECT_EQ(never.error().kind, Refusal::Kind::kNeverFits);
  EXPECT_EQ(never.error().asked, 59);
  EXPECT_EQ(never.error().limit, 50);

  SequenceRequest small;
  small.prompt = SomeIds(2, 1);
  small.max_tokens = 1;
  std::vector<std::shared_ptr<Sequence>> group;
  for (int i = 0; i < 4; ++i) group.push_back(std::make_shared<Sequence>(small, [] {}));
  const auto full = scheduler_->Submit(group);
  ASSERT_FALSE(full);
  EXPECT_EQ(full.error().kind, Refusal::Kind::kQueueFull);
  EXPECT_EQ(full.error().limit, 3);
  EXPECT_GE(full.error().retry_after_s, 1);
  for (const auto& one : group) EXPECT_FALSE(one->Take().ended);  // all or none
  group.resize(3);
  EXPECT_TRUE(scheduler_->Submit(group));
  for (const auto& one : group) EXPECT_EQ(Wait(*one).end, EndReason::kLength);
}

TEST_F(SchedulerTest, CancelsAtWorkAndInTheQueue) {
  Start({1, 100, 4000});
  SequenceRequest request;
  request.prompt = SomeIds(4, 1);
  request.max_tokens = 90;
  std::vector<std::shared_ptr<Sequence>> all;
  for (int i = 0; i < 20; ++i) all.push_back(Submit(request));
  for (const auto& sequence : all) sequence->Cancel();
  for (const auto& sequence : all) {
    const EndReason end = Wait(*sequence).end;
    EXPECT_TRUE(end == EndReason::kCancelled || end == EndReason::kContext ||
                end == EndReason::kLength);
  }
  WaitIdle();
  EXPECT_EQ(scheduler_->state().kv_reserved, 0);
}

TEST_F(SchedulerTest, KeepsDeadlines) {
  Start();
  SequenceRequest request;
  request.prompt = SomeIds(4, 1);
  request.max_tokens = 50;
  request.deadline = steady_clock::now() - milliseconds(1);
  EXPECT_EQ(Wait(*Submit(request)).end, EndReason::kDeadline);
}

TEST_F(SchedulerTest, StopEndsAll) {
  Start({2, 100, 4000});
  std::vector<std::shared_ptr<Sequence>> all;
  for (int i = 0; i < 10; ++i) {
    SequenceRequest request;
    request.prompt = SomeIds(4, i);
    request.max_tokens = 92;
    all.push_back(Submit(request));
  }
  scheduler_->Stop();
  bool stopped = false;
  for (const auto& sequence : all) stopped |= Wait(*sequence).end == EndReason::kStopped;
  EXPECT_TRUE(stopped);
  auto late = std::make_shared<Sequence>(MixedRequest(1), [] {});
  EXPECT_EQ(scheduler_->Submit({&late, 1}).error().kind, Refusal::Kind::kStopping);
}

TEST_F(SchedulerTest, WakesOnceUntilItsNewsAreTaken) {
  Start();
  std::atomic<int> wakes{0};
  SequenceRequest request;
  request.prompt = SomeIds(4, 1);
  request.max_tokens = 60;
  auto sequence = std::make_shared<Sequence>(request, [&wakes] { ++wakes; });
  ASSERT_TRUE(scheduler_->Submit({&sequence, 1}));
  WaitIdle();
  EXPECT_EQ(wakes, 1);
  EXPECT_EQ(Wait(*sequence).ids.size(), 60U);
}

TEST_F(SchedulerTest, KvMemoryIsBounded) {
  Start({8, 512, 200});
  std::vector<std::shared_ptr<Sequence>> all;
  for (int64_t i = 0; i < 40; ++i) {
    SequenceRequest request;
    request.prompt = SomeIds(30, i);
    request.max_tokens = 20;
    all.push_back(Submit(request));
  }
  for (const auto& sequence : all) {
    Wait(*sequence);
    const SchedulerState state = scheduler_->state();
    EXPECT_LE(state.kv_reserved, 200);
    EXPECT_LE(state.running, 4);  // 49 positions each
  }
  WaitIdle();
  EXPECT_LE(scheduler_->state().kv_retained, 200);
}

// A constraint of three ids that ends after four of them.
class ThreeIds final : public TokenConstraint {
 public:
  void Allowed(std::span<uint64_t> mask) override {
    std::ranges::fill(mask, 0);
    for (const int id : {5, 70, 129})
      mask[static_cast<size_t>(id) / 64] |= uint64_t{1} << (id % 64);
  }
  bool Advance(int32_t) override { return ++taken_ < 4; }

 private:
  int taken_ = 0;
};

TEST_F(SchedulerTest, ObeysConstraints) {
  Start();
  SequenceRequest request;
  request.prompt = SomeIds(4, 1);
  request.max_tokens = 50;
  request.sampling.temperature = 1;
  request.constraint = std::make_shared<ThreeIds>();
  const Outcome outcome = Wait(*Submit(request));
  EXPECT_EQ(outcome.end, EndReason::kConstraint);
  EXPECT_EQ(outcome.ids.size(), 4U);
  for (const int32_t id : outcome.ids) EXPECT_TRUE(id == 5 || id == 70 || id == 129) << id;
}

TEST(FairQueue, ClientsTakeTurns) {
  FairQueue queue;
  const auto push = [&queue](const std::string& client, int64_t tokens) {
    SequenceRequest request;
    request.client = client;
    request.max_tokens = tokens;
    queue.Push(std::make_shared<Sequence>(request, [] {}));
  };
  for (int64_t i = 0; i < 5; ++i) push("greedy", i);
  push("modest", 100);
  push("late", 200);
  std::vector<std::shared_ptr<Sequence>> order;
  while (queue.size() > 0) order.push_back(queue.Pop());
  std::vector<int64_t> names;
  for (const auto& sequence : order) names.push_back(sequence->request.max_tokens);
  EXPECT_THAT(names, ::testing::ElementsAre(0, 100, 200, 1, 2, 3, 4));
  for (const auto& sequence : order) queue.Done(*sequence);
  EXPECT_EQ(queue.Peek(), nullptr);
}

TEST(KvStore, GivesBackTheLongestPrefix) {
  const TestModel model{TestModelOptions{}};
  const Emulator emulator(model.model, TestKernels());
  KvStore store(emulator, 200);
  const auto fill = [&](const std::vector<int32_t>& ids) {
    KvCache cache = *emulator.NewCache(std::ssize(ids));
    Workspace workspace;
    const Chunk chunk{&cache, ids};
    EXPECT_TRUE(emulator.Forward({&chunk, 1}, workspace));
    return cache;
  };
  const std::vector<int32_t> a = SomeIds(40, 1), b = SomeIds(30, 2);
  store.Retain(fill(a), a, 0);
  store.Retain(fill(b), b, 7);
  EXPECT_EQ(store.retained(), 70);
  std::vector<int32_t> prompt(a.begin(), a.begin() + 20);
  prompt.push_back(1);
  EXPECT_EQ(store.Acquire(prompt, 30, 0, true, {})->length(), 20);
  EXPECT_EQ(store.Acquire(prompt, 30, 7, true, {})->length(), 0);  // another adapter's
  EXPECT_EQ(store.Acquire(prompt, 30, 0, false, {})->length(), 0);
  store.ForgetAdapter(7);
  EXPECT_EQ(store.retained(), 40);
  ASSERT_TRUE(store.Reserve(190));
  EXPECT_FALSE(store.Reserve(11));
  EXPECT_EQ(store.Acquire(b, 190, 0, true, {}).error().kind, ErrorKind::kBadInput);  // the context
  EXPECT_EQ(store.Acquire(b, 90, 0, true, {})->length(), 0);
  EXPECT_EQ(store.retained(), 0);  // gave way
}

}  // namespace
}  // namespace burin
