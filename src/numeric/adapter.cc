#include "numeric/adapter.h"

#include <algorithm>
#include <array>

#include "numeric/fixed.h"

namespace burin {
namespace {

constexpr int kHeadroomGroupsLog2 = 10;  // 1024 * 2,064,512 + rounding < 2^31
constexpr int kMaxShift = 31;            // group sums are below 2^21: more gives 0 as well

}  // namespace

int AdapterDropBits(int64_t groups) {
  return std::max(0, CeilLog2(static_cast<uint64_t>(groups)) - kHeadroomGroupsLog2);
}

int32_t AdapterGroupSum(const AdapterMatrix& matrix, const int8_t* mantissas, int64_t group_rows,
                        int64_t group, int64_t r) {
  const int64_t begin = group * group_rows, end = std::min(begin + group_rows, matrix.inputs);
  const int8_t* row = matrix.a.data() + r * matrix.inputs;
  int32_t sum = 0;
  for (int64_t i = begin; i < end; ++i) sum += int32_t{row[i]} * mantissas[i];
  return sum;
}

int32_t AdapterRankSum(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t,
                       int64_t r) {
  const int common = x.CommonExponent(t), drop = AdapterDropBits(x.groups);
  int32_t total = 0;
  for (int64_t g = 0; g < x.groups; ++g) {
    const int shift = std::min(kMaxShift, common - x.TokenExponents(t)[g] + drop);
    total += static_cast<int32_t>(
        RoundShift(AdapterGroupSum(matrix, x.TokenMantissas(t), x.group, g, r), shift));
  }
  return total;
}

int AdapterRankVector(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t,
                      int8_t* mantissas) {
  std::array<int32_t, kMaxAdapterRank> sums;
  for (int64_t r = 0; r < matrix.rank; ++r) {
    sums[static_cast<size_t>(r)] = AdapterRankSum(matrix, x, t, r);
  }
  const std::span<const int32_t> used(sums.data(), static_cast<size_t>(matrix.rank));
  return x.CommonExponent(t) + AdapterDropBits(x.groups) + QuantizeBlock(used, 0, mantissas);
}

void AddAdapterOutputs(const AdapterMatrix& matrix, const int8_t* mantissas, int exponent,
                       int fraction, int64_t begin, int64_t end, std::span<int32_t> out) {
  for (int64_t n = begin; n < end; ++n) {
    int32_t sum = 0;
    const auto at = static_cast<size_t>(n);
    for (int64_t r = 0; r < matrix.rank; ++r) {
      sum += int32_t{matrix.b[static_cast<size_t>(r * matrix.outputs) + at]} * mantissas[r];
    }
    out[at] = SaturatingAdd(out[at], ScaleToInt32(sum, exponent + matrix.exponents[at] + fraction));
  }
}

void AddAdapter(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t, int fraction,
                std::span<int32_t> out) {
  if (matrix.empty()) return;
  std::array<int8_t, kMaxAdapterRank> mantissas;
  const int exponent = AdapterRankVector(matrix, x, t, mantissas.data());
  AddAdapterOutputs(matrix, mantissas.data(), exponent, fraction, 0, matrix.outputs, out);
}

}  // namespace burin
