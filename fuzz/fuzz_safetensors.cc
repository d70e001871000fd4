// Any bytes as a safetensors file: refused, or tensors that cover its data exactly.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "model/safetensors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  const auto tensors = burin::ParseSafetensors(bytes, "fuzz.safetensors");
  if (!tensors) {
    BURIN_CHECK(!tensors.error().ToString().empty());
    return 0;
  }
  const std::byte* end = nullptr;
  for (const burin::SafeTensor& tensor : *tensors) {
    BURIN_CHECK(end == nullptr || tensor.data.data() == end);
    end = tensor.data.data() + tensor.data.size();
    uint64_t bits = burin::SafeDtypeBits(tensor.dtype).value();
    for (const uint64_t extent : tensor.shape) bits *= extent;
    BURIN_CHECK(bits == tensor.data.size() * 8);
    unsigned sum = 0;
    for (const std::byte byte : tensor.data) sum += static_cast<unsigned>(byte);
    BURIN_CHECK(sum <= 255 * tensor.data.size());
  }
  BURIN_CHECK(end == nullptr || end == bytes.data() + size);
  return 0;
}
