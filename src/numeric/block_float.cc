#include "numeric/block_float.h"

#include <algorithm>

#include "base/check.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

template <typename T>
int QuantizeBlockOf(std::span<const T> values, int fraction, int8_t* mantissas) {
  uint64_t largest = 0;
  for (const T value : values) largest = std::max(largest, Magnitude(value));
  if (largest == 0) {
    std::fill_n(mantissas, values.size(), int8_t{0});
    return kZeroBlockExponent;
  }
  const int shift = std::max(0, BitLength(largest) - 7);
  for (size_t i = 0; i < values.size(); ++i) {
    mantissas[i] =
        static_cast<int8_t>(std::clamp<int64_t>(RoundShift(values[i], shift), -127, 127));
  }
  return shift - fraction;
}

template <typename T>
void QuantizeTokenOf(std::span<const T> values, int fraction, BlockFloatBatch& batch, int64_t t) {
  BURIN_CHECK(static_cast<int64_t>(values.size()) == batch.rows);
  int8_t* mantissas = batch.TokenMantissas(t);
  std::fill(mantissas + batch.rows, mantissas + batch.stride(), int8_t{0});
  for (int64_t g = 0; g < batch.groups; ++g) {
    const int64_t begin = g * batch.group, count = std::min(batch.group, batch.rows - begin);
    batch.TokenExponents(t)[g] =
        QuantizeBlock(values.subspan(static_cast<size_t>(begin), static_cast<size_t>(count)),
                      fraction, mantissas + begin);
    int32_t sum = 0;
    for (int64_t i = begin; i < begin + count; ++i) sum += mantissas[i];
    batch.TokenSums(t)[g] = sum;
  }
}

}  // namespace

void BlockFloatBatch::Resize(int64_t token_count, int64_t row_count, int64_t group_rows) {
  tokens = token_count;
  rows = row_count;
  group = group_rows;
  groups = (rows + group - 1) / group;
  mantissas.resize(static_cast<size_t>(tokens * stride()));
  exponents.resize(static_cast<size_t>(tokens * groups));
  sums.resize(static_cast<size_t>(tokens * groups));
}

int32_t BlockFloatBatch::CommonExponent(int64_t t) const {
  const int32_t* e = TokenExponents(t);
  return *std::max_element(e, e + groups);
}

int QuantizeBlock(std::span<const int32_t> values, int fraction, int8_t* mantissas) {
  return QuantizeBlockOf(values, fraction, mantissas);
}
int QuantizeBlock(std::span<const int64_t> values, int fraction, int8_t* mantissas) {
  return QuantizeBlockOf(values, fraction, mantissas);
}

void QuantizeToken(std::span<const int32_t> values, int fraction, BlockFloatBatch& batch,
                   int64_t t) {
  QuantizeTokenOf(values, fraction, batch, t);
}
void QuantizeToken(std::span<const int64_t> values, int fraction, BlockFloatBatch& batch,
                   int64_t t) {
  QuantizeTokenOf(values, fraction, batch, t);
}

}  // namespace burin
