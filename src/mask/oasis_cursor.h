// The bytes of an OASIS file as numbers and strings, with an error that is asked for once.
// Internal.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "mask/geometry.h"

namespace burin::mask {

class OasisCursor {
 public:
  explicit OasisCursor(std::span<const uint8_t> bytes, uint64_t begin = 0)
      : bytes_(bytes), at_(begin) {}

  bool AtEnd() const { return at_ >= bytes_.size(); }
  uint64_t at() const { return at_; }
  bool ok() const { return problem_.empty(); }
  const std::string& problem() const { return problem_; }
  // Keeps the first; every later number reads as 0.
  void Fail(std::string_view problem);

  uint8_t Byte();
  uint64_t Unsigned();
  int64_t Signed();
  // Within +-2^30: the coordinates of a file in nanometres that fits a wafer.
  int32_t Coordinate();
  // One of the eight forms of a real; the value is not needed.
  void SkipReal();
  void SkipRealOfType(uint64_t type);
  std::string_view Text();
  std::span<const uint8_t> Take(uint64_t size);
  // A displacement in one of its two forms, times `grid`.
  Point Delta(int64_t grid);

 private:
  std::span<const uint8_t> bytes_;
  uint64_t at_;
  std::string problem_;
};

// Reads a repetition of that type (not 0) into `offsets`, the first 0, 0. With expand = false only
// its bytes are read and `offsets` stays as it is. Fails above `most` copies.
void ReadRepetition(OasisCursor& in, uint64_t type, bool expand, uint64_t most,
                    std::vector<Point>& offsets);

}  // namespace burin::mask
