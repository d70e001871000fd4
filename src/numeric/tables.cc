#include "numeric/tables.h"

#include <algorithm>
#include <cmath>

#include "base/check.h"
#include "numeric/fixed.h"

namespace burin {
namespace {

int32_t RoundHalfUp(long double x) { return static_cast<int32_t>(std::floor(x + 0.5L)); }

Tables MakeTables() {
  Tables tables{};
  for (size_t i = 0; i < tables.exp2.size(); ++i) {
    tables.exp2[i] = RoundHalfUp(32768.0L * std::exp2(-static_cast<long double>(i) / 256.0L));
  }
  for (size_t i = 0; i < tables.sigmoid.size(); ++i) {
    tables.sigmoid[i] =
        RoundHalfUp(65536.0L / (1.0L + std::exp(-static_cast<long double>(i) / 32.0L)));
  }
  for (size_t i = 0; i < tables.rsqrt.size(); ++i) {
    tables.rsqrt[i] =
        RoundHalfUp(32768.0L / std::sqrt((static_cast<long double>(i) + 64.5L) / 256.0L));
  }
  for (size_t i = 0; i < tables.reciprocal.size(); ++i) {
    tables.reciprocal[i] =
        RoundHalfUp(32768.0L / ((static_cast<long double>(i) + 128.5L) / 256.0L));
  }
  return tables;
}

}  // namespace

const Tables& ContractTables() {
  static const Tables tables = MakeTables();
  return tables;
}

int32_t Exp2Negative(uint32_t distance) {
  const uint32_t whole = distance >> 16;
  if (whole > 15) return 0;
  const auto& table = ContractTables().exp2;
  const size_t index = (distance >> 8) & 255;
  const int32_t rest = static_cast<int32_t>(distance & 255);
  const int32_t high = table[index], low = table[index + 1];
  const int32_t value = high - (((high - low) * rest + 128) >> 8);
  return static_cast<int32_t>(std::min<int64_t>(RoundShift(value, static_cast<int>(whole)), 32767));
}

int32_t Sigmoid(int32_t x) {
  const uint64_t magnitude = Magnitude(x);
  int32_t value = 65536;
  if (magnitude < (uint64_t{16} << 16)) {
    const auto& table = ContractTables().sigmoid;
    const size_t index = magnitude >> 11;
    const int32_t rest = static_cast<int32_t>(magnitude & 2047);
    value = table[index] + (((table[index + 1] - table[index]) * rest + 1024) >> 11);
  }
  return x < 0 ? 65536 - value : value;
}

RootResult ReciprocalRoot(uint64_t x) {
  BURIN_CHECK(x >= 1);
  // m = x * 2^q in [2^30, 2^32), q even: x = (m / 2^32) * 2^(32 - q).
  int q = 32 - BitLength(x);
  q -= q & 1;
  const uint64_t m = q >= 0 ? x << q : x >> -q;
  const uint64_t y0 = static_cast<uint64_t>(ContractTables().rsqrt[(m >> 24) - 64]);  // Q15
  const uint64_t xy2 = (y0 * y0 * (m >> 8)) >> 24;                                    // Q30
  const uint64_t h = (uint64_t{3} << 30) - xy2;                                       // Q30
  return {static_cast<int32_t>((y0 * h) >> 23), q / 2 - 16};
}

RootResult Reciprocal(uint64_t x) {
  BURIN_CHECK(x >= 1);
  const int bits = BitLength(x);
  const uint64_t m = bits <= 32 ? x << (32 - bits) : x >> (bits - 32);  // [2^31, 2^32)
  const uint64_t y0 = static_cast<uint64_t>(ContractTables().reciprocal[(m >> 24) - 128]);  // Q15
  const uint64_t xy = (y0 * (m >> 8)) >> 9;                                                 // Q30
  const uint64_t h = (uint64_t{2} << 30) - xy;                                              // Q30
  return {static_cast<int32_t>((y0 * h) >> 22), -bits};
}

std::vector<int16_t> MakeRotaryTable(std::span<const double> frequencies, int64_t positions) {
  const int64_t coarse_rows = (positions + 63) / 64;
  std::vector<int16_t> values;
  values.reserve(static_cast<size_t>(coarse_rows + 64) * frequencies.size() * 2);
  auto append_row = [&](int64_t position) {
    for (const double frequency : frequencies) {
      const long double angle =
          static_cast<long double>(frequency) * static_cast<long double>(position);
      values.push_back(static_cast<int16_t>(RoundHalfUp(16384.0L * std::cos(angle))));
      values.push_back(static_cast<int16_t>(RoundHalfUp(16384.0L * std::sin(angle))));
    }
  };
  for (int64_t hi = 0; hi < coarse_rows; ++hi) append_row(64 * hi);
  for (int64_t lo = 0; lo < 64; ++lo) append_row(lo);
  return values;
}

RotaryTable ViewRotaryTable(std::span<const int16_t> values, int64_t pairs, int64_t positions) {
  const auto row = static_cast<size_t>(pairs * 2);
  const size_t coarse = static_cast<size_t>((positions + 63) / 64) * row;
  BURIN_CHECK(values.size() == coarse + 64 * row);
  return {pairs, positions, values.first(coarse), values.subspan(coarse)};
}

void RotaryAngles(const RotaryTable& table, int64_t position, int32_t* out) {
  const int16_t* a = table.coarse.data() + position / 64 * table.pairs * 2;
  const int16_t* b = table.fine.data() + position % 64 * table.pairs * 2;
  for (int64_t i = 0; i < table.pairs; ++i) {
    const int32_t ca = a[2 * i], sa = a[2 * i + 1], cb = b[2 * i], sb = b[2 * i + 1];
    out[2 * i] = static_cast<int32_t>(RoundShift(int64_t{ca} * cb - int64_t{sa} * sb, 14));
    out[2 * i + 1] = static_cast<int32_t>(RoundShift(int64_t{sa} * cb + int64_t{ca} * sb, 14));
  }
}

}  // namespace burin
