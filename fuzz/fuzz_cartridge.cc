// Cartridge reader: whatever the bytes, OpenCartridge and VerifyCartridge return, and a model that
// opens may be read all over. To get past the digests, each input is also tried with the file size,
// the digest of the metadata and the root digest made right.
#include <algorithm>
#include <cstring>
#include <new>
#include <vector>

#include "numeric/packed_matrix.h"
#include "quant/cartridge.h"
#include "quant/cartridge_format.h"

namespace burin {
namespace {

struct AlignedDelete {
  void operator()(std::byte* data) const { ::operator delete (data, std::align_val_t{64}); }
};

template <typename T>
T Get(std::span<const std::byte> bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

void TryOpen(std::span<const std::byte> bytes, ThreadPool& pool) {
  const auto model = OpenCartridge(bytes, "fuzz");
  if (!model) return;
  (void)VerifyCartridge(bytes, "fuzz", pool, nullptr);
  uint32_t sum = 0;
  for (const PackedMatrix* m : MatricesIn(*model)) {
    sum += GetCode(*m, 0, 0) + GetCode(*m, m->shape.rows - 1, m->shape.cols - 1);
    sum += m->scales.back();
  }
  for (const int16_t value : model->rotary.fine) sum += static_cast<uint32_t>(value);
  for (const QuantizedLayer& layer : model->layers) {
    for (const int32_t value : layer.q_bias) sum += static_cast<uint32_t>(value);
    for (const GainView& gain : {layer.k_norm, layer.attention_norm, layer.ffn_norm}) {
      for (const int16_t value : gain.mantissas) sum += static_cast<uint32_t>(value);
    }
  }
  [[maybe_unused]] volatile uint32_t sink = sum;
}

void MakeDigestsRight(std::span<std::byte> bytes) {
  if (bytes.size() < kHeaderBytes + kEntryBytes) return;
  const uint64_t size = bytes.size();
  std::memcpy(bytes.data() + 24, &size, sizeof size);
  const uint64_t count = Get<uint32_t>(bytes, 16);
  if (count == 0 || count > (size - kHeaderBytes) / kEntryBytes) return;
  const size_t last = kHeaderBytes + (count - 1) * kEntryBytes;
  const auto offset = Get<uint64_t>(bytes, last + 16);
  if (offset >= last + kEntryBytes && offset <= size) {
    const uint64_t rest = size - offset;
    std::memcpy(bytes.data() + last + 24, &rest, sizeof rest);
    const Sha256Digest digest = Sha256Of(bytes.subspan(offset));
    std::memcpy(bytes.data() + last + 32, digest.data(), digest.size());
  }
  const Sha256Digest root = RootDigest(bytes.first(last + kEntryBytes));
  std::memcpy(bytes.data() + 64, root.data(), root.size());
}

}  // namespace
}  // namespace burin

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace burin;
  static ThreadPool pool(1);
  const std::unique_ptr<std::byte, AlignedDelete> copy(
      static_cast<std::byte*>(::operator new (std::max<size_t>(size, 1), std::align_val_t{64})));
  const std::span<std::byte> bytes(copy.get(), size);
  std::copy_n(reinterpret_cast<const std::byte*>(data), size, bytes.begin());
  TryOpen(bytes, pool);
  MakeDigestsRight(bytes);
  TryOpen(bytes, pool);
  return 0;
}
