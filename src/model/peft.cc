#include "model/peft.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <optional>

#include "model/json_reader.h"

namespace burin {
namespace {

constexpr const char* kConfigName = "adapter_config.json";
constexpr const char* kTensorsName = "adapter_model.safetensors";
constexpr uint64_t kMaxConfigBytes = 16 << 20;
constexpr int64_t kMaxRank = 1 << 16;

struct PeftConfig {
  int64_t rank = 0;
  double alpha = 0;
  bool rslora = false;
  std::string base_model;
  std::vector<std::pair<std::string, int64_t>> ranks;  // rank_pattern
  std::vector<std::pair<std::string, double>> alphas;  // alpha_pattern
};

bool IsOff(const Json& value) {
  return value.is_null() || value == false || (value.is_structured() && value.empty());
}

// Variants of LoRA that are something else than y += scale * b . (a . x).
Status RefuseVariants(const Json& json, const JsonFields& fields) {
  BURIN_ASSIGN(const auto type, fields.String("peft_type"));
  if (type.value_or("(none)") != "LORA") {
    return BadInput(fields.Field("peft_type"), Printable(type.value_or("(none)")), "LORA");
  }
  BURIN_ASSIGN(const auto bias, fields.String("bias"));
  if (bias.value_or("none") != "none") {
    return BadInput(fields.Field("bias"), Printable(*bias), "none",
                    "Train the adapter without biases.");
  }
  for (const char* key : {"use_dora", "use_qalora", "lora_bias", "fan_in_fan_out",
                          "modules_to_save", "layer_replication", "trainable_token_indices",
                          "target_parameters", "alora_invocation_tokens", "megatron_config"}) {
    const auto it = json.find(key);
    if (it != json.end() && !IsOff(*it)) {
      return BadInput(fields.Field(key), PrintableJson(*it), "false, null or empty",
                      "Only plain LoRA adapters are supported.");
    }
  }
  const auto init = json.find("init_lora_weights");
  if (init != json.end() && init->is_string()) {
    const auto name = init->get<std::string>();
    for (const char* prefix : {"pissa", "olora", "corda", "loftq"}) {
      if (name.starts_with(prefix)) {
        return BadInput(fields.Field("init_lora_weights"), Printable(name),
                        "an initialization that leaves the base weights alone",
                        "Save the adapter converted to plain LoRA.");
      }
    }
  }
  return {};
}

// rank_pattern or alpha_pattern: module path end -> number above zero.
Result<std::vector<std::pair<std::string, double>>> ReadPattern(const Json& json,
                                                                const JsonFields& fields,
                                                                const char* key) {
  std::vector<std::pair<std::string, double>> pattern;
  if (!fields.Has(key)) return pattern;
  if (!json[key].is_object()) {
    return BadInput(fields.Field(key), PrintableJson(json[key]), "an object of module -> number");
  }
  for (const auto& [name, value] : json[key].items()) {
    const bool plain = std::ranges::all_of(name, [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
             c == '_' || c == '.';
    });
    if (!plain || name.empty()) {
      return BadInput(fields.Field(key), fmt::format("pattern '{}'", Printable(name)),
                      "a module name or the end of a module path",
                      "Regular expressions are not supported: list the modules.");
    }
    if (!value.is_number() || !(value.get<double>() > 0) || value.get<double>() > kMaxRank) {
      return BadInput(fields.Field(key), PrintableJson(value),
                      fmt::format("a number above 0, at most {}", kMaxRank));
    }
    pattern.emplace_back(name, value.get<double>());
  }
  return pattern;
}

Result<PeftConfig> ReadConfig(const std::string& text, const std::string& object) {
  PeftConfig config;
  BURIN_ASSIGN(const Json json, ParseJsonObject(text, object));
  const JsonFields fields(json, object);
  BURIN_TRY(RefuseVariants(json, fields));
  BURIN_ASSIGN(config.rank, fields.RequiredInt("r", 1, kMaxRank));
  BURIN_ASSIGN(const auto alpha, fields.Number("lora_alpha"));
  config.alpha = alpha.value_or(8);  // the default of LoraConfig
  BURIN_ASSIGN(const auto rslora, fields.Bool("use_rslora"));
  config.rslora = rslora.value_or(false);
  BURIN_ASSIGN(const auto base_model, fields.String("base_model_name_or_path"));
  config.base_model = base_model.value_or("");
  BURIN_ASSIGN(const auto ranks, ReadPattern(json, fields, "rank_pattern"));
  for (const auto& [name, rank] : ranks) {
    if (rank != std::floor(rank)) {
      return BadInput(fields.Field("rank_pattern"), fmt::format("rank {}", rank), "an integer");
    }
    config.ranks.emplace_back(name, static_cast<int64_t>(rank));
  }
  BURIN_ASSIGN(config.alphas, ReadPattern(json, fields, "alpha_pattern"));
  return config;
}

// The value for a module path: that of the one pattern it ends with, else the default. (PEFT takes
// the first of several; the order of keys is no part of JSON, so they must agree.)
template <typename T>
Result<T> Lookup(const std::vector<std::pair<std::string, T>>& pattern, const std::string& module,
                 T otherwise, const std::string& object) {
  std::optional<T> found;
  for (const auto& [name, value] : pattern) {
    if (module != name && !module.ends_with("." + name)) continue;
    if (found && *found != value) {
      return BadInput(object, "two patterns with different values for " + module, "one");
    }
    found = value;
  }
  return found.value_or(otherwise);
}

struct Slot {
  int64_t layer = 0;
  MatrixKind kind = MatrixKind::kQ;
  bool is_b = false;
  std::string module;  // "model.layers.3.mlp.up_proj"
};

// "base_model.model.model.layers.3.mlp.up_proj.lora_A.weight" -> its slot.
std::optional<Slot> ParseName(std::string_view name, int64_t layers) {
  constexpr std::string_view kPrefix = "base_model.model.", kLayers = "model.layers.";
  if (!name.starts_with(kPrefix)) return std::nullopt;
  name.remove_prefix(kPrefix.size());
  Slot slot;
  slot.is_b = name.ends_with(".lora_B.weight");
  if (!slot.is_b && !name.ends_with(".lora_A.weight")) return std::nullopt;
  name.remove_suffix(std::string_view(".lora_A.weight").size());
  slot.module = name;
  if (!name.starts_with(kLayers)) return std::nullopt;
  name.remove_prefix(kLayers.size());
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), slot.layer);
  if (error != std::errc() || slot.layer < 0 || slot.layer >= layers) return std::nullopt;
  const std::string_view module = name.substr(static_cast<size_t>(end - name.data()));
  for (size_t k = 0; k < kAdaptedKinds; ++k) {
    slot.kind = static_cast<MatrixKind>(k);
    const char* block = slot.kind <= MatrixKind::kO ? "self_attn" : "mlp";
    const std::string canonical =
        fmt::format("{}{}.{}.{}", kLayers, slot.layer, block, MatrixKindName(slot.kind));
    if (slot.module == canonical && !module.empty()) return slot;
  }
  return std::nullopt;
}

