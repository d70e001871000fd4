#include <algorithm>

#include "base/check.h"
#include "fabric/placed_fabric.h"

namespace burin {

uint32_t CellCode(const PlacedFabric& fabric, const PlacedBlock& block, int64_t word_line,
                  int64_t physical_column) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  const int64_t row = block.row_begin + word_line, column = block.column_begin + physical_column;
  if (row >= block.row_end || column >= block.column_end) return 0;
  const PackedMatrix& matrix = *MatricesIn(*fabric.plan.weights)[static_cast<size_t>(block.matrix)];
  if (matrix.shape.bits != 6) return GetCode(matrix, row, column);
  const uint32_t code = GetCode(matrix, row, column / 2);
  return column % 2 == 0 ? code >> 3 : code & 7;
}

void BlockCodes(const PlacedFabric& fabric, const PlacedBlock& block, std::span<uint8_t> codes) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  BURIN_CHECK(static_cast<int64_t>(codes.size()) == fabric.chip.rows * fabric.chip.columns);
  const PackedMatrix& matrix = *MatricesIn(*fabric.plan.weights)[static_cast<size_t>(block.matrix)];
  std::fill(codes.begin(), codes.end(), uint8_t{0});
  const int64_t height = block.row_end - block.row_begin;
  const int64_t width = block.column_end - block.column_begin;
  for (int64_t r = 0; r < height; ++r) {
    uint8_t* out = codes.data() + r * fabric.chip.columns;
    const int64_t row = block.row_begin + r;
    if (matrix.shape.bits != 6) {
      for (int64_t c = 0; c < width; ++c) {
        out[c] = static_cast<uint8_t>(GetCode(matrix, row, block.column_begin + c));
      }
      continue;
    }
    for (int64_t c = 0; c < width; c += 2) {
      const uint32_t code = GetCode(matrix, row, (block.column_begin + c) / 2);
      out[c] = static_cast<uint8_t>(code >> 3);
      out[c + 1] = static_cast<uint8_t>(code & 7);
    }
  }
}

}  // namespace burin
