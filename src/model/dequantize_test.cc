#include "model/dequantize.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/philox.h"
#include "base/sha256.h"
#include "model/test_files.h"

namespace burin {
namespace {

using namespace testing_files;

std::vector<float> Dequantize(TensorType type, std::string_view bytes, size_t count) {
  std::vector<float> out(count);
  DequantizeRow(type, AsBytes(bytes), out);
  return out;
}

const std::string kOne = Raw(uint16_t{0x3C00}), kHalf = Raw(uint16_t{0x3800});  // fp16 1 and 0.5

TEST(HalfToFloat, IsExactForAllCodes) {
  for (uint32_t code = 0; code < 65536; ++code) {
    const int exponent = (code >> 10) & 31, fraction = code & 1023;
    const float value = HalfToFloat(static_cast<uint16_t>(code));
    EXPECT_EQ(std::signbit(value), code >= 32768);
    if (exponent == 31) {
      EXPECT_EQ(std::isnan(value), fraction != 0);
      EXPECT_EQ(std::isinf(value), fraction == 0);
    } else {
      const double magnitude =
          exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(1024 + fraction, exponent - 25);
      EXPECT_EQ(std::abs(static_cast<double>(value)), magnitude);
    }
  }
}

TEST(Dequantize, PlainTypes) {
  EXPECT_EQ(Dequantize(TensorType::kF32, Raw(1.5f) + Raw(-2.0f), 2),
            (std::vector<float>{1.5f, -2.0f}));
  EXPECT_EQ(Dequantize(TensorType::kF16, kOne + kHalf, 2), (std::vector<float>{1, 0.5f}));
  EXPECT_EQ(Dequantize(TensorType::kBF16, Raw(uint16_t{0x3FC0}) + Raw(uint16_t{0xC000}), 2),
            (std::vector<float>{1.5f, -2.0f}));
}

// Blocks in which each field has a value of its own, worked out by hand.
TEST(Dequantize, HandMadeBlocks) {
  std::string q8 = kHalf;
  for (int i = 0; i < 32; ++i) q8 += static_cast<char>(i - 16);
  const auto w8 = Dequantize(TensorType::kQ8_0, q8, 32);
  for (int i = 0; i < 32; ++i)
    EXPECT_EQ(w8[static_cast<size_t>(i)], 0.5f * static_cast<float>(i - 16));

  std::string q4 = kOne;
  for (int i = 0; i < 16; ++i) q4 += static_cast<char>(i | ((15 - i) << 4));
  const auto w4 = Dequantize(TensorType::kQ4_0, q4, 32);
  for (size_t i = 0; i < 16; ++i) {
    EXPECT_EQ(w4[i], static_cast<float>(i) - 8);
    EXPECT_EQ(w4[16 + i], 7 - static_cast<float>(i));
  }
}

TEST(Dequantize, HandMadeSuperBlocks) {
  // Q4_K: d = 1, dmin = 0.5; scale j = 8 * j + 5, minimum j = 63 - 7 * j; all codes 3 (low nibble)
  // and 12 (high).
  int scale[8], min[8];
  for (int j = 0; j < 8; ++j) scale[j] = 8 * j + 5, min[j] = 63 - 7 * j;
  std::string q4 = kOne + kHalf, scales(12, '\0');
  for (size_t j = 0; j < 4; ++j) {
    scales[j] = static_cast<char>(scale[j] | ((scale[j + 4] >> 4) << 6));
    scales[j + 4] = static_cast<char>(min[j] | ((min[j + 4] >> 4) << 6));
    scales[j + 8] = static_cast<char>((scale[j + 4] & 15) | ((min[j + 4] & 15) << 4));
  }
  q4 += scales + std::string(128, static_cast<char>(0xC3));
  const auto w4 = Dequantize(TensorType::kQ4_K, q4, 256);
  for (size_t i = 0; i < 256; ++i) {
    const size_t j = i / 32;
    const int code = j % 2 == 0 ? 3 : 12;
    EXPECT_EQ(w4[i], static_cast<float>(scale[j] * code) - 0.5f * static_cast<float>(min[j])) << i;
  }

  // Q6_K: weight i has code i % 64; scale of group g is g - 8.
  std::string low(128, '\0'), high(64, '\0'), groups;
  for (size_t i = 0; i < 256; ++i) {
    const size_t half = i / 128, quarter = i / 32 % 4, at = i % 32, code = i * 5 % 64;
    low[64 * half + 32 * (quarter % 2) + at] |=
        static_cast<char>((code & 15) << (quarter < 2 ? 0 : 4));
    high[32 * half + at] |= static_cast<char>((code >> 4) << (2 * quarter));
  }
  for (int g = 0; g < 16; ++g) groups += static_cast<char>(g - 8);
  const auto w6 = Dequantize(TensorType::kQ6_K, low + high + groups + kHalf, 256);
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(w6[static_cast<size_t>(i)],
              0.5f * static_cast<float>((i / 16 - 8) * (i * 5 % 64 - 32)))
        << i;
  }

