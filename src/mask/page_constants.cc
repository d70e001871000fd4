#include "mask/page_constants.h"

#include <algorithm>

#include "base/check.h"

namespace burin::mask {
namespace {

// Calls visit(byte of the page, index of the scale in its matrix) for every scale of a block.
template <typename Visit>
void ForEachScale(const PlacedFabric& fabric, const PlacedBlock& block, const Visit& visit) {
  const MatrixShape& shape = fabric.matrices[static_cast<size_t>(block.matrix)].shape;
  const int64_t first = block.row_begin / shape.group;
  const int64_t end = (block.row_end + shape.group - 1) / shape.group;
  const int halves = shape.bits == 6 ? 2 : 1;
  for (int64_t g = first; g < end; ++g) {
    for (int64_t c = block.column_begin; c < block.column_end; ++c) {
      visit(kPageHeadBytes + (g - first) * fabric.chip.columns + c - block.column_begin,
            ScaleIndex(shape, g, c / halves));
    }
  }
}

}  // namespace

int64_t PageConstantBytes(const ChipSpec& chip) {
  return kPageHeadBytes + chip.rows / chip.smallest_group * chip.columns;
}

void FillPageConstants(const PlacedFabric& fabric, const PlacedBlock& block,
                       std::span<uint8_t> page) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  const PackedMatrix& matrix = *MatricesIn(*fabric.plan.weights)[static_cast<size_t>(block.matrix)];
  std::fill(page.begin(), page.end(), uint8_t{0});
  page[0] = static_cast<uint8_t>(matrix.shape.bits);
  page[1] = static_cast<uint8_t>(matrix.shape.group / 32);
  page[2] = static_cast<uint8_t>(matrix.shape.DropBits());
  for (size_t i = 0; i < matrix.codebook.size(); ++i) {
    page[8 + i] = static_cast<uint8_t>(matrix.codebook[i]);
  }
  ForEachScale(fabric, block, [&](int64_t at, int64_t scale) {
    page[static_cast<size_t>(at)] = matrix.scales[static_cast<size_t>(scale)];
  });
}

bool TakePageConstants(const PlacedFabric& fabric, const PlacedBlock& block,
                       std::span<const uint8_t> page, std::span<uint8_t> scales) {
  const MatrixShape& shape = fabric.matrices[static_cast<size_t>(block.matrix)].shape;
  bool good = page[0] == shape.bits && page[1] == shape.group / 32 && page[2] == shape.DropBits();
  std::vector<uint8_t> rest(page.begin(), page.end());
  std::fill(rest.begin(), rest.begin() + kPageHeadBytes, uint8_t{0});
  ForEachScale(fabric, block, [&](int64_t at, int64_t scale) {
    scales[static_cast<size_t>(scale)] = page[static_cast<size_t>(at)];
    rest[static_cast<size_t>(at)] = 0;
  });
  ForEachScale(fabric, block, [&](int64_t at, int64_t scale) {
    good = good && scales[static_cast<size_t>(scale)] == page[static_cast<size_t>(at)];
  });
  return good && std::all_of(rest.begin(), rest.end(), [](uint8_t b) { return b == 0; });
}

}  // namespace burin::mask
