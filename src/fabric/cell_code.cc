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

}  // namespace burin
