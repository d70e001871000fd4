// The constants of a page of a bank, as bytes (docs/masks.md): what the bank must know of the block
// on it.
//
//     0      bits of a weight: 3, 4, 6; 0: no block on this page
//     1      rows of a group / 32
//     2      D, bits dropped behind a group (docs/numerics.md, 4.2)
//     3..7   zero
//     8..23  codebook, int8; entries that the matrix does not have are zero
//     24..   scale bytes [rows / smallest_group][columns]: of group g of the block in row g; the
//     two physical columns of
//            a 6-bit column have the same
#pragma once

#include <cstdint>
#include <span>

#include "fabric/placed_fabric.h"

namespace burin::mask {

inline constexpr int64_t kPageHeadBytes = 24;

int64_t PageConstantBytes(const ChipSpec& chip);

// The constants of a block, zero where it has none; `page` has PageConstantBytes. Needs
// plan.weights.
void FillPageConstants(const PlacedFabric& fabric, const PlacedBlock& block,
                       std::span<uint8_t> page);

// The other way: the scales of a block into those of its matrix (MatrixShape::ScaleBytes()). False
// if bytes outside of them or the two of a 6-bit column are not what a block of that matrix has.
bool TakePageConstants(const PlacedFabric& fabric, const PlacedBlock& block,
                       std::span<const uint8_t> page, std::span<uint8_t> scales);

}  // namespace burin::mask
