// Block floating point: the form in which an activation vector enters the fabric (docs/numerics.md,
// section 2).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace burin {

// The exponent of a block whose values are all zero. It is below every other one (the least is
// -kMaxFraction).
inline constexpr int kZeroBlockExponent = -64;
inline constexpr int kMaxFraction = 40;
// Tokens of a batch lie this many bytes further apart than their values need, so that the tokens of
// a power-of-two width do not all fall into one set of the cache.
inline constexpr int64_t kTokenPadding = 64;

// A batch of `tokens` vectors of `rows` values in blocks of `group` rows: value = mantissa *
// 2^exponent(block). Rows are padded with zeros to a multiple of `group`.
struct BlockFloatBatch {
  int64_t tokens = 0;
  int64_t rows = 0;                // K, the inputs of a matrix
  int64_t group = 0;               // 32, 64 or 128
  int64_t groups = 0;              // ceil(rows / group)
  std::vector<int8_t> mantissas;   // [tokens][groups * group], in [-127, 127]
  std::vector<int32_t> exponents;  // [tokens][groups], in [-64, 63]
  std::vector<int32_t>
      sums;  // [tokens][groups]: sum of the block's mantissas, for kernels that use offset levels

  // Sets the shape and makes room; keeps the memory that is there.
  void Resize(int64_t token_count, int64_t row_count, int64_t group_rows);

  int64_t stride() const { return groups * group + kTokenPadding; }
  int8_t* TokenMantissas(int64_t t) { return mantissas.data() + t * stride(); }
  const int8_t* TokenMantissas(int64_t t) const { return mantissas.data() + t * stride(); }
  int32_t* TokenExponents(int64_t t) { return exponents.data() + t * groups; }
  const int32_t* TokenExponents(int64_t t) const { return exponents.data() + t * groups; }
  int32_t* TokenSums(int64_t t) { return sums.data() + t * groups; }
  const int32_t* TokenSums(int64_t t) const { return sums.data() + t * groups; }

  // E: the largest exponent of the token's blocks; the matrix sum is in units of 2^(E + ...).
  int32_t CommonExponent(int64_t t) const;
};

// One block: values[i] * 2^-fraction -> mantissas and the returned exponent.
//   M = max |values|; s = max(0, BitLength(M) - 7); mantissa = RoundShift(value, s) saturated to
//   [-127, 127]; exponent = s - fraction.
// An all-zero block has exponent kZeroBlockExponent. |values| <= 2^62; 0 <= fraction <=
// kMaxFraction.
int QuantizeBlock(std::span<const int32_t> values, int fraction, int8_t* mantissas);
int QuantizeBlock(std::span<const int64_t> values, int fraction, int8_t* mantissas);

// Token `t` of `batch` from a fixed-point vector of batch.rows values: each block by QuantizeBlock;
// padding is zero.
void QuantizeToken(std::span<const int32_t> values, int fraction, BlockFloatBatch& batch,
                   int64_t t);
void QuantizeToken(std::span<const int64_t> values, int fraction, BlockFloatBatch& batch,
                   int64_t t);

}  // namespace burin
