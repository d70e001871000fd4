// Attention of one query head over int8 keys and values (docs/numerics.md, section 9). No floating
// point, no division.
#pragma once

#include <cstdint>
#include <span>

namespace burin {

inline constexpr int64_t kMaxHeadDim = 256;

// Keys or values of one (layer, kv head): int8 mantissas [positions][head_dim] and one exponent a
// position.
struct HeadCacheView {
  const int8_t* mantissas = nullptr;
  const int8_t* exponents = nullptr;
};

// One head vector as int8 with one exponent, as QuantizeBlock gives it (input: kVectorFraction
// bits).
struct HeadVector {
  const int8_t* mantissas = nullptr;
  int exponent = 0;
};

// Score of a position in units of log2 (log2(e) / sqrt(head_dim) is folded into the query weights),
// kVectorFraction bits, limited to +-2^30: dot * 2^(exponents).
int32_t Score(int32_t dot, int query_exponent, int key_exponent);

// Probabilities before division: p[j] = Exp2Negative(max score - score[j]), in [0, 32767]. Returns
// their sum.
uint64_t SoftmaxNumerators(std::span<const int32_t> scores, std::span<int32_t> p);

// The value's exponent joins its probability: RoundShift(p, largest - exponent), the shift limited
// to 31.
int32_t AlignedProbability(int32_t p, int largest_exponent, int exponent);

// sum * 2^value_exponent / total, kVectorFraction bits, saturated. |sum| <= 127 * total.
int32_t DivideByTotal(int64_t sum, int value_exponent, uint64_t total);

// out[head_dim] = softmax(query . keys) . values over `positions` >= 1 positions. `scratch` holds 2
// * positions values.
void Attend(const HeadVector& query, const HeadCacheView& keys, const HeadCacheView& values,
            int64_t positions, int64_t head_dim, std::span<int32_t> scratch,
            std::span<int32_t> out);

}  // namespace burin
