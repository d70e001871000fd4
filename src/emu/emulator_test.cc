// The emulator against an independent forward pass (plain_forward.h), and against itself under
// every way to run the same tokens.
#include "emu/emulator.h"

#include <gmock/gmock.h>

#include <map>

#include "emu/plain_forward.h"
#include "emu/test_model.h"

namespace burin {
namespace {

// All logits of `ids` from position cache.length() on, in chunks of `chunk` tokens.
Logits RunLogits(const Emulator& emulator, KvCache& cache, std::span<const int32_t> ids,
                 size_t chunk) {
  const auto vocab = static_cast<size_t>(emulator.model().config.vocab);
  Logits logits(ids.size() * vocab);
  Workspace workspace;
  for (size_t at = 0; at < ids.size(); at += chunk) {
    const size_t count = std::min(chunk, ids.size() - at);
    const Chunk chunks[] = {{&cache, ids.subspan(at, count), LogitsWanted::kAll,
                             std::span(logits).subspan(at * vocab, count * vocab)}};
    EXPECT_TRUE(emulator.Forward(chunks, workspace));
  }
  return logits;
}

Logits RunLogits(const Emulator& emulator, const Ids& ids, size_t chunk) {
  KvCache cache = *emulator.NewCache(static_cast<int64_t>(ids.size()));
  return RunLogits(emulator, cache, ids, chunk);
}

// The feature combinations that real models have, and all widths and groups.
std::vector<TestModelOptions> Variants() {
  std::vector<TestModelOptions> all;
  all.push_back({.seed = 1, .bits = 3, .group = 32});
  all.push_back({.seed = 2, .bits = 4, .group = 64, .tied_head = true});
  all.push_back({.seed = 3, .bits = 6, .group = 128, .qkv_bias = true});
  all.push_back({.seed = 4, .bits = 3, .group = 128, .tied_head = true, .qk_norm = true});
  all.push_back({.seed = 5, .bits = 4, .group = 32, .qkv_bias = true, .qk_norm = true});
  // head_dim that kernel sets can quantize, heads * head_dim != hidden, one kv head.
  all.push_back({.seed = 6, .bits = 3, .group = 64, .heads = 3, .kv_heads = 1, .head_dim = 32});
  return all;
}

TEST(EmulatorTest, EqualsThePlainForwardForEveryKernelSetAndThreadCount) {
  for (const TestModelOptions& options : Variants()) {
    const TestModel test(options);
    const Ids ids = RandomIds(options.seed, 40, options.vocab);
    const Logits expected = PlainLogits(test.model, ids);
    for (const KernelSet* kernels : AvailableKernelSets()) {
      for (int threads = 1; threads <= 3; ++threads) {
        ThreadPool pool(threads);
        const Emulator emulator(test.model, *kernels, &pool);
        EXPECT_EQ(RunLogits(emulator, ids, 40), expected)
            << "model " << options.seed << ", " << kernels->name << ", " << threads << " threads";
      }
    }
  }
}

TEST(EmulatorTest, LogitsDifferFromTokenToToken) {
  const TestModel test({});
  const Logits logits = RunLogits(Emulator(test.model, *AvailableKernelSets().back()),
                                  RandomIds(1, 40, test.model.config.vocab), 40);
  const std::map<int32_t, int> distinct = [&] {
    std::map<int32_t, int> counts;
    for (const int32_t x : logits) ++counts[x];
    return counts;
  }();
  EXPECT_GT(distinct.size(), logits.size() * 9 / 10);
  EXPECT_GT(distinct.rbegin()->first, 65536 / 2);
  EXPECT_LT(distinct.rbegin()->first, 65536 * 100);
}

TEST(EmulatorTest, ChunkingDoesNotMatter) {
  for (const TestModelOptions& options : Variants()) {
    const TestModel test(options);
    const Emulator emulator(test.model, *AvailableKernelSets().back());
    const Ids ids = RandomIds(options.seed, 40, options.vocab);
    const Logits expected = RunLogits(emulator, ids, 40);
    for (const size_t chunk : {1, 3, 7}) EXPECT_EQ(RunLogits(emulator, ids, chunk), expected);
  }
}

TEST(EmulatorTest, PromptsLongerThanAPassDoNotMatter) {
  const TestModel test({.context = 300});
  ThreadPool pool(2);
  const Emulator emulator(test.model, *AvailableKernelSets().back(), &pool);
  const Ids ids = RandomIds(9, 300, test.model.config.vocab);
  EXPECT_EQ(RunLogits(emulator, ids, 300), RunLogits(emulator, ids, 50));
}

TEST(EmulatorTest, SequencesOfABatchDoNotSeeEachOther) {
  const TestModel test({.qkv_bias = true});
  const auto vocab = static_cast<size_t>(test.model.config.vocab);
  ThreadPool pool(3);
  const Emulator emulator(test.model, *AvailableKernelSets().back(), &pool);
  std::vector<Ids> sequences;
  std::vector<Logits> expected;
  for (const size_t length : {5, 20, 1, 33}) {
    sequences.push_back(RandomIds(length, length, test.model.config.vocab));
    expected.push_back(RunLogits(emulator, sequences.back(), length));
  }
  for (const std::vector<size_t>& order :
       std::vector<std::vector<size_t>>{{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}}) {
    std::vector<KvCache> caches;
    for (size_t i = 0; i < 4; ++i) caches.push_back(*emulator.NewCache(40));
    std::vector<Logits> got(4);
    std::vector<Chunk> first, rest;
    for (const size_t i : order) {
      // All but the last token without logits, then one token of each sequence together.
      got[i].resize(vocab);
      const std::span<const int32_t> ids = sequences[i];
      if (ids.size() > 1) first.push_back({&caches[i], ids.first(ids.size() - 1)});
      rest.push_back({&caches[i], ids.last(1), LogitsWanted::kLast, got[i]});
    }
    Workspace workspace;
    ASSERT_TRUE(emulator.Forward(first, workspace));
    ASSERT_TRUE(emulator.Forward(rest, workspace));
    for (size_t i = 0; i < 4; ++i) {
      EXPECT_TRUE(std::equal(got[i].begin(), got[i].end(), expected[i].end() - vocab)) << i;
    }
  }
}

TEST(EmulatorTest, ContinuesAfterTruncationAndFromACopiedPrefix) {
  const TestModel test({.tied_head = true});
  const auto vocab = static_cast<size_t>(test.model.config.vocab);
  const Emulator emulator(test.model, *AvailableKernelSets().back());
  const Ids ids = RandomIds(4, 30, test.model.config.vocab);
  const Logits expected = RunLogits(emulator, ids, 30);
  const Logits tail(expected.begin() + static_cast<std::ptrdiff_t>(12 * vocab), expected.end());

  KvCache cache = *emulator.NewCache(40);
  RunLogits(emulator, cache, std::span(ids).first(12), 12);
  KvCache copy = *emulator.NewCache(30);
  ASSERT_TRUE(copy.CopyPrefix(cache, 12));
  RunLogits(emulator, cache, RandomIds(5, 25, test.model.config.vocab), 25);
  cache.Truncate(12);
  EXPECT_EQ(RunLogits(emulator, cache, std::span(ids).subspan(12), 4), tail);
  EXPECT_EQ(RunLogits(emulator, copy, std::span(ids).subspan(12), 18), tail);
}

TEST(EmulatorTest, ASaturatedResidualIsTheSameEverywhere) {
  // Embeddings of about 2^12 with 20 fraction bits do not fit: the stream sits at the rails.
  const TestModel test({.weight_exponent = 13});
  const Ids ids = RandomIds(4, 20, test.model.config.vocab);
  const Logits expected = PlainLogits(test.model, ids);
  std::vector<int32_t> column(64);
  ReadColumn(test.model.embedding, ids[0], 20, column);
  EXPECT_THAT(column, testing::Contains(std::numeric_limits<int32_t>::min()));
  EXPECT_THAT(column, testing::Contains(std::numeric_limits<int32_t>::max()));
  for (const KernelSet* kernels : AvailableKernelSets()) {
    EXPECT_EQ(RunLogits(Emulator(test.model, *kernels), ids, 7), expected) << kernels->name;
  }
}

TEST(EmulatorTest, RefusesForeignIdsAndFullCachesAndChangesNothing) {
  const TestModel test({});
  const Emulator emulator(test.model, *AvailableKernelSets().back());
  Workspace workspace;
  KvCache first = *emulator.NewCache(8), second = *emulator.NewCache(8);
  const Ids good = {1, 2, 3}, foreign = {1, 130}, negative = {-1}, many(9, 5);
  const auto forward = [&](const Ids& ids) {
    const Chunk chunks[] = {{&first, good}, {&second, ids}};
    return emulator.Forward(chunks, workspace);
  };
  EXPECT_THAT(forward(foreign).error().ToString(), testing::HasSubstr("id 130; expected 0 to 129"));
  EXPECT_THAT(forward(negative).error().ToString(), testing::HasSubstr("id -1"));
  EXPECT_THAT(forward(many).error().ToString(),
              testing::HasSubstr("9 tokens after 0 positions; expected at most 8"));
  EXPECT_EQ(first.length(), 0);
  EXPECT_EQ(second.length(), 0);
  EXPECT_FALSE(emulator.NewCache(test.model.context + 1));
  EXPECT_TRUE(forward(Ids(8, 5)));
  EXPECT_FALSE(forward({1}));
}

struct Recorder : Observer {
  std::map<Stage, int> calls;
  std::vector<int32_t> logits;
  std::map<int64_t, std::vector<int32_t>> queries;  // of layer 1, by position
  void See(Stage stage, int64_t layer, size_t, int64_t position,
           std::span<const int32_t> values) override {
    ++calls[stage];
    if (stage == Stage::kLogits) logits.assign(values.begin(), values.end());
    if (stage == Stage::kQuery && layer == 1)
      queries[position].assign(values.begin(), values.end());
  }
};

TEST(EmulatorTest, AnObserverSeesEveryStageAndTheSameIntegersForAnyChunking) {
  const TestModel test({});
  const Emulator emulator(test.model, *AvailableKernelSets().back());
  const Ids ids = RandomIds(4, 6, test.model.config.vocab);
  Recorder whole, pieces;
  std::vector<int32_t> logits(static_cast<size_t>(test.model.config.vocab));
  Workspace workspace;
  KvCache cache = *emulator.NewCache(6);
  const Chunk all[] = {{&cache, ids, LogitsWanted::kLast, logits}};
  ASSERT_TRUE(emulator.Forward(all, workspace, &whole));
  cache.Truncate(0);
  for (size_t i = 0; i < ids.size(); ++i) {
    const Chunk one[] = {{&cache, std::span(ids).subspan(i, 1)}};
    ASSERT_TRUE(emulator.Forward(one, workspace, &pieces));
  }
  EXPECT_EQ(whole.logits, logits);
  EXPECT_EQ(whole.queries, pieces.queries);
  EXPECT_EQ(whole.calls[Stage::kEmbedding], 6);
  EXPECT_EQ(whole.calls[Stage::kResidual], 12);
  EXPECT_EQ(whole.calls[Stage::kLogits], 1);
  EXPECT_EQ(pieces.calls.count(Stage::kLogits), 0u);
}

}  // namespace
}  // namespace burin
