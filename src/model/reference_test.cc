#include "model/reference.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "model/import.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

const fs::path kStories = fs::path(BURIN_SOURCE_DIR) / "../shared/data/stories260K";

#define SKIP_WITHOUT_SHARED() \
  if (!fs::exists(kStories)) GTEST_SKIP() << "skipped: no ../shared"

nlohmann::json ReadJson(const fs::path& path) {
  return nlohmann::json::parse(ReadTextFile(path).value());
}

int32_t ArgMax(std::span<const float> logits) {
  return static_cast<int32_t>(std::ranges::max_element(logits) - logits.begin());
}

class StoriesTest : public testing::TestWithParam<const char*> {};

TEST_P(StoriesTest, GreedyTextEqualsThePublishedOne) {
  SKIP_WITHOUT_SHARED();
  const auto model = ImportModel(kStories / GetParam());
  ASSERT_TRUE(model) << model.error().ToString();
  const ReferenceModel reference(*model);
  const auto expected = ReadJson(kStories / "reference/greedy.json");
  for (const auto& generation : expected["generations"]) {
    const auto prompt = generation["prompt_ids"].get<std::vector<int32_t>>();
    const auto wanted = generation["new_ids"].get<std::vector<int32_t>>();
    auto state = ReferenceState::Create(model->config, 512);
    ASSERT_TRUE(state) << state.error().ToString();
    int32_t next = 0;
    reference.ForwardSequence(
        *state, prompt, [&](int64_t, std::span<const float> logits) { next = ArgMax(logits); });
    std::vector<int32_t> ids;
    while (ids.size() < wanted.size()) {
      ids.push_back(next);
      next = ArgMax(reference.Forward(*state, next));
    }
    EXPECT_EQ(ids, wanted) << generation["prompt"];
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, StoriesTest, testing::Values("hf", "original/stories260K.gguf"));

}  // namespace
}  // namespace burin
