// LoRA adapters beside the matrix pass: y += B (A x) in integers (docs/numerics.md, section 11). A
// and B are int8 in writable memory; x is the very block-floating vector that enters the matrix
// pass.
#pragma once

#include <cstdint>
#include <span>

#include "numeric/block_float.h"

namespace burin {

inline constexpr int64_t kMaxAdapterRank = 256;

// The addition to one matrix. The weight of input i, rank r, output n is
//     a[r][i] * b[r][n] * 2^exponents[n]
// so the rows of A have no exponents of their own: their scales are in B's columns. All mantissas
// are in [-127, 127]. rank 0: no addition.
struct AdapterMatrix {
  int64_t inputs = 0, outputs = 0;
  int64_t rank = 0;                   // at most kMaxAdapterRank
  std::span<const int8_t> a;          // [rank][inputs]
  std::span<const int8_t> b;          // [rank][outputs]
  std::span<const int8_t> exponents;  // [outputs]
  bool empty() const { return rank == 0; }
};

// D: bits dropped from each group's sum so that the sum over groups cannot overflow 32 bits; 0 up
// to 1024 groups.
int AdapterDropBits(int64_t groups);

// The exact sum of one group: sum over its inputs of a[r][i] * mantissa. |result| <= 128 * 127 *
// 127 = 2,064,512 < 2^21. `mantissas` are those of the whole token.
int32_t AdapterGroupSum(const AdapterMatrix& matrix, const int8_t* mantissas, int64_t group_rows,
                        int64_t group, int64_t r);

// u[r] of token t: the group sums added up, each as RoundShift(sum, E - exponent of the block + D),
// the shift limited to 31. Unit 2^(E + D), E = x.CommonExponent(t). x.rows is matrix.inputs.
int32_t AdapterRankSum(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t, int64_t r);

// A x for token t as one block of int8: mantissas[rank] and the returned exponent, E + D + that of
// QuantizeBlock with fraction 0. All zero: any exponent, since only products with zero follow.
int AdapterRankVector(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t,
                      int8_t* mantissas);

// out[n] = SaturatingAdd(out[n], ScaleToInt32(sum over r of b[r][n] * mantissas[r], exponent +
// exponents[n] + fraction)) for outputs [begin, end); out has all outputs of the token with
// `fraction` bits, as the output stage left them. |sum| <= 256 * 127 * 127 < 2^22.
void AddAdapterOutputs(const AdapterMatrix& matrix, const int8_t* mantissas, int exponent,
                       int fraction, int64_t begin, int64_t end, std::span<int32_t> out);

// The whole addition for token t: AdapterRankVector, then AddAdapterOutputs of every output.
void AddAdapter(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t, int fraction,
                std::span<int32_t> out);

}  // namespace burin
