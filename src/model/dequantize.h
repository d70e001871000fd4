// Stored rows to floats: the block formats of ggml (ggml-common.h, ggml-quants.c), bit for bit.
//
// type   block  bytes  a block in memory order (fp16 = IEEE half, little-endian)
// Q4_0      32     18  fp16 d; 16 bytes: weight i in the low nibble of byte i, weight i + 16 in the
//                      high one. w = d * (q - 8)
// Q8_0      32     34  fp16 d; 32 int8. w = d * q
// Q3_K     256    110  32 bytes high bits (bit set: do not subtract 4); 64 bytes of 2-bit codes;
//                      12 bytes of sixteen 6-bit scales, offset 32; fp16 d.
//                      w = d * (scale - 32) * (q2 - (high ? 0 : 4)), one scale for 16 weights
// Q4_K     256    144  fp16 d, fp16 dmin; 12 bytes of eight 6-bit scales and eight 6-bit minima;
//                      128 bytes of nibbles. w = d * scale * q - dmin * min, for 32 weights each
// Q6_K     256    210  128 bytes low nibbles; 64 bytes high pairs; 16 int8 scales; fp16 d.
//                      w = d * scale * (q - 32), one scale for 16 weights
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "model/model.h"

namespace burin {

// IEEE 754 half to float, exactly; NaN and infinity stay so.
float HalfToFloat(uint16_t half);

// A whole row: row.size() == RowBytes(type, out.size()). Alignment of `row` is not needed.
void DequantizeRow(TensorType type, std::span<const std::byte> row, std::span<float> out);

}  // namespace burin
