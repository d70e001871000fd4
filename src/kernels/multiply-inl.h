// The matrix pass for any vector width, written once over a small set of primitives ("Isa").
// Included by one source file an instruction set; everything is in an unnamed namespace, since each
// includer compiles it with other machine flags.
//
// An Isa gives:
//   kParts              vectors that make up one stored 64-byte vector (16 columns x 4 rows): 64 /
//   bytes of a vector kTokenBlock         tokens that share one pass over unpacked levels Bytes,
//   Ints         vector of 8-bit and of 32-bit lanes of the same width Load(p), Store(p, v), And(a,
//   b), Or3(a, b, c), Splat(byte), Shift<n>(v): 16-bit lanes, right, zeros in Table(p) 16 bytes as
//   a lookup table; Lookup(table, i): entry i % 16 for bytes i < 128 AddBytes(a, b) Broadcast(p) 4
//   bytes at p in every 32-bit lane Dot(acc, u, x)      acc + sum over the 4 bytes of a lane of u
//   (unsigned, <= 127) * x (signed) Dot2(acc, u0, x0, u1, x1)  the same for two, u <= 63
//   ZeroInts(), SplatInt(i), LoadInts(p), StoreInts(p, v), Add, Sub, Mul (low 32 bits), Min,
//   ShiftLeftEach, ShiftRightEach (arithmetic), Widen(p): unsigned bytes at p to 32-bit lanes
#pragma once

#include <cstdint>
#include <cstring>

#include "numeric/block_float.h"
#include "numeric/packed_matrix.h"

namespace burin {
namespace {

inline constexpr int64_t kMaxTokensAtOnce =
    64;  // tokens whose sums of one tile stay in the first-level cache
inline constexpr int64_t kMaxGroupQuads = 32;  // 128 rows

// What a group needs beside codes: levels made unsigned by an offset, so that they can be
// multiplied as unsigned bytes.
struct LevelTables {
  alignas(64) uint8_t high[16];  // 3 and 4 bits: level + offset. 6 bits: 8 * level + offset
  alignas(64) uint8_t low[16];   // 6 bits: level (modulo 256)
  int32_t offset;
};

inline LevelTables MakeLevelTables(const PackedMatrix& matrix) {
  LevelTables tables{};
  const int bits = matrix.shape.bits;
  tables.offset = bits == 3 ? 32 : 64;
  for (int i = 0; i < 16; ++i) {
    const int level = matrix.codebook[static_cast<size_t>(bits == 4 ? i : i % 8)];
    tables.high[i] = static_cast<uint8_t>((bits == 6 ? 8 * level : level) + tables.offset);
    tables.low[i] = static_cast<uint8_t>(level);
  }
  return tables;
}

// Calls use(k, first, second) for k = 0, 2, 4, 6 of one block of 32 rows: `first` holds the table
// indices of rows 4k..4k+3, `second` those of rows 4k+4..4k+7, each [plane][part]. kPlanes 3-bit
// blocks follow each other (two for 6 bits). The order keeps few vectors alive.
template <class Isa, int kPlanes, class Use>
[[gnu::always_inline]] inline void Unpack3(const uint8_t* block, Use&& use) {
  using Bytes = typename Isa::Bytes;
  constexpr int kParts = Isa::kParts, kPartBytes = 64 / kParts;
  const Bytes mask = Isa::Splat(0x77);
  Bytes first[kPlanes][kParts], second[kPlanes][kParts], rest[kPlanes][kParts];
#pragma GCC unroll 3
  for (int v = 0; v < 3; ++v) {
#pragma GCC unroll 2
    for (int plane = 0; plane < kPlanes; ++plane) {
#pragma GCC unroll 4
      for (int part = 0; part < kParts; ++part) {
        const Bytes bytes = Isa::Load(block + 192 * plane + 64 * v + kPartBytes * part);
        const Bytes spare = Isa::AndNot(mask, bytes);  // bits 3 and 7
        first[plane][part] = Isa::And(bytes, mask);
        second[plane][part] = Isa::template Shift<4>(first[plane][part]);
        rest[plane][part] =
            v == 0 ? spare : Isa::Or(Isa::template Shift<1>(rest[plane][part]), spare);
      }
    }
    use(2 * v, first, second);
  }
#pragma GCC unroll 2
  for (int plane = 0; plane < kPlanes; ++plane) {
#pragma GCC unroll 4
    for (int part = 0; part < kParts; ++part) {
      first[plane][part] = Isa::template Shift<1>(rest[plane][part]);  // bits 0-2 and 4-6
      second[plane][part] = Isa::template Shift<4>(first[plane][part]);
    }
  }
  use(6, first, second);
}

// Calls use(k, u0, u1) for k = 0, 2, 4, 6 of one block of 32 rows: the unsigned levels of rows
// 4k..4k+3 and 4k+4..4k+7, each [part].
template <class Isa, int kBits, class Use>
[[gnu::always_inline]] inline void ForEachLevelPair(const uint8_t* block, typename Isa::Bytes high,
                                                    [[maybe_unused]] typename Isa::Bytes low,
                                                    Use&& use) {
  using Bytes = typename Isa::Bytes;
  constexpr int kParts = Isa::kParts, kPartBytes = 64 / kParts;
  Bytes u0[kParts], u1[kParts];
  if constexpr (kBits == 4) {
    const Bytes mask = Isa::Splat(0x0f);
#pragma GCC unroll 4
    for (int v = 0; v < 4; ++v) {
#pragma GCC unroll 4
      for (int part = 0; part < kParts; ++part) {
        const Bytes bytes = Isa::Load(block + 64 * v + kPartBytes * part);
        u0[part] = Isa::Lookup(high, Isa::And(bytes, mask));
        u1[part] = Isa::Lookup(high, Isa::And(Isa::template Shift<4>(bytes), mask));
      }
      use(2 * v, u0, u1);
    }
  } else {
    constexpr int kPlanes = kBits / 3;
    Unpack3<Isa, kPlanes>(
        block, [&](int k, auto& first, auto& second) __attribute__((always_inline)) {
#pragma GCC unroll 4
          for (int part = 0; part < kParts; ++part) {
            u0[part] = Isa::Lookup(high, first[0][part]);
            u1[part] = Isa::Lookup(high, second[0][part]);
            if constexpr (kPlanes == 2) {
              u0[part] = Isa::AddBytes(u0[part], Isa::Lookup(low, first[1][part]));
              u1[part] = Isa::AddBytes(u1[part], Isa::Lookup(low, second[1][part]));
            }
          }
          use(k, u0, u1);
        });
  }
}

// acc + u0 . x0 + u1 . x1; at 3 bits levels are small enough for the pair form.
template <class Isa, int kBits>
[[gnu::always_inline]] inline typename Isa::Ints DotPair(typename Isa::Ints acc,
                                                         typename Isa::Bytes u0,
                                                         typename Isa::Bytes x0,
                                                         typename Isa::Bytes u1,
                                                         typename Isa::Bytes x1) {
  if constexpr (kBits == 3) return Isa::Dot2(acc, u0, x0, u1, x1);
  return Isa::Dot(Isa::Dot(acc, u0, x0), u1, x1);
}

// Mantissas and right shifts of the scales of one (tile, group) part, before the distance of a
// token is added.
template <class Isa>
struct GroupScales {
  typename Isa::Ints mantissa, shift;

