#include "mask/oasis_cursor.h"

#include <algorithm>
#include <limits>

#include "mask/oasis_records.h"

namespace burin::mask {
namespace {

constexpr int64_t kFarthest = int64_t{1} << 30;

bool Near(int64_t value) { return value >= -kFarthest && value <= kFarthest; }

Point ToPoint(OasisCursor& in, int64_t x, int64_t y) {
  if (!Near(x) || !Near(y)) {
    in.Fail("a coordinate beyond 2^30");
    return {};
  }
  return {static_cast<int32_t>(x), static_cast<int32_t>(y)};
}

// A number that is multiplied or added later without a check.
int64_t Small(OasisCursor& in, uint64_t value) {
  if (value <= static_cast<uint64_t>(kFarthest)) return static_cast<int64_t>(value);
  in.Fail("a distance beyond 2^30");
  return 0;
}

// `count` distances along one axis.
void ReadLine(OasisCursor& in, bool along_x, bool has_grid, bool expand, uint64_t most,
              std::vector<Point>& offsets) {
  const uint64_t gaps = in.Unsigned() + 1;
  const int64_t grid = has_grid ? Small(in, in.Unsigned()) : 1;
  if (gaps >= most || gaps == 0) in.Fail("a repetition of too many copies");
  int64_t at = 0;
  if (expand) offsets.assign(1, {});
  for (uint64_t i = 0; i < gaps && in.ok(); ++i) {
    at += Small(in, in.Unsigned()) * grid;
    const Point next = along_x ? ToPoint(in, at, 0) : ToPoint(in, 0, at);
    if (expand) offsets.push_back(next);
  }
}

// n x m copies with displacements u and v.
void FillLattice(OasisCursor& in, uint64_t n, uint64_t m, Point u, Point v, bool expand,
                 uint64_t most, std::vector<Point>& offsets) {
  if (n > most || m > most || n * m > most) in.Fail("a repetition of too many copies");
  const auto far_n = static_cast<int64_t>(n), far_m = static_cast<int64_t>(m);
  if (in.ok()) ToPoint(in, far_n * u.x + far_m * v.x, far_n * u.y + far_m * v.y);
  if (in.ok())
    ToPoint(in, far_n * std::abs(int64_t{u.x}) + far_m * std::abs(int64_t{v.x}),
            far_n * std::abs(int64_t{u.y}) + far_m * std::abs(int64_t{v.y}));
  if (!in.ok() || !expand) return;
  offsets.clear();
  for (int64_t j = 0; j < far_m; ++j) {
    for (int64_t i = 0; i < far_n; ++i) {
      offsets.push_back(ToPoint(in, i * u.x + j * v.x, i * u.y + j * v.y));
    }
  }
}

void ReadPoints(OasisCursor& in, bool has_grid, bool expand, uint64_t most,
                std::vector<Point>& offsets) {
  const uint64_t gaps = in.Unsigned() + 1;
  const int64_t grid = has_grid ? Small(in, in.Unsigned()) : 1;
  if (gaps >= most || gaps == 0) in.Fail("a repetition of too many copies");
  Point at{};
  if (expand) offsets.assign(1, {});
  for (uint64_t i = 0; i < gaps && in.ok(); ++i) {
    const Point by = in.Delta(grid);
    at = ToPoint(in, int64_t{at.x} + by.x, int64_t{at.y} + by.y);
    if (expand) offsets.push_back(at);
  }
}

}  // namespace

void OasisCursor::Fail(std::string_view problem) {
  if (problem_.empty()) problem_ = problem;
}

uint8_t OasisCursor::Byte() {
  if (!ok()) return 0;
  if (AtEnd()) {
    Fail("ends in the middle of a record");
    return 0;
  }
  return bytes_[at_++];
}

uint64_t OasisCursor::Unsigned() {
  uint64_t value = 0;
  for (int shift = 0; shift < 63; shift += 7) {
    const uint8_t byte = Byte();
    value |= uint64_t{byte & 127u} << shift;
    if (byte < 128) return ok() ? value : 0;
  }
  Fail("a number of more than 63 bits");
  return 0;
}

int64_t OasisCursor::Signed() {
  const uint64_t value = Unsigned();
  const auto magnitude = static_cast<int64_t>(value >> 1);
  return value & 1 ? -magnitude : magnitude;
}

int32_t OasisCursor::Coordinate() {
  const int64_t value = Signed();
  if (Near(value)) return static_cast<int32_t>(value);
  Fail("a coordinate beyond 2^30");
  return 0;
}

void OasisCursor::SkipReal() { SkipRealOfType(Unsigned()); }

void OasisCursor::SkipRealOfType(uint64_t type) {
  if (type <= 3) {
    Unsigned();
  } else if (type <= 5) {
    Unsigned();
    Unsigned();
  } else if (type == 6) {
    Take(4);
  } else if (type == 7) {
    Take(8);
  } else {
    Fail("a real number of unknown type");
  }
}

std::string_view OasisCursor::Text() {
  const auto bytes = Take(Unsigned());
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

std::span<const uint8_t> OasisCursor::Take(uint64_t size) {
  if (!ok()) return {};
  if (size > bytes_.size() - at_) {
    Fail("ends in the middle of a record");
    return {};
  }
  const auto part = bytes_.subspan(at_, size);
  at_ += size;
  return part;
}

Point OasisCursor::Delta(int64_t grid) {
  const uint64_t first = Unsigned();
  int64_t x = 0, y = 0;
  if ((first & 1) == 0) {  // one of eight directions: east, north, west, south, then between them
    const int64_t length = Small(*this, first >> 4) * grid;
    constexpr int kX[] = {1, 0, -1, 0, 1, -1, -1, 1}, kY[] = {0, 1, 0, -1, 1, 1, -1, -1};
    const auto direction = static_cast<size_t>((first >> 1) & 7);
    x = kX[direction] * length;
    y = kY[direction] * length;
  } else {
    x = Small(*this, first >> 2) * grid * ((first & 2) != 0 ? -1 : 1);
    const int64_t down = Signed();
    if (!Near(down)) Fail("a distance beyond 2^30");
    y = ok() ? down * grid : 0;
  }
  return ToPoint(*this, x, y);
}

void ReadRepetition(OasisCursor& in, uint64_t type, bool expand, uint64_t most,
                    std::vector<Point>& offsets) {
  switch (type) {
    case kRepeatMatrix: {
      const uint64_t n = in.Unsigned() + 2, m = in.Unsigned() + 2;
      const int64_t x = Small(in, in.Unsigned()), y = Small(in, in.Unsigned());
      return FillLattice(in, n, m, ToPoint(in, x, 0), ToPoint(in, 0, y), expand, most, offsets);
    }
    case kRepeatRow:
    case kRepeatColumn: {
      const uint64_t n = in.Unsigned() + 2;
      const int64_t step = Small(in, in.Unsigned());
      const Point u = type == kRepeatRow ? ToPoint(in, step, 0) : ToPoint(in, 0, step);
      return FillLattice(in, n, 1, u, {}, expand, most, offsets);
    }
    case kRepeatRowIrregular:
    case kRepeatRowIrregularGrid:
      return ReadLine(in, true, type == kRepeatRowIrregularGrid, expand, most, offsets);
    case kRepeatColumnIrregular:
    case kRepeatColumnIrregularGrid:
      return ReadLine(in, false, type == kRepeatColumnIrregularGrid, expand, most, offsets);
    case kRepeatLattice: {
      const uint64_t n = in.Unsigned() + 2, m = in.Unsigned() + 2;
      const Point u = in.Delta(1), v = in.Delta(1);
      return FillLattice(in, n, m, u, v, expand, most, offsets);
    }
    case kRepeatLine: {
      const uint64_t n = in.Unsigned() + 2;
      return FillLattice(in, n, 1, in.Delta(1), {}, expand, most, offsets);
    }
    case kRepeatPoints:
    case kRepeatPointsGrid:
      return ReadPoints(in, type == kRepeatPointsGrid, expand, most, offsets);
    default:
      in.Fail("a repetition of unknown type");
  }
}

}  // namespace burin::mask
