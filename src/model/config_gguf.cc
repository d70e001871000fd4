#include "model/config_gguf.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "model/json_reader.h"
#include "model/rotary.h"
#include "model/safetensors.h"

namespace burin {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 40;  // ValidateConfig has the real bounds

// Keys below "<architecture>.".
class ArchitectureKeys {
 public:
  ArchitectureKeys(const GgufFile& file, std::string prefix)
      : file_(file), prefix_(std::move(prefix)) {}

  std::string Key(const char* name) const { return prefix_ + name; }
  Result<std::optional<int64_t>> Int(const char* name) const {
    return file_.Int(Key(name), 0, kMaxSize);
  }
  Result<int64_t> RequiredInt(const char* name) const {
    BURIN_ASSIGN(const auto value, Int(name));
    if (!value) return BadInput(file_.KeyObject(Key(name)), "is missing", "an integer");
    return *value;
  }
  Result<std::optional<double>> Number(const char* name) const { return file_.Number(Key(name)); }
  Result<std::optional<std::string_view>> String(const char* name) const {
    return file_.String(Key(name));
  }

 private:
  const GgufFile& file_;
  std::string prefix_;
};

const GgufTensor* FindTensor(const GgufFile& file, std::string_view name) {
  const auto it = std::ranges::find(file.tensors(), name, &GgufTensor::name);
  return it == file.tensors().end() ? nullptr : &*it;
}

Status RefuseForeignFiles(const GgufFile& file, const std::string& architecture) {
  if (architecture != "llama" && architecture != "qwen2" && architecture != "qwen3") {
    return BadInput(file.KeyObject("general.architecture"), Printable(architecture),
                    "one of llama, qwen2, qwen3");
  }
  BURIN_ASSIGN(const auto type, file.String("general.type"));
  if (type && *type != "model") {
    return BadInput(file.KeyObject("general.type"), Printable(*type), "model");
  }
  BURIN_ASSIGN(const auto split, file.Int("split.count", 0, UINT16_MAX));
  if (split.value_or(1) > 1) {
    return BadInput(file.object(), fmt::format("one of {} parts of a split file", *split),
                    "a whole file", "Join the parts with llama-gguf-split --merge.");
  }
  BURIN_ASSIGN(const auto experts, file.Int(architecture + ".expert_count", 0, kMaxSize));
  if (experts.value_or(0) != 0) {
    return BadInput(file.object(), fmt::format("{} experts", *experts), "a dense model");
  }
  return {};
}

Status ReadSizes(const GgufFile& file, const ArchitectureKeys& keys, ModelConfig& config) {
  BURIN_ASSIGN(config.hidden, keys.RequiredInt("embedding_length"));
  BURIN_ASSIGN(config.layers, keys.RequiredInt("block_count"));
  BURIN_ASSIGN(config.heads, keys.RequiredInt("attention.head_count"));
  BURIN_ASSIGN(config.ffn, keys.RequiredInt("feed_forward_length"));
  BURIN_ASSIGN(config.max_positions, keys.RequiredInt("context_length"));
  BURIN_ASSIGN(const auto kv_heads, keys.Int("attention.head_count_kv"));
  config.kv_heads = kv_heads.value_or(config.heads);
  BURIN_ASSIGN(const auto key_length, keys.Int("attention.key_length"));
  if (config.heads < 1 || (!key_length && config.hidden % config.heads != 0)) {
    return BadInput(file.object(),
                    fmt::format("embedding_length {}, {} heads, no attention.key_length",
                                config.hidden, config.heads),
                    "a length that the heads divide");
  }
  config.head_dim = key_length.value_or(config.hidden / config.heads);
  for (const char* same : {"attention.value_length", "rope.dimension_count"}) {
    BURIN_ASSIGN(const auto length, keys.Int(same));
    if (length.value_or(config.head_dim) != config.head_dim) {
      return BadInput(file.KeyObject(keys.Key(same)), fmt::format("{}", *length),
                      fmt::format("{}, the length of a key", config.head_dim));
    }
  }
  // The size of the vocabulary is that of the embedding: vocab_size may be absent.
  const GgufTensor* embedding = FindTensor(file, "token_embd.weight");
  if (embedding == nullptr) embedding = FindTensor(file, "output.weight");
  if (embedding == nullptr || embedding->shape.size() != 2) {
    return BadInput(file.object(), "no tensor 'token_embd.weight'", "a model with weights");
  }
  config.vocab = static_cast<int64_t>(embedding->shape[0]);
  BURIN_ASSIGN(const auto eps, keys.Number("attention.layer_norm_rms_epsilon"));
  if (!eps) {
    return BadInput(file.KeyObject(keys.Key("attention.layer_norm_rms_epsilon")), "is missing",
                    "a number");
  }
  // Stored as float32: 1e-5 comes back as 9.99999975e-06.
  config.rms_eps = std::strtod(fmt::format("{:.7g}", *eps).c_str(), nullptr);
  BURIN_ASSIGN(const auto window, keys.Int("attention.sliding_window"));
  config.sliding_window = window.value_or(0);
  return {};
}

// Are these the factors of config.rope_scaling? Converters compute them in float32.
bool SameFactors(const ModelConfig& config, const std::vector<float>& stored) {
  const std::vector<double> computed = RotaryFactors(config);
  return std::ranges::equal(computed, stored, [](double a, float b) {
    return std::abs(a - static_cast<double>(b)) <= 1e-3 * std::abs(a);
  });
}

Status ReadBakedFactors(const GgufFile& file, ModelConfig& config) {
  const GgufTensor* tensor = FindTensor(file, "rope_freqs.weight");
  if (tensor == nullptr) return {};
  const std::string object = file.object() + ": tensor 'rope_freqs.weight'";
  if (tensor->type != TensorType::kF32 ||
      tensor->shape != std::vector{static_cast<uint64_t>(config.head_dim / 2)}) {
    return BadInput(object,
                    fmt::format("{} {}", TensorTypeName(tensor->type), ShapeText(tensor->shape)),
                    fmt::format("F32 [{}]", config.head_dim / 2));
  }
  const TensorView view("rope_freqs.weight", TensorType::kF32, 1, config.head_dim / 2,
                        tensor->data);
  const std::vector<float> stored = view.ToFloats();
  if (config.rope_scaling.kind == RopeScaling::Kind::kNone && SameFactors(config, stored)) {
    return {};
  }
  ModelConfig llama3 = config;
  llama3.rope_scaling = {.kind = RopeScaling::Kind::kLlama3,
                         .factor = static_cast<double>(stored.back())};
  if (config.rope_scaling.kind != RopeScaling::Kind::kNone || !(stored.back() >= 1) ||
      !SameFactors(llama3, stored)) {
    return BadInput(object, "factors of an unknown rope scaling",
                    "those of llama3: low 1, high 4, original 8192");
  }
  config.rope_scaling = llama3.rope_scaling;
  return {};
}

Status ReadRope(const GgufFile& file, const ArchitectureKeys& keys, ModelConfig& config) {
  BURIN_ASSIGN(const auto theta, keys.Number("rope.freq_base"));
  config.rope_theta = theta.value_or(10000);
  BURIN_ASSIGN(const auto type, keys.String("rope.scaling.type"));
  BURIN_ASSIGN(const auto factor, keys.Number("rope.scaling.factor"));
  BURIN_ASSIGN(const auto old_factor, keys.Number("rope.scale_linear"));
  if (type && *type != "none" && *type != "linear") {
    return BadInput(file.KeyObject(keys.Key("rope.scaling.type")), Printable(*type),
                    "none or linear");
  }
  const double scale = factor.value_or(old_factor.value_or(1));
  if ((!type || *type == "linear") && scale != 1 && scale != 0) {
    config.rope_scaling.kind = RopeScaling::Kind::kLinear;
    config.rope_scaling.factor = scale;
  }
  return ReadBakedFactors(file, config);
}

Status ReadTokenIds(const GgufFile& file, ModelConfig& config) {
  for (const char* name : {"eos", "eot", "eom"}) {
    BURIN_ASSIGN(const auto id,
                 file.Int(fmt::format("tokenizer.ggml.{}_token_id", name), 0, INT32_MAX));
    if (!id) continue;
    const auto value = static_cast<int32_t>(*id);
    if (std::ranges::find(config.eos_ids, value) == config.eos_ids.end()) {
      config.eos_ids.push_back(value);
    }
  }
  BURIN_ASSIGN(const auto bos, file.Int("tokenizer.ggml.bos_token_id", 0, INT32_MAX));
  if (bos) config.bos_id = static_cast<int32_t>(*bos);
  return {};
}

}  // namespace

Result<ModelConfig> ReadGgufConfig(const GgufFile& file) {
  BURIN_ASSIGN(const auto named, file.String("general.architecture"));
  const std::string architecture(named.value_or("(none)"));
  BURIN_TRY(RefuseForeignFiles(file, architecture));
  const ArchitectureKeys keys(file, architecture + ".");
  ModelConfig config;
  config.architecture = architecture;
  config.qkv_bias = architecture == "qwen2";
  config.qk_norm = architecture == "qwen3";
  config.tied_head = FindTensor(file, "output.weight") == nullptr;
  BURIN_TRY(ReadSizes(file, keys, config));
  BURIN_TRY(ReadTokenIds(file, config));
  BURIN_TRY(ValidateConfig(config, file.object()));
  BURIN_TRY(ReadRope(file, keys, config));
  BURIN_TRY(ValidateConfig(config, file.object()));
  return config;
}

}  // namespace burin
