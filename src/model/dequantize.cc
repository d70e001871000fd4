#include "model/dequantize.h"

#include <bit>
#include <cstring>

#include "base/check.h"

namespace burin {
namespace {

static_assert(std::endian::native == std::endian::little, "files are read as they lie in memory");

using Bytes = const uint8_t*;

uint16_t Load16(Bytes p) { return static_cast<uint16_t>(p[0] | (p[1] << 8)); }

void Q4_0(Bytes p, float* out) {
  const float d = HalfToFloat(Load16(p));
  for (int i = 0; i < 16; ++i) {
    out[i] = static_cast<float>((p[2 + i] & 15) - 8) * d;
    out[i + 16] = static_cast<float>((p[2 + i] >> 4) - 8) * d;
  }
}

void Q8_0(Bytes p, float* out) {
  const float d = HalfToFloat(Load16(p));
  for (int i = 0; i < 32; ++i) out[i] = static_cast<float>(static_cast<int8_t>(p[2 + i])) * d;
}

// The 6-bit scale and minimum of sub-block j of Q4_K: the first four lie in the low six bits of
// bytes j and j + 4; the last four in a nibble of byte j + 4 and the top two bits of those.
void ScaleMin(Bytes s, int64_t j, int* scale, int* min) {
  if (j < 4) {
    *scale = s[j] & 63;
    *min = s[j + 4] & 63;
  } else {
    *scale = (s[j + 4] & 15) | ((s[j - 4] >> 6) << 4);
    *min = (s[j + 4] >> 4) | ((s[j] >> 6) << 4);
  }
}

void Q4_K(Bytes p, float* out) {
  const float d = HalfToFloat(Load16(p)), dmin = HalfToFloat(Load16(p + 2));
  for (int64_t j = 0; j < 8; ++j) {
    int scale = 0, min = 0;
    ScaleMin(p + 4, j, &scale, &min);
    const float step = d * static_cast<float>(scale), low = dmin * static_cast<float>(min);
    const Bytes q = p + 16 + 32 * (j / 2);
    for (int i = 0; i < 32; ++i) {
      const int code = j % 2 == 0 ? q[i] & 15 : q[i] >> 4;
      out[32 * j + i] = step * static_cast<float>(code) - low;
    }
  }
}

void Q6_K(Bytes p, float* out) {
  const Bytes scales = p + 192;
  const float d = HalfToFloat(Load16(p + 208));
  for (int64_t half = 0; half < 2; ++half) {  // 128 weights
    const Bytes low = p + 64 * half, high = p + 128 + 32 * half;
    for (int64_t quarter = 0; quarter < 4; ++quarter) {  // 32 weights
      for (int i = 0; i < 32; ++i) {
        const int nibble =
            quarter < 2 ? low[32 * quarter + i] & 15 : low[32 * (quarter - 2) + i] >> 4;
        const int code = (nibble | (((high[i] >> (2 * quarter)) & 3) << 4)) - 32;
        const int64_t index = 128 * half + 32 * quarter + i;
        const float step = d * static_cast<float>(static_cast<int8_t>(scales[index / 16]));
        out[index] = step * static_cast<float>(code);
      }
    }
  }
}

// The 6-bit scale j of Q3_K, less its offset: low nibbles in bytes 0..7 (scales 0..7 low half of
// the byte, 8..15 high half), top two bits in bytes 8..11.
int Scale3(Bytes s, int j) {
  const int low = j < 8 ? s[j] & 15 : s[j - 8] >> 4;
  const int high = (s[8 + j % 4] >> (2 * (j / 4))) & 3;
  return (low | (high << 4)) - 32;
}

void Q3_K(Bytes p, float* out) {
  const float d = HalfToFloat(Load16(p + 108));
  for (int index = 0; index < 256; ++index) {
    const int half = index / 128, quarter = index / 32 % 4, i = index % 32;
    const int pair = (p[32 + 32 * half + i] >> (2 * quarter)) & 3;
    const bool high = (p[i] >> (4 * half + quarter)) & 1;
    const float step = d * static_cast<float>(Scale3(p + 96, index / 16));
    out[index] = step * static_cast<float>(pair - (high ? 0 : 4));
  }
}

template <typename Block>
void Blocks(TensorType type, Bytes p, std::span<float> out, Block block) {
  const auto weights = static_cast<size_t>(BlockSize(type));
  const uint64_t bytes = RowBytes(type, BlockSize(type));
  for (size_t i = 0; i < out.size(); i += weights, p += bytes) block(p, out.data() + i);
}

}  // namespace

float HalfToFloat(uint16_t half) {
  const uint32_t sign = static_cast<uint32_t>(half & 0x8000) << 16;
  const uint32_t exponent = (half >> 10) & 31, fraction = half & 1023;
  if (exponent == 31) return std::bit_cast<float>(sign | 0x7F800000 | (fraction << 13));
  if (exponent != 0)
    return std::bit_cast<float>(sign | ((exponent + 112) << 23) | (fraction << 13));
  const float magnitude = static_cast<float>(fraction) * 0x1p-24f;  // zero or subnormal
  return sign != 0 ? -magnitude : magnitude;
}

void DequantizeRow(TensorType type, std::span<const std::byte> row, std::span<float> out) {
  BURIN_CHECK(row.size() == RowBytes(type, static_cast<int64_t>(out.size())));
  const auto p = reinterpret_cast<Bytes>(row.data());
  switch (type) {
    case TensorType::kF32:
      if (!row.empty()) std::memcpy(out.data(), p, row.size());
      return;
    case TensorType::kF16:
      for (size_t i = 0; i < out.size(); ++i) out[i] = HalfToFloat(Load16(p + 2 * i));
      return;
    case TensorType::kBF16:
      for (size_t i = 0; i < out.size(); ++i) {
        out[i] = std::bit_cast<float>(static_cast<uint32_t>(Load16(p + 2 * i)) << 16);
      }
      return;
    case TensorType::kQ8_0:
      return Blocks(type, p, out, Q8_0);
    case TensorType::kQ4_0:
      return Blocks(type, p, out, Q4_0);
    case TensorType::kQ4_K:
      return Blocks(type, p, out, Q4_K);
    case TensorType::kQ6_K:
      return Blocks(type, p, out, Q6_K);
    case TensorType::kQ3_K:
      return Blocks(type, p, out, Q3_K);
  }
  BURIN_CHECK(false);
}

}  // namespace burin