Status AddTensor(const StoredTensor& stored, const PeftConfig& peft, const ModelConfig& config,
                 LoraAdapter& adapter) {
  const SafeTensor& tensor = stored.tensor;
  const auto slot = ParseName(tensor.name, config.layers);
  if (!slot) {
    const bool dora = tensor.name.ends_with(".lora_magnitude_vector");
    return BadInput(
        stored.object,
        dora ? "the magnitudes of DoRA" : "is no addition to a matrix that can take one",
        fmt::format("lora_A and lora_B of q_proj, k_proj, v_proj, o_proj, gate_proj, "
                    "up_proj and down_proj in layers 0 to {}",
                    config.layers - 1),
        "Adapters of embeddings, heads and other modules are not supported.");
  }
  LoraMatrix& matrix = adapter.At(slot->layer, slot->kind);
  BURIN_ASSIGN(matrix.rank, Lookup(peft.ranks, slot->module, peft.rank, stored.object));
  BURIN_ASSIGN(matrix.alpha, Lookup(peft.alphas, slot->module, peft.alpha, stored.object));
  const auto rank = static_cast<double>(matrix.rank);
  matrix.scale = matrix.alpha / (peft.rslora ? std::sqrt(rank) : rank);
  const TensorShape base = ShapeOf(config, slot->kind);
  const int64_t rows = slot->is_b ? base.rows : matrix.rank;
  const int64_t cols = slot->is_b ? matrix.rank : base.cols;
  const std::vector<uint64_t> shape{static_cast<uint64_t>(rows), static_cast<uint64_t>(cols)};
  const auto type = WeightType(tensor.dtype);
  if (tensor.shape != shape || !type) {
    return BadInput(stored.object, fmt::format("{} {}", tensor.dtype, ShapeText(tensor.shape)),
                    fmt::format("F32, F16 or BF16 {}", ShapeText(shape)),
                    "The adapter belongs to another base model or another configuration.");
  }
  (slot->is_b ? matrix.b : matrix.a) = TensorView(tensor.name, *type, rows, cols, tensor.data);
  return {};
}

}  // namespace

Result<LoraAdapter> ReadPeftFolder(const std::filesystem::path& folder, const ModelConfig& config) {
  BURIN_ASSIGN(const std::string text, ReadTextFile(folder / kConfigName, kMaxConfigBytes));
  const auto path = folder / kTensorsName;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return BadInput(folder.string(), fmt::format("no {}", kTensorsName), "that file",
                    "Save the adapter with safe_serialization=True.");
  }
  SafetensorsFolder stored;
  BURIN_TRY(AddSafetensorsFile(path, stored));
  return ReadPeft(text, stored, folder, config);
}

Result<LoraAdapter> ReadPeft(const std::string& config_text, const SafetensorsFolder& stored,
                             const std::filesystem::path& folder, const ModelConfig& config) {
  BURIN_ASSIGN(const PeftConfig peft, ReadConfig(config_text, (folder / kConfigName).string()));
  LoraAdapter adapter;
  adapter.alpha = peft.alpha;
  const auto rank = static_cast<double>(peft.rank);
  adapter.scale = peft.alpha / (peft.rslora ? std::sqrt(rank) : rank);
  adapter.base_model = peft.base_model;
  adapter.files = stored.files;
  adapter.layers.resize(static_cast<size_t>(config.layers));
  for (const auto& [name, entry] : stored.tensors) {
    BURIN_TRY(AddTensor(entry, peft, config, adapter));
  }
  BURIN_TRY(CompleteAdapter(adapter, (folder / kTensorsName).string()));
  return adapter;
}

}  // namespace burin
