#include "model/gguf_adapter.h"

#include <charconv>
#include <optional>

#include "model/json_reader.h"
#include "model/safetensors.h"

namespace burin {
namespace {

constexpr uint64_t kMaxRank = 1 << 16;
// In the order of MatrixKind.
constexpr std::string_view kNames[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                       "ffn_gate", "ffn_up", "ffn_down"};
static_assert(std::size(kNames) == kAdaptedKinds);

struct Slot {
  int64_t layer = 0;
  MatrixKind kind = MatrixKind::kQ;
  bool is_b = false;
};

// "blk.3.ffn_up.weight.lora_a" -> its slot.
std::optional<Slot> ParseName(std::string_view name, int64_t layers) {
  constexpr std::string_view kPrefix = "blk.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  Slot slot;
  const auto [end, error] =
      std::from_chars(name.data() + kPrefix.size(), name.data() + name.size(), slot.layer);
  if (error != std::errc() || slot.layer < 0 || slot.layer >= layers) return std::nullopt;
  for (size_t k = 0; k < kAdaptedKinds; ++k) {
    for (const bool is_b : {false, true}) {
      // Compared as a whole, so that "blk.03." and "blk.+3." are unknown.
      if (name ==
          fmt::format("blk.{}.{}.weight.lora_{}", slot.layer, kNames[k], is_b ? 'b' : 'a')) {
        slot.kind = static_cast<MatrixKind>(k);
        slot.is_b = is_b;
        return slot;
      }
    }
  }
  return std::nullopt;
}

Status CheckIdentity(const GgufFile& file, const ModelConfig& config) {
  BURIN_ASSIGN(const auto type, file.String("general.type"));
  if (type.value_or("model") != "adapter") {
    return BadInput(file.KeyObject("general.type"), Printable(type.value_or("(none)")), "adapter",
                    "This is a model or another kind of file, not an adapter.");
  }
  BURIN_ASSIGN(const auto kind, file.String("adapter.type"));
  if (kind.value_or("(none)") != "lora") {
    return BadInput(file.KeyObject("adapter.type"), Printable(kind.value_or("(none)")), "lora");
  }
  // llama.cpp knows mistral as llama.
  const std::string wanted = config.architecture == "mistral" ? "llama" : config.architecture;
  BURIN_ASSIGN(const auto architecture, file.String("general.architecture"));
  if (architecture.value_or("(none)") != wanted) {
    return BadInput(file.KeyObject("general.architecture"),
                    Printable(architecture.value_or("(none)")), wanted,
                    "The adapter belongs to another base model.");
  }
  if (file.Find("adapter.alora.invocation_tokens") != nullptr) {
    return BadInput(file.KeyObject("adapter.alora.invocation_tokens"), "activated LoRA",
                    "an adapter that is always on", "Only plain LoRA adapters are supported.");
  }
  return {};
}

Status AddTensor(const GgufFile& file, const GgufTensor& tensor, const ModelConfig& config,
                 LoraAdapter& adapter) {
  const std::string object = fmt::format("{}: tensor '{}'", file.object(), Printable(tensor.name));
  const auto slot = ParseName(tensor.name, config.layers);
  if (!slot) {
    return BadInput(
        object, "is no addition to a matrix that can take one",
        fmt::format("lora_a and lora_b of attn_q, attn_k, attn_v, attn_output, ffn_gate, "
                    "ffn_up and ffn_down in blocks 0 to {}",
                    config.layers - 1),
        "Adapters of embeddings, heads, norms and other modules are not supported.");
  }
  LoraMatrix& matrix = adapter.At(slot->layer, slot->kind);
  const TensorShape base = ShapeOf(config, slot->kind);
  const size_t side = slot->is_b ? 1 : 0;  // where the rank stands in the shape
  const auto other = static_cast<uint64_t>(slot->is_b ? base.rows : base.cols);
  const bool fits = tensor.shape.size() == 2 && tensor.shape[1 - side] == other &&
                    tensor.shape[side] >= 1 && tensor.shape[side] <= kMaxRank &&
                    (matrix.rank == 0 || static_cast<int64_t>(tensor.shape[side]) == matrix.rank);
  if (!fits) {
    const std::string rank = matrix.rank > 0 ? fmt::format("{}", matrix.rank) : "rank";
    return BadInput(
        object, ShapeText(tensor.shape),
        slot->is_b ? fmt::format("[{}, {}]", other, rank) : fmt::format("[{}, {}]", rank, other),
        "The adapter belongs to another base model.");
  }
  matrix.rank = static_cast<int64_t>(tensor.shape[side]);
  const bool interleaved = slot->is_b &&
                           (slot->kind == MatrixKind::kQ || slot->kind == MatrixKind::kK) &&
                           (config.architecture == "llama" || config.architecture == "mistral");
  (slot->is_b ? matrix.b : matrix.a) = TensorView(
      tensor.name, tensor.type, static_cast<int64_t>(tensor.shape[0]),
      static_cast<int64_t>(tensor.shape[1]), tensor.data, interleaved ? config.head_dim : 0);
  return {};
}

}  // namespace

Result<LoraAdapter> ReadGgufAdapter(const OpenGguf& opened, const ModelConfig& config) {
  const GgufFile& file = opened.gguf;
  BURIN_TRY(CheckIdentity(file, config));
  LoraAdapter adapter;
  BURIN_ASSIGN(const auto alpha, file.Number("adapter.lora.alpha"));
  adapter.alpha = alpha.value_or(0);
  if (!(adapter.alpha >= 0 && adapter.alpha <= 1e6)) {
    return BadInput(file.KeyObject("adapter.lora.alpha"), fmt::format("{}", adapter.alpha),
                    "a number from 0 to 1000000");
  }
  if (opened.file != nullptr) adapter.files.push_back(opened.file);
  adapter.layers.resize(static_cast<size_t>(config.layers));
  for (const GgufTensor& tensor : file.tensors()) {
    BURIN_TRY(AddTensor(file, tensor, config, adapter));
  }
  BURIN_TRY(CompleteAdapter(adapter, file.object()));
  const auto scale_of = [&](int64_t rank) {
    return adapter.alpha == 0 ? 1 : adapter.alpha / static_cast<double>(rank);
  };
  for (LoraAdapter::Layer& layer : adapter.layers) {
    for (LoraMatrix& matrix : layer) {
      if (matrix.empty()) continue;
      matrix.alpha = adapter.alpha;
      matrix.scale = scale_of(matrix.rank);
    }
  }
  adapter.scale = scale_of(adapter.rank);
  return adapter;
}

}  // namespace burin