  [[gnu::always_inline]] GroupScales(const uint8_t* scales, int drop) {
    const auto bytes = Isa::Widen(scales);
    mantissa = Isa::Add(Isa::AndInts(bytes, Isa::SplatInt(15)), Isa::SplatInt(16));
    shift = Isa::Sub(Isa::SplatInt(kMaxScaleShift + drop), Isa::template ShiftIntsRight<4>(bytes));
  }

  // GroupTerm of matrix_pass.h for sums that still hold the offset: the addend (1 << s) / 2 and s
  // <= 31 as there.
  [[gnu::always_inline]] typename Isa::Ints Term(typename Isa::Ints sum, int32_t correction,
                                                 int32_t distance) const {
    const auto product = Isa::Mul(Isa::Sub(sum, Isa::SplatInt(correction)), mantissa);
    const auto s = Isa::Min(Isa::Add(shift, Isa::SplatInt(distance)), Isa::SplatInt(31));
    const auto half = Isa::template ShiftIntsRight<1>(Isa::ShiftLeftEach(Isa::SplatInt(1), s));
    return Isa::ShiftRightEach(Isa::Add(product, half), s);
  }
};

// One token, one tile: levels go from the stored bytes through registers into the sums.
template <class Isa, int kBits>
inline void MultiplyTileOneToken(const MatrixShape& shape, const uint8_t* codes,
                                 const uint8_t* scales, const LevelTables& tables, int drop,
                                 const int8_t* x, const int32_t* exponents,
                                 const int32_t* block_sums, int32_t common, int32_t* out) {
  constexpr int kPartColumns = 16 / Isa::kParts;
  const auto high = Isa::Table(tables.high), low = Isa::Table(tables.low);
  const int64_t blocks = shape.group / kBlockRows, groups = shape.groups();
  const int64_t block_bytes = kBlockRows * kTileColumns * kBits / 8;
  typename Isa::Ints total[Isa::kParts];
  for (auto& t : total) t = Isa::ZeroInts();
  for (int64_t g = 0; g < groups; ++g) {
    typename Isa::Ints sum[Isa::kParts][2];
    for (auto& s : sum) s[0] = s[1] = Isa::ZeroInts();
    for (int64_t b = 0; b < blocks; ++b, codes += block_bytes, x += kBlockRows) {
      ForEachLevelPair<Isa, kBits>(
          codes, high, low, [&](int k, auto& u0, auto& u1) __attribute__((always_inline)) {
            const auto x0 = Isa::Broadcast(x + 4 * k), x1 = Isa::Broadcast(x + 4 * k + 4);
#pragma GCC unroll 4
            for (int part = 0; part < Isa::kParts; ++part) {
              auto& acc =
                  sum[part]
                     [k / 2 % 2];  // two chains of additions: one would be bound by their latency
              acc = DotPair<Isa, kBits>(acc, u0[part], x0, u1[part], x1);
            }
          });
    }
    const int32_t correction = tables.offset * block_sums[g], distance = common - exponents[g];
    for (int part = 0; part < Isa::kParts; ++part) {
      const GroupScales<Isa> group_scales(scales + part * kPartColumns, drop);
      total[part] = Isa::Add(total[part], group_scales.Term(Isa::Add(sum[part][0], sum[part][1]),
                                                            correction, distance));
    }
    scales += kTileColumns;
  }
  for (int part = 0; part < Isa::kParts; ++part)
    Isa::StoreInts(out + part * kPartColumns, total[part]);
}

// kTokens tokens against the unpacked levels of one group of one tile; adds the group's terms to
// sums[token][16].
template <class Isa, int kBits, int kTokens>
[[gnu::always_inline]] inline void MultiplyGroupTokens(const uint8_t* levels, int64_t quads,
                                                       const GroupScales<Isa>* scales,
                                                       int32_t offset, const BlockFloatBatch& x,
                                                       int64_t token, int64_t group,
                                                       const int32_t* common, int32_t* sums) {
  constexpr int kPartBytes = 64 / Isa::kParts, kPartColumns = 16 / Isa::kParts;
  const int64_t stride = x.stride();
  const int8_t* mantissas = x.mantissas.data() + token * stride + group * x.group;
  typename Isa::Ints sum[kTokens][Isa::kParts];
  for (auto& row : sum) {
    for (auto& s : row) s = Isa::ZeroInts();
  }
  for (int64_t k = 0; k < quads; k += 2) {
    typename Isa::Bytes u0[Isa::kParts], u1[Isa::kParts];
    for (int part = 0; part < Isa::kParts; ++part) {
      u0[part] = Isa::Load(levels + k * 64 + part * kPartBytes);
      u1[part] = Isa::Load(levels + k * 64 + 64 + part * kPartBytes);
    }
    for (int t = 0; t < kTokens; ++t) {
      const auto x0 = Isa::Broadcast(mantissas + t * stride + 4 * k);
      const auto x1 = Isa::Broadcast(mantissas + t * stride + 4 * k + 4);
      for (int part = 0; part < Isa::kParts; ++part) {
        sum[t][part] = DotPair<Isa, kBits>(sum[t][part], u0[part], x0, u1[part], x1);
      }
    }
  }
  for (int t = 0; t < kTokens; ++t) {
    const int64_t index = (token + t) * x.groups + group;
    const int32_t correction = offset * x.sums[static_cast<size_t>(index)];
    const int32_t distance = common[t] - x.exponents[static_cast<size_t>(index)];
    for (int part = 0; part < Isa::kParts; ++part) {
      int32_t* place = sums + t * kTileColumns + part * kPartColumns;
      Isa::StoreInts(place, Isa::Add(Isa::LoadInts(place),
                                     scales[part].Term(sum[t][part], correction, distance)));
    }
  }
}

// Up to kMaxTokensAtOnce tokens, one tile: each group's levels are unpacked once and serve all
// tokens.
template <class Isa, int kBits>
inline void MultiplyTileManyTokens(const MatrixShape& shape, const uint8_t* codes,
                                   const uint8_t* scales, const LevelTables& tables, int drop,
                                   const BlockFloatBatch& x, int64_t token_begin,
                                   int64_t token_count, const int32_t* common, int32_t* sums) {
  constexpr int kPartBytes = 64 / Isa::kParts, kPartColumns = 16 / Isa::kParts;
  alignas(64) uint8_t levels[kMaxGroupQuads * 64];
  const auto high = Isa::Table(tables.high), low = Isa::Table(tables.low);
  const int64_t blocks = shape.group / kBlockRows, quads = shape.group / 4, groups = shape.groups();
  const int64_t block_bytes = kBlockRows * kTileColumns * kBits / 8;
  std::memset(sums, 0, static_cast<size_t>(token_count * kTileColumns) * sizeof(int32_t));
  for (int64_t g = 0; g < groups; ++g, scales += kTileColumns) {
    for (int64_t b = 0; b < blocks; ++b, codes += block_bytes) {
      ForEachLevelPair<Isa, kBits>(
          codes, high, low, [&](int k, auto& u0, auto& u1) __attribute__((always_inline)) {
            uint8_t* place = levels + (8 * b + k) * 64;
            for (int part = 0; part < Isa::kParts; ++part) {
              Isa::Store(place + part * kPartBytes, u0[part]);
              Isa::Store(place + 64 + part * kPartBytes, u1[part]);
            }
          });
    }
    // Plain storage: a vector type cannot be an element of std::array without a warning about its
    // attributes.
    alignas(64) unsigned char storage[Isa::kParts * sizeof(GroupScales<Isa>)];
    auto* group_scales = reinterpret_cast<GroupScales<Isa>*>(storage);
    for (int part = 0; part < Isa::kParts; ++part) {
      group_scales[part] = GroupScales<Isa>(scales + part * kPartColumns, drop);
    }
    int64_t t = 0;
    for (; t + Isa::kTokenBlock <= token_count; t += Isa::kTokenBlock) {
      MultiplyGroupTokens<Isa, kBits, Isa::kTokenBlock>(levels, quads, group_scales, tables.offset,
                                                        x, token_begin + t, g, common + t,
                                                        sums + t * kTileColumns);
    }
    for (; t + 4 <= token_count; t += 4) {
      MultiplyGroupTokens<Isa, kBits, 4>(levels, quads, group_scales, tables.offset, x,
                                         token_begin + t, g, common + t, sums + t * kTileColumns);
    }
    for (; t < token_count; ++t) {
      MultiplyGroupTokens<Isa, kBits, 1>(levels, quads, group_scales, tables.offset, x,
                                         token_begin + t, g, common + t, sums + t * kTileColumns);
    }
  }
}

template <class Isa, int kBits>
inline void MultiplyTilesBits(const PackedMatrix& matrix, const BlockFloatBatch& x,
                              int64_t tile_begin, int64_t tile_end, int32_t* y, int64_t stride) {
  const MatrixShape& shape = matrix.shape;
  const LevelTables tables = MakeLevelTables(matrix);
  const int drop = shape.DropBits();
  alignas(64) int32_t sums[kMaxTokensAtOnce * kTileColumns];
  int32_t common[kMaxTokensAtOnce];
  for (int64_t token = 0; token < x.tokens; token += kMaxTokensAtOnce) {
    const int64_t left = x.tokens - token,
                  count = left < kMaxTokensAtOnce ? left : kMaxTokensAtOnce;
    for (int64_t t = 0; t < count; ++t) common[t] = x.CommonExponent(token + t);
    for (int64_t tile = tile_begin; tile < tile_end; ++tile) {
      const uint8_t* codes = matrix.codes.data() + tile * shape.TileBytes();
      const uint8_t* scales = matrix.scales.data() + tile * shape.groups() * kTileColumns;
      if (count == 1) {
        MultiplyTileOneToken<Isa, kBits>(shape, codes, scales, tables, drop,
                                         x.TokenMantissas(token), x.TokenExponents(token),
                                         x.TokenSums(token), common[0], sums);
      } else {
        MultiplyTileManyTokens<Isa, kBits>(shape, codes, scales, tables, drop, x, token, count,
                                           common, sums);
      }
      const int64_t col = tile * kTileColumns;
      const int64_t cols = shape.cols - col < kTileColumns ? shape.cols - col : kTileColumns;
      for (int64_t t = 0; t < count; ++t) {
        int32_t* place = y + (token + t) * stride + col;
        const int32_t* from = sums + t * kTileColumns;
        if (cols == kTileColumns) {  // a copy of known size is one or two stores
          std::memcpy(place, from, kTileColumns * sizeof(int32_t));
        } else {
          std::memcpy(place, from, static_cast<size_t>(cols) * sizeof(int32_t));
        }
      }
    }
  }
}

template <class Isa>
inline void MultiplyTilesFor(const PackedMatrix& matrix, const BlockFloatBatch& x,
                             int64_t tile_begin, int64_t tile_end, int32_t* y, int64_t stride) {
  switch (matrix.shape.bits) {
    case 4:
      return MultiplyTilesBits<Isa, 4>(matrix, x, tile_begin, tile_end, y, stride);
    case 6:
      return MultiplyTilesBits<Isa, 6>(matrix, x, tile_begin, tile_end, y, stride);
    default:
      return MultiplyTilesBits<Isa, 3>(matrix, x, tile_begin, tile_end, y, stride);
  }
}

}  // namespace
}  // namespace burin
