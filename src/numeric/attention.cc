#include "numeric/attention.h"

#include <algorithm>

#include "numeric/fixed.h"
#include "numeric/tables.h"

namespace burin {
namespace {
constexpr int32_t kScoreLimit = int32_t{1} << 30;
}

int32_t Score(int32_t dot, int query_exponent, int key_exponent) {
  return std::clamp(ScaleToInt32(dot, query_exponent + key_exponent + kVectorFraction),
                    -kScoreLimit, kScoreLimit);
}

uint64_t SoftmaxNumerators(std::span<const int32_t> scores, std::span<int32_t> p) {
  const int32_t largest = *std::max_element(scores.begin(), scores.end());
  uint64_t total = 0;
  for (size_t j = 0; j < scores.size(); ++j) {
    p[j] = Exp2Negative(static_cast<uint32_t>(int64_t{largest} - scores[j]));
    total += static_cast<uint64_t>(p[j]);
  }
  return total;
}

int32_t AlignedProbability(int32_t p, int largest_exponent, int exponent) {
  return static_cast<int32_t>(RoundShift(p, std::min(31, largest_exponent - exponent)));
}

int32_t DivideByTotal(int64_t sum, int value_exponent, uint64_t total) {
  const int drop =
      std::max(0, BitLength(total) - 24);  // |sum| < 2^(bits + 7): at most 31 bits remain
  const RootResult inverse = Reciprocal(total);
  return ScaleToInt32(RoundShift(sum, drop) * inverse.mantissa,
                      value_exponent + kVectorFraction - 23 + inverse.exponent + drop);
}

void Attend(const HeadVector& query, const HeadCacheView& keys, const HeadCacheView& values,
            int64_t positions, int64_t head_dim, std::span<int32_t> scratch,
            std::span<int32_t> out) {
  const auto count = static_cast<size_t>(positions);
  const std::span<int32_t> scores = scratch.first(count), p = scratch.subspan(count, count);
  for (int64_t j = 0; j < positions; ++j) {
    int32_t dot = 0;
    for (int64_t d = 0; d < head_dim; ++d) {
      dot += query.mantissas[d] * keys.mantissas[j * head_dim + d];
    }
    scores[static_cast<size_t>(j)] = Score(dot, query.exponent, keys.exponents[j]);
  }
  const uint64_t total = SoftmaxNumerators(scores, p);
  const int largest = *std::max_element(values.exponents, values.exponents + positions);
  for (size_t j = 0; j < count; ++j) p[j] = AlignedProbability(p[j], largest, values.exponents[j]);
  for (int64_t d = 0; d < head_dim; ++d) {
    int64_t sum = 0;
    for (int64_t j = 0; j < positions; ++j) {
      sum += int64_t{p[static_cast<size_t>(j)]} * values.mantissas[j * head_dim + d];
    }
    out[static_cast<size_t>(d)] = DivideByTotal(sum, largest, total);
  }
}

}  // namespace burin
