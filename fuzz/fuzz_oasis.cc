// Any bytes as an OASIS file: every cell visited, every copy inside the range that the reader
// promises.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "base/check.h"
#include "mask/oasis_reader.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using burin::mask::OasisFile;
  const auto file = OasisFile::Parse({data, size}, "fuzz.oas");
  if (!file) {
    BURIN_CHECK(!file.error().ToString().empty());
    return 0;
  }
  uint64_t copies = 0;
  constexpr uint64_t kEnough = 1 << 20;
  burin::mask::OasisVisitor visitor;
  auto count = [&](std::span<const burin::mask::Point> offsets) -> burin::Status {
    for (const auto& by : offsets) {
      BURIN_CHECK(std::abs(int64_t{by.x}) <= 1 << 30 && std::abs(int64_t{by.y}) <= 1 << 30);
    }
    copies += offsets.size();
    if (copies > kEnough) return burin::BadInput("fuzz", "enough");
    return {};
  };
  visitor.rectangle = [&](burin::mask::Layer layer, const burin::mask::Rect& rect,
                          std::span<const burin::mask::Point> offsets) -> burin::Status {
    BURIN_CHECK(layer.number >= 0 && rect.width() > 0 && rect.height() > 0);
    return count(offsets);
  };
  visitor.placement = [&](size_t cell, burin::mask::Point,
                          std::span<const burin::mask::Point> offsets) -> burin::Status {
    BURIN_CHECK(cell < file->cells().size());
    return count(offsets);
  };
  for (size_t cell = 0; cell < file->cells().size() && copies <= kEnough; ++cell) {
    BURIN_CHECK(file->Find(file->cells()[cell].name) == cell);
    (void)file->Visit(cell, visitor);
  }
  return 0;
}