  // Q3_K: weight i has code (i * 3) % 8 - 4; scale of group g is 4 * g - 32.
  std::string mask(32, '\0'), pairs(64, '\0'), packed(12, '\0');
  for (size_t i = 0; i < 256; ++i) {
    const size_t code = i * 3 % 8;  // 4 above the value: bit 2 goes to the mask
    mask[i % 32] |= static_cast<char>((code >> 2) << (i / 32));
    pairs[32 * (i / 128) + i % 32] |= static_cast<char>((code & 3) << (2 * (i / 32 % 4)));
  }
  for (size_t g = 0; g < 16; ++g) {
    const size_t stored = 4 * g;
    packed[g % 8] |= static_cast<char>((stored & 15) << (g < 8 ? 0 : 4));
    packed[8 + g % 4] |= static_cast<char>((stored >> 4) << (2 * (g / 4)));
  }
  const auto w3 = Dequantize(TensorType::kQ3_K, mask + pairs + packed + kOne, 256);
  for (int i = 0; i < 256; ++i) {
    EXPECT_EQ(w3[static_cast<size_t>(i)], static_cast<float>((4 * (i / 16) - 32) * (i * 3 % 8 - 4)))
        << i;
  }
}

// Eight blocks of random bytes (Philox, key 7, stream = ggml type; fp16 below 2). The digests are
// of the floats that dequantize_blocks of gguf-py (ggml-org/llama.cpp, gguf-py/gguf/quants.py)
// gives.
TEST(Dequantize, RandomBlocksEqualGgufPy) {
  struct Case {
    TensorType type;
    uint64_t stream, block_bytes;
    std::vector<uint64_t> halves;  // offsets of fp16 fields
    const char* digest;
  };
  const Case cases[] = {
      {TensorType::kQ8_0,
       8,
       34,
       {0},
       "259d333d1a6807835afb5dc90a48e6e4cec6583a74d83accf243f6f704e37d0e"},
      {TensorType::kQ4_0,
       2,
       18,
       {0},
       "46cec7e330ef6ed9541b331b946c23266b1d8e0be22e576731895c7813882f1c"},
      {TensorType::kQ4_K,
       12,
       144,
       {0, 2},
       "1d73f3aab4c2b25585f4d416e8f43ce650708ec0e45788eed6985b259c51f284"},
      {TensorType::kQ6_K,
       14,
       210,
       {208},
       "2f5f4b7507224db64c25f4240822c34e1230f8f863825049c43f0ab6528f1e8b"},
      {TensorType::kQ3_K,
       11,
       110,
       {108},
       "4d40affec2b577b41918db253a2f48de4175cef1951036c3f6cc9f727a1a90ef"},
  };
  for (const Case& c : cases) {
    std::string bytes;
    for (uint64_t i = 0; i < 8 * c.block_bytes; ++i) {
      bytes += static_cast<char>(Philox(7, c.stream, i)[0] & 255);
    }
    for (uint64_t block = 0; block < 8; ++block) {
      for (const uint64_t at : c.halves) {
        bytes[block * c.block_bytes + at + 1] &= static_cast<char>(0xBF);
      }
    }
    auto weights = Dequantize(c.type, bytes, 8 * static_cast<size_t>(BlockSize(c.type)));
    for (float& w : weights) w += 0.0f;  // -0 becomes 0
    EXPECT_EQ(ToHex(Sha256Of(std::as_bytes(std::span(weights)))), c.digest)
        << TensorTypeName(c.type);
  }
}

TEST(TensorView, UndoesTheInterleavingOfRotaryRows) {
  // Two heads of four rows, one column: stored 0 2 1 3 | 4 6 5 7 is 0 1 2 3 | 4 5 6 7.
  const std::string bytes = RawFloats(std::vector<float>{0, 2, 1, 3, 4, 6, 5, 7});
  const TensorView view("q", TensorType::kF32, 8, 1, AsBytes(bytes), 4);
  EXPECT_THAT(view.ToFloats(), testing::ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(TensorView, ReadsDataAtOddAddresses) {
  const std::string bytes = "x" + RawFloats(std::vector<float>{1, 2, 3, 4});
  const TensorView view("t", TensorType::kF32, 2, 2, AsBytes(bytes).subspan(1));
  EXPECT_THAT(view.ToFloats(), testing::ElementsAre(1, 2, 3, 4));
}

}  // namespace
}  // namespace burin
