// A tile of codes as bytes into the stored order of packed_matrix.h.
#pragma once

#include <cstdint>
#include <span>

#include "numeric/packed_matrix.h"

namespace burin {

// codes: [shape.rows][16], one code a byte; the first `columns` of each row are used, the rest and
// the rows up to the padded height get code 0. packed: shape.TileBytes(). Equal to SetCode.
void PackTile(const MatrixShape& shape, std::span<const uint8_t> codes, int64_t columns,
              std::span<uint8_t> packed);

// The same for codes that lie in lane order already: [blocks][8 quads][64 lanes], lane = column * 4
// + row % 4.
void PackLanes(const MatrixShape& shape, std::span<const uint8_t> lanes, std::span<uint8_t> packed);

}  // namespace burin
