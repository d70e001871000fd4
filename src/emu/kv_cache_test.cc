#include "emu/kv_cache.h"

#include <gmock/gmock.h>

#include <vector>

namespace burin {
namespace {

ModelConfig SmallConfig() {
  ModelConfig config;
  config.layers = 2;
  config.kv_heads = 3;
  config.head_dim = 8;
  return config;
}

// Stores (layer, head, position) as recognisable numbers.
void Fill(KvCache& cache, int64_t positions) {
  for (int64_t p = cache.length(); p < positions; ++p) {
    for (int64_t layer = 0; layer < 2; ++layer) {
      for (int64_t head = 0; head < 3; ++head) {
        const std::vector<int8_t> key(8, static_cast<int8_t>(p + 10 * layer + 3 * head));
        const std::vector<int8_t> value(8, static_cast<int8_t>(-p - 10 * layer - 3 * head));
        cache.Store(layer, head, p, {key.data(), static_cast<int>(p)},
                    {value.data(), -static_cast<int>(p)});
      }
    }
  }
  cache.Advance(positions - cache.length());
}

TEST(KvCacheTest, HoldsWhatWasStored) {
  KvCache cache = *KvCache::Create(SmallConfig(), 100, 10);
  Fill(cache, 10);
  EXPECT_EQ(cache.length(), 10);
  EXPECT_EQ(cache.used_bytes(), 2u * 3 * 2 * 10 * 9);
  EXPECT_GE(cache.bytes(), cache.used_bytes());
  const HeadCacheView keys = cache.Keys(1, 2), values = cache.Values(1, 2);
  for (int p = 0; p < 10; ++p) {
    EXPECT_EQ(keys.mantissas[p * 8 + 7], p + 16);
    EXPECT_EQ(keys.exponents[p], p);
    EXPECT_EQ(values.mantissas[p * 8], -p - 16);
    EXPECT_EQ(values.exponents[p], -p);
  }
}

TEST(KvCacheTest, CopiesAPrefixAndTruncates) {
  KvCache source = *KvCache::Create(SmallConfig(), 100, 10);
  Fill(source, 10);
  KvCache copy = *KvCache::Create(SmallConfig(), 100, 7);
  ASSERT_TRUE(copy.CopyPrefix(source, 6));
  EXPECT_EQ(copy.length(), 6);
  EXPECT_EQ(copy.Keys(1, 1).mantissas[5 * 8], 5 + 13);
  EXPECT_EQ(copy.Values(0, 2).exponents[5], -5);
  EXPECT_FALSE(copy.CopyPrefix(source, 8));
  copy.Truncate(2);
  EXPECT_EQ(copy.length(), 2);
  EXPECT_FALSE(source.CopyPrefix(copy, 3));
}

TEST(KvCacheTest, RefusesACapacityBeyondTheContext) {
  EXPECT_THAT(KvCache::Create(SmallConfig(), 100, 101).error().ToString(),
              testing::HasSubstr("101 positions; expected 1 to 100"));
  EXPECT_FALSE(KvCache::Create(SmallConfig(), 100, 0));
  EXPECT_TRUE(KvCache::Create(SmallConfig(), 100, 100));
}

TEST(KvCacheTest, ReservesWithoutTakingMemory) {
  ModelConfig config = SmallConfig();
  config.layers = 32;
  config.kv_heads = 8;
  config.head_dim = 128;
  const auto cache = KvCache::Create(config, 131072, 131072);
  ASSERT_TRUE(cache);
  EXPECT_GT(cache->bytes(), uint64_t{8} << 30);
}

}  // namespace
}  // namespace burin
