#include "emu/generate.h"

#include <gmock/gmock.h>

#include "emu/test_model.h"

namespace burin {
namespace {

class GenerateTest : public testing::Test {
 protected:
  GenerateResult Run(const GenerateOptions& options, const std::vector<int32_t>& prompt,
                     KvCache& cache, const std::function<bool(int32_t)>& on_token = {}) {
    auto result = Generate(emulator_, cache, prompt, options, workspace_, on_token);
    EXPECT_TRUE(result) << result.error().ToString();
    return *result;
  }
  GenerateResult Run(const GenerateOptions& options) {
    KvCache cache = *emulator_.NewCache(90);
    return Run(options, prompt_, cache);
  }

  const TestModel test_{{.seed = 8}};
  const Emulator emulator_{test_.model, *AvailableKernelSets().back()};
  Workspace workspace_;
  const std::vector<int32_t> prompt_ = {5, 17, 99, 3, 42};
};

TEST_F(GenerateTest, GreedyTextIsTheArgMaxOfEachStep) {
  const GenerateResult result = Run({.max_tokens = 20});
  ASSERT_EQ(result.tokens.size(), 20u);
  EXPECT_EQ(result.reason, FinishReason::kMaxTokens);
  EXPECT_EQ(result.prompt_tokens, 5);
  EXPECT_EQ(result.decode_tokens, 19);
  std::vector<int32_t> ids = prompt_, logits(130);
  KvCache cache = *emulator_.NewCache(30);
  for (const int32_t token : result.tokens) {
    cache.Truncate(0);
    const Chunk chunks[] = {{&cache, ids, LogitsWanted::kLast, logits}};
    ASSERT_TRUE(emulator_.Forward(chunks, workspace_));
    EXPECT_EQ(ArgMax(logits), token);
    ids.push_back(token);
  }
}

TEST_F(GenerateTest, PrefillChunksAndCachedPrefixesDoNotChangeTheText) {
  GenerateOptions options{.max_tokens = 20};
  options.sampling = {.temperature = 1.2, .top_p = 0.95, .seed = 4};
  const std::vector<int32_t> expected = Run(options).tokens;
  options.prefill_chunk = 2;
  EXPECT_EQ(Run(options).tokens, expected);

  KvCache cache = *emulator_.NewCache(90);
  Run({.max_tokens = 0}, {5, 17, 99}, cache);
  EXPECT_EQ(cache.length(), 3);
  const GenerateResult again = Run(options, prompt_, cache);
  EXPECT_EQ(again.tokens, expected);
  EXPECT_EQ(again.prompt_tokens, 2);
  // All of the prompt is there, and more: one token runs again.
  const GenerateResult third = Run(options, prompt_, cache);
  EXPECT_EQ(third.tokens, expected);
  EXPECT_EQ(third.prompt_tokens, 1);
}

TEST_F(GenerateTest, SeedsDiffer) {
  GenerateOptions options{.max_tokens = 20};
  options.sampling = {.temperature = 1.5, .seed = 1};
  const std::vector<int32_t> one = Run(options).tokens;
  EXPECT_EQ(Run(options).tokens, one);
  options.sampling.seed = 2;
  EXPECT_NE(Run(options).tokens, one);
}

TEST_F(GenerateTest, EndsAtAStopIdTheCallbackAndTheCapacity) {
  const std::vector<int32_t> text = Run({.max_tokens = 10}).tokens;
  const GenerateResult stopped = Run({.stop_ids = {text[4]}, .max_tokens = 10});
  EXPECT_EQ(stopped.reason, FinishReason::kStopId);
  EXPECT_LE(stopped.tokens.size(), 4u);

  KvCache cache = *emulator_.NewCache(90);
  int seen = 0;
  const GenerateResult cancelled =
      Run({.max_tokens = 10}, prompt_, cache, [&](int32_t) { return ++seen < 3; });
  EXPECT_EQ(cancelled.reason, FinishReason::kCallback);
  EXPECT_EQ(cancelled.tokens.size(), 3u);

  KvCache small = *emulator_.NewCache(8);
  const GenerateResult full = Run({.max_tokens = 10}, prompt_, small);
  EXPECT_EQ(full.reason, FinishReason::kCapacity);
  EXPECT_EQ(full.tokens.size(), 4u);  // the last one comes from the logits of the full cache
  EXPECT_TRUE(std::equal(full.tokens.begin(), full.tokens.end(), text.begin()));
}

TEST_F(GenerateTest, RefusesWhatCannotRun) {
  KvCache cache = *emulator_.NewCache(3);
  const auto error = [&](const std::vector<int32_t>& prompt, const GenerateOptions& options) {
    const auto result = Generate(emulator_, cache, prompt, options, workspace_);
    return result ? std::string("none") : result.error().ToString();
  };
  GenerateOptions hot;
  hot.sampling.temperature = -1;
  EXPECT_THAT(error({}, {}), testing::HasSubstr("prompt: no tokens"));
  EXPECT_THAT(error({1}, hot), testing::HasSubstr("temperature: -1"));
  EXPECT_THAT(error({1, 2, 3, 4}, {}), testing::HasSubstr("at most 3 positions"));
  EXPECT_THAT(error({1, 500}, {}), testing::HasSubstr("id 500"));
}

}  // namespace
}  // namespace burin
