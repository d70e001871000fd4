// One safetensors file: header length (u64), JSON header, data.
// Source: github.com/huggingface/safetensors, README "Format" and safetensors/src/tensor.rs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace burin {

// A tensor of the file, looking into its bytes. The data need not be aligned.
struct SafeTensor {
  std::string name;
  std::string_view dtype;           // "BF16", ...: one of the known names, static
  std::vector<uint64_t> shape;      // empty = one value
  std::span<const std::byte> data;  // product(shape) values, row-major, little-endian
};

// All tensors of the file `bytes`, in the order of their data. `object` names the file in errors.
// Refused: a header above 100,000,000 bytes or past the end; JSON that is not name -> {dtype,
// shape, data_offsets} (and __metadata__, strings only); a name twice; an unknown dtype; rank above
// 8; a shape whose product overflows; data that does not fill the file exactly, without hole and
// overlap, in whole bytes. Nothing is allocated from a length that the file merely claims.
Result<std::vector<SafeTensor>> ParseSafetensors(std::span<const std::byte> bytes,
                                                 const std::string& object);

// Bits of a value of a known dtype name.
std::optional<uint64_t> SafeDtypeBits(std::string_view dtype);

// The type with which a matrix of that dtype is viewed; nullopt when it cannot be a weight here.
std::optional<TensorType> WeightType(std::string_view dtype);

// "[32, 64]".
std::string ShapeText(std::span<const uint64_t> shape);

}  // namespace burin
