#include "quant/scale_search.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wpsabi"  // vectors never cross a call: all of it is inlined
#endif

namespace burin {
namespace {

// Eight columns. The compilers turn these into one AVX register or two SSE or NEON ones.
using F8 = float __attribute__((vector_size(32)));
using I8 = int32_t __attribute__((vector_size(32)));
using B8 = uint8_t __attribute__((vector_size(8)));
constexpr ptrdiff_t kLanes = 8;
#define BURIN_INLINE [[gnu::always_inline]] inline

constexpr int kDown = 30, kUp = 2, kCoarseStep = 2;  // of the coarse search, in scale bytes
constexpr int kLeastSquaresRounds = 3;

BURIN_INLINE void Load(F8& v, const float* p) { std::memcpy(&v, p, sizeof v); }
BURIN_INLINE void Fill(F8& v, float x) {
  for (int i = 0; i < kLanes; ++i) v[i] = x;
}
BURIN_INLINE void Select(F8& out, const I8& mask, const F8& yes, const F8& no) {
  out =
      reinterpret_cast<F8>((mask & reinterpret_cast<I8>(yes)) | (~mask & reinterpret_cast<I8>(no)));
}

// The levels nearest to weights / scale. A tie may go either way here: its error is the same.
template <int kCount>
struct Quantize {
  F8 threshold[kCount - 1];
  BURIN_INLINE Quantize(const LevelTable& table, const F8& scale) {
    for (int k = 0; k < kCount - 1; ++k) threshold[k] = scale * table.threshold[k];
  }
  BURIN_INLINE void operator()(const LevelTable& table, const F8& w, F8& level) const {
    Fill(level, table.level[0]);
#pragma GCC unroll 16
    for (int k = 0; k < kCount - 1; ++k) {
      F8 step;
      Fill(step, table.step[k]);
      const I8 above = w > threshold[k];
      level += reinterpret_cast<F8>(above & reinterpret_cast<I8>(step));
    }
  }
};

// 6 bits: the odd levels are even spaces apart.
template <>
struct Quantize<64> {
  F8 inverse;
  BURIN_INLINE Quantize(const LevelTable&, const F8& scale) { inverse = 0.5f / scale; }
  BURIN_INLINE void Index(const F8& w, I8& index) const {
    F8 x = w * inverse + 32.0f, low, high;
    Fill(low, 0.0f);
    Fill(high, 63.5f);
    Select(x, x > low, x, low);
    Select(x, x < high, x, high);
    index = __builtin_convertvector(x, I8);
  }
  BURIN_INLINE void operator()(const LevelTable&, const F8& w, F8& level) const {
    I8 index;
    Index(w, index);
    level = __builtin_convertvector(index, F8) * 2.0f - 63.0f;
  }
};

// The state of a search over eight columns.
struct Best {
  F8 error, wl, ll;  // wl = sum of importance * weight * level, ll = that of level^2
  I8 scale;
};

// Tries one scale byte a column and keeps it where the error is less.
template <int kCount>
BURIN_INLINE void Try(const LevelTable& table, const GroupInput& input, int half, const I8& scale,
                      Best& best) {
  F8 unit;
  for (int i = 0; i < kLanes; ++i) unit[i] = ScaleUnit(scale[i]);
  const Quantize<kCount> quantize(table, unit);
  F8 error, wl, ll;
  Fill(error, 0);
  Fill(wl, 0);
  Fill(ll, 0);
  for (int64_t row = 0; row < input.rows; ++row) {
    F8 w, h, level;
    Load(w, input.weights + row * 16 + half * kLanes);
    Fill(h, input.importance[row]);
    quantize(table, w, level);
    const F8 miss = w - unit * level, hl = h * level;
    error += h * (miss * miss);
    wl += hl * w;
    ll += hl * level;
  }
  const I8 less = error < best.error;
  Select(best.error, less, error, best.error);
  Select(best.wl, less, wl, best.wl);
  Select(best.ll, less, ll, best.ll);
  best.scale = (less & scale) | (~less & best.scale);
}

BURIN_INLINE void Clamp(I8& scale) {
  for (int i = 0; i < kLanes; ++i) scale[i] = std::clamp(scale[i], 0, 255);
}

// Largest |weight| and weighted sums of squares.
struct Moments {
  F8 largest, energy, importance;
};
BURIN_INLINE void Measure(const GroupInput& input, int half, Moments& m) {
  Fill(m.largest, 0);
  Fill(m.energy, 0);
  Fill(m.importance, 0);
  for (int64_t row = 0; row < input.rows; ++row) {
    F8 w, h;
    Load(w, input.weights + row * 16 + half * kLanes);
    Fill(h, input.importance[row]);
    F8 magnitude;
    const F8 negative = -w;
    Select(magnitude, w < negative, negative, w);
    Select(m.largest, magnitude > m.largest, magnitude, m.largest);
    m.energy += h * (w * w);
    m.importance += h;
  }
}

// Root mean square of a codebook whose levels a Gaussian weight would use best, relative to its
// largest: 1 / 2.15 for 8 levels, 1 / 2.73 for 16 (Max 1960), about 1 / 3.6 for 64.
constexpr float LargestInDeviations(int bits) {
  return bits == 3 ? 2.15f : bits == 4 ? 2.73f : 3.6f;
}

template <int kCount>
BURIN_INLINE void SearchHalf(const LevelTable& table, const GroupInput& input, int half,
                             GroupResult& result) {
  Moments m;
  Measure(input, half, m);
  I8 full, by_deviation;
  for (int i = 0; i < kLanes; ++i) {
    full[i] = ScaleAtLeast(m.largest[i] / table.largest);
    const float deviation = m.importance[i] > 0 ? std::sqrt(m.energy[i] / m.importance[i]) : 0.0f;
    by_deviation[i] = ScaleNearest(deviation * LargestInDeviations(table.bits) / table.largest);
  }
  Best best;
  best.scale = full;
  Fill(best.error, __builtin_inff());
  Fill(best.wl, 0);
  Fill(best.ll, 0);
  Try<kCount>(table, input, half, full, best);
  for (int offset = kUp; offset >= -kDown; offset -= kCoarseStep) {
    if (offset == 0) continue;
    I8 scale = full + offset;
    Clamp(scale);
    Try<kCount>(table, input, half, scale, best);
  }
  Try<kCount>(table, input, half, by_deviation, best);
  for (const int offset : {1, -1}) {
    I8 scale = best.scale + offset;
    Clamp(scale);
    Try<kCount>(table, input, half, scale, best);
  }
  for (int round = 0; round < kLeastSquaresRounds; ++round) {
    I8 scale;
    bool moved = false;
    for (int i = 0; i < kLanes; ++i) {
      scale[i] = best.ll[i] > 0 ? ScaleNearest(best.wl[i] / best.ll[i]) : best.scale[i];
      moved |= scale[i] != best.scale[i];
    }
    if (!moved) break;
    Try<kCount>(table, input, half, scale, best);
  }
  for (int i = 0; i < kLanes; ++i) {
    const auto at = static_cast<size_t>(half * kLanes + i);
    result.scale[at] = static_cast<uint8_t>(best.scale[i]);
    result.error[at] = best.error[i];
    result.energy[at] = m.energy[i];
  }
}

template <int kCount>
BURIN_INLINE void AssignHalf(const LevelTable& table, const GroupInput& input, int half,
                             const std::array<uint8_t, 16>& scale, uint8_t* codes) {
  F8 threshold[kCount - 1];
  for (int k = 0; k < kCount - 1; ++k) {
    for (int i = 0; i < kLanes; ++i) {
      threshold[k][i] =
          ScaleUnit(scale[static_cast<size_t>(half * kLanes + i)]) * table.threshold[k];
    }
  }
  for (int64_t row = 0; row < input.rows; ++row) {
    F8 w;
    Load(w, input.weights + row * 16 + half * kLanes);
    I8 code{};
#pragma GCC unroll 16
    for (int k = 0; k < kCount - 1; ++k) code -= w > threshold[k];
    const B8 bytes = __builtin_convertvector(code, B8);
    std::memcpy(codes + row * 16 + half * kLanes, &bytes, sizeof bytes);
  }
}

template <>
BURIN_INLINE void AssignHalf<64>(const LevelTable& table, const GroupInput& input, int half,
                                 const std::array<uint8_t, 16>& scale, uint8_t* codes) {
  F8 unit;
  for (int i = 0; i < kLanes; ++i)
    unit[i] = ScaleUnit(scale[static_cast<size_t>(half * kLanes + i)]);
  const Quantize<64> quantize(table, unit);
  for (int64_t row = 0; row < input.rows; ++row) {
    F8 w;
    Load(w, input.weights + row * 16 + half * kLanes);
    I8 index;
    quantize.Index(w, index);
    // The quotient is rounded: compare with the true midpoints, 2 * index - 64 and - 62.
    const F8 below = (__builtin_convertvector(index, F8) * 2.0f - 64.0f) * unit;
    const F8 above = below + 2.0f * unit;
    index += (w <= below) & (index > 0);
    index -= (w > above) & (index < 63);
    const B8 bytes = __builtin_convertvector(index, B8);
    std::memcpy(codes + row * 16 + half * kLanes, &bytes, sizeof bytes);
  }
}

BURIN_INLINE void SearchAny(const LevelTable& table, const GroupInput& input, GroupResult& result) {
  for (int half = 0; half < 2; ++half) {
    if (table.bits == 3) SearchHalf<8>(table, input, half, result);
    if (table.bits == 4) SearchHalf<16>(table, input, half, result);
    if (table.bits == 6) SearchHalf<64>(table, input, half, result);
  }
}

BURIN_INLINE void AssignAny(const LevelTable& table, const GroupInput& input,
                            const std::array<uint8_t, 16>& scale, uint8_t* codes) {
  for (int half = 0; half < 2; ++half) {
    if (table.bits == 3) AssignHalf<8>(table, input, half, scale, codes);
    if (table.bits == 4) AssignHalf<16>(table, input, half, scale, codes);
    if (table.bits == 6) AssignHalf<64>(table, input, half, scale, codes);
  }
}

// Two copies of the same code: no operation is fused or reordered, so both give the same bits.
#if defined(__x86_64__)
[[gnu::target("avx2")]] void SearchAvx2(const LevelTable& table, const GroupInput& input,
                                        GroupResult& result) {
  SearchAny(table, input, result);
}
[[gnu::target("avx2")]] void AssignAvx2(const LevelTable& table, const GroupInput& input,
                                        const std::array<uint8_t, 16>& scale, uint8_t* codes) {
  AssignAny(table, input, scale, codes);
}
bool HasAvx2() {
  static const bool has = __builtin_cpu_supports("avx2");
  return has;
}
#endif

}  // namespace

LevelTable MakeLevelTable(int bits, const std::array<int8_t, 16>& codebook) {
  LevelTable table;
  table.bits = bits;
  table.count = 1 << bits;
  if (bits == 6) {
    table.largest = 63;
    return table;
  }
  const auto count = static_cast<size_t>(table.count);
  for (size_t i = 0; i < count; ++i) {
    table.level[i] = codebook[i];
    table.largest = std::max(table.largest, std::abs(table.level[i]));
  }
  for (size_t i = 0; i + 1 < count; ++i) {
    table.step[i] = table.level[i + 1] - table.level[i];
    table.threshold[i] = (table.level[i] + table.level[i + 1]) / 2;
  }
  return table;
}

int ScaleAtLeast(float unit) {
  if (!(unit > 16)) return 0;
  if (unit >= ScaleUnit(255)) return 255;
  const int shift = std::ilogb(unit) - 4;  // unit = mantissa * 2^shift, mantissa in [16, 32)
  return 16 * shift + static_cast<int>(std::ceil(std::ldexp(unit, -shift))) - 16;
}

int ScaleNearest(float unit) {
  const int above = ScaleAtLeast(unit);
  if (above == 0) return 0;
  return unit - ScaleUnit(above - 1) <= ScaleUnit(above) - unit ? above - 1 : above;
}

void SearchScales(const LevelTable& table, const GroupInput& input, GroupResult& result) {
#if defined(__x86_64__)
  if (HasAvx2()) return SearchAvx2(table, input, result);
#endif
  SearchAny(table, input, result);
}

void AssignCodes(const LevelTable& table, const GroupInput& input,
                 const std::array<uint8_t, 16>& scale, uint8_t* codes) {
#if defined(__x86_64__)
  if (HasAvx2()) return AssignAvx2(table, input, scale, codes);
#endif
  AssignAny(table, input, scale, codes);
}

}  // namespace burin
