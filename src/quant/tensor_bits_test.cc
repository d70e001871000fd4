#include "quant/tensor_bits.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "quant/tensor_list.h"
#include "quant/test_models.h"

namespace burin {
namespace {

using testing::HasSubstr;

int BitsOf(const ModelConfig& config, std::string_view patterns, const std::string& name) {
  const auto bits = ResolveTensorBits(config, 3, patterns);
  EXPECT_TRUE(bits) << bits.error().ToString();
  const auto entries = MatricesOf(config);
  for (size_t i = 0; bits && i < entries.size(); ++i) {
    if (entries[i].name == name) return (*bits)[i];
  }
  return 0;
}

TEST(TensorBits, GlobsMatchWholeNames) {
  EXPECT_TRUE(GlobMatches("*", ""));
  EXPECT_TRUE(GlobMatches("*.down_proj", "model.layers.3.mlp.down_proj"));
  EXPECT_TRUE(GlobMatches("model.layers.?.mlp.*", "model.layers.3.mlp.up_proj"));
  EXPECT_FALSE(GlobMatches("model.layers.?.mlp.*", "model.layers.13.mlp.up_proj"));
  EXPECT_FALSE(GlobMatches("down_proj", "model.layers.3.mlp.down_proj"));
  EXPECT_TRUE(GlobMatches("*a*b*", "xxayyaybz"));
  EXPECT_FALSE(GlobMatches("*a*b", "xxaybz"));
}

TEST(TensorBits, LastMatchWinsAndTheSuffixMayBeLeftOut) {
  const ModelConfig config = SmallConfig();
  EXPECT_EQ(BitsOf(config, "", "lm_head"), 3);
  EXPECT_EQ(BitsOf(config, "lm_head=6,*.down_proj=4", "lm_head"), 6);
  EXPECT_EQ(BitsOf(config, "lm_head.weight=6", "lm_head"), 6);
  EXPECT_EQ(BitsOf(config, "*.weight=6", "lm_head"), 6);
  EXPECT_EQ(BitsOf(config, "*=6,*.layers.1.*=4", "model.layers.1.mlp.up_proj"), 4);
  EXPECT_EQ(BitsOf(config, "*.layers.1.*=4,*=6", "model.layers.1.mlp.up_proj"), 6);
}

TEST(TensorBits, TiedHeadHasTwoNames) {
  ModelConfig config = SmallConfig();
  config.tied_head = true;
  EXPECT_EQ(BitsOf(config, "lm_head=6", "model.embed_tokens"), 6);
  EXPECT_EQ(BitsOf(config, "model.embed_tokens=4", "model.embed_tokens"), 4);
}

TEST(TensorBits, RefusesWhatItDoesNotUnderstand) {
  const ModelConfig config = SmallConfig();
  for (const char* text :
       {"lm_head", "=4", "lm_head=5", "lm_head=", "lm_head=4x", ",", "a=4,,b=3"}) {
    EXPECT_FALSE(ResolveTensorBits(config, 3, text)) << text;
  }
  EXPECT_FALSE(ResolveTensorBits(config, 5, ""));
  const auto result = ResolveTensorBits(config, 3, "*.dwon_proj=6");
  ASSERT_FALSE(result);
  EXPECT_THAT(result.error().ToString(), HasSubstr("'*.dwon_proj' matches no tensor"));
  EXPECT_THAT(result.error().ToString(), HasSubstr("down_proj"));
}

}  // namespace
}  // namespace burin
