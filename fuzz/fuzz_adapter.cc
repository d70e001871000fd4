// Any bytes as an adapter, for a small model: a GGUF file, or a PEFT folder whose configuration is
// what stands before the first zero byte and whose tensors are the rest. What is read is quantized
// and packed for adapter memory.
#include <algorithm>
#include <array>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "model/gguf_adapter.h"
#include "model/peft.h"
#include "quant/adapter.h"
#include "quant/adapter_memory.h"

namespace burin {
namespace {

constexpr int64_t kHidden = 8;
constexpr std::array<int16_t, kHidden> kGains = {16384, -3, 0, 32767, -32767, 100, 20000, 1};

QuantizedModel SmallModel() {
  QuantizedModel model;
  ModelConfig& c = model.config;
  c.architecture = "llama";
  c.hidden = kHidden;
  c.layers = 2;
  c.heads = 2;
  c.kv_heads = 1;
  c.head_dim = 4;
  c.ffn = 12;
  c.vocab = 16;
  c.max_positions = 32;
  model.layers.resize(2);
  for (QuantizedLayer& layer : model.layers) {
    layer.attention_norm = {kGains, -14};
    layer.ffn_norm = {kGains, -14};
  }
  return model;
}

void Use(const Result<LoraAdapter>& lora, const QuantizedModel& model) {
  if (!lora) {
    BURIN_CHECK(!lora.error().ToString().empty());
    return;
  }
  const auto adapter = QuantizeAdapter(*lora, model, nullptr, "fuzz");
  if (!adapter) {
    BURIN_CHECK(!adapter.error().ToString().empty());
    return;
  }
  for (const AdapterEngine& engine : {AdapterEngine{1, 8}, AdapterEngine{4, 3}}) {
    const auto memory = PackAdapter(**adapter, engine);
    BURIN_CHECK(memory && memory->words.size() == AdapterMemoryBytes(**adapter, engine));
    BURIN_CHECK(std::ranges::none_of((*adapter)->storage, [](const std::vector<int8_t>& bytes) {
      return bytes.empty() ? false : bytes[0] == -128;  // a mantissa of A
    }));
  }
}

void TryPeft(std::span<const std::byte> bytes, const QuantizedModel& model) {
  const auto zero = std::ranges::find(bytes, std::byte{0});
  const auto size = static_cast<size_t>(zero - bytes.begin());
  const std::string config(reinterpret_cast<const char*>(bytes.data()), size);
  SafetensorsFolder stored;
  auto tensors = ParseSafetensors(bytes.subspan(std::min(bytes.size(), size + 1)), "fuzz");
  if (!tensors) return;
  for (SafeTensor& tensor : *tensors) {
    const std::string name = tensor.name;
    stored.tensors.try_emplace(name, StoredTensor{std::move(tensor), "fuzz: tensor"});
  }
  Use(ReadPeft(config, stored, "fuzz", model.config), model);
}

}  // namespace
}  // namespace burin

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace burin;
  static const QuantizedModel model = SmallModel();
  const std::span<const std::byte> bytes(reinterpret_cast<const std::byte*>(data), size);
  auto file = GgufFile::Parse(bytes, "fuzz.gguf");
  if (file) {
    Use(ReadGgufAdapter({nullptr, std::move(*file)}, model.config), model);
  } else {
    TryPeft(bytes, model);
  }
  return 0;
}
