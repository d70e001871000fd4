#include "model/config.h"

#include <algorithm>

#include "model/json_reader.h"

namespace burin {
namespace {

constexpr int64_t kMaxSize = int64_t{1} << 40;  // ValidateConfig has the real bounds
constexpr uint64_t kMaxConfigBytes = 16 << 20;

// What the families differ in: github.com/huggingface/transformers, configuration_<family>.py.
struct Family {
  const char* model_type;
  const char* causal_lm;  // in "architectures"
  bool qkv_bias, qk_norm;
  int64_t default_kv_heads;        // 0: as many as query heads
  int64_t default_head_dim;        // 0: hidden / heads
  int64_t default_sliding_window;  // when the key is absent
};
constexpr Family kFamilies[] = {
    {"llama", "LlamaForCausalLM", false, false, 0, 0, 0},
    {"mistral", "MistralForCausalLM", false, false, 8, 0, 4096},
    {"qwen2", "Qwen2ForCausalLM", true, false, 32, 0, 0},
    {"qwen3", "Qwen3ForCausalLM", false, true, 32, 128, 0},
};

Result<const Family*> FindFamily(const Json& json, const JsonFields& fields) {
  BURIN_ASSIGN(const auto model_type, fields.String("model_type"));
  const std::string type = model_type.value_or("(none)");
  const auto* family = std::ranges::find(kFamilies, type, &Family::model_type);
  if (family == std::end(kFamilies)) {
    return BadInput(fields.Field("model_type"), Printable(type),
                    std::string("one of ") + KnownArchitectures());
  }
  if (fields.Has("architectures")) {
    const Json& list = json["architectures"];
    if (!list.is_array() || list.size() != 1 || list[0] != family->causal_lm) {
      return BadInput(fields.Field("architectures"), PrintableJson(list),
                      fmt::format("[\"{}\"]", family->causal_lm));
    }
  }
  return family;
}

// Features that the forward pass does not have must be off.
Status RefuseForeignFeatures(const Json& json, const JsonFields& fields) {
  BURIN_ASSIGN(const auto activation, fields.String("hidden_act"));
  if (activation && *activation != "silu" && *activation != "swish") {
    return BadInput(fields.Field("hidden_act"), Printable(*activation), "silu");
  }
  for (const char* key : {"attention_bias", "mlp_bias"}) {
    BURIN_ASSIGN(const auto on, fields.Bool(key));
    if (on.value_or(false)) return BadInput(fields.Field(key), "true", "false");
  }
  BURIN_ASSIGN(const auto partial, fields.Number("partial_rotary_factor"));
  if (partial.value_or(1) != 1) {
    return BadInput(fields.Field("partial_rotary_factor"), fmt::format("{}", *partial), "1");
  }
  if (fields.Has("quantization_config")) {
    return BadInput(fields.Field("quantization_config"), PrintableJson(json["quantization_config"]),
                    "F32, F16 or BF16 weights",
                    "Import the checkpoint from which it was quantized.");
  }
  if (fields.Has("no_rope_layers")) {
    const Json& flags = json["no_rope_layers"];
    const bool rotated = flags.is_array() && std::ranges::all_of(flags, [](const Json& flag) {
                           return flag.is_number_integer() && flag == 1;
                         });
    if (!rotated && flags != Json::array()) {
      return BadInput(fields.Field("no_rope_layers"), PrintableJson(flags),
                      "rotation on every layer");
    }
  }
  return {};
}

// rope_scaling, or rope_parameters of newer files, which holds the theta as well.
Status ReadRope(const Json& json, const JsonFields& top, ModelConfig& config) {
  BURIN_ASSIGN(const auto theta, top.Number("rope_theta"));
  config.rope_theta = theta.value_or(10000);
  const char* key = top.Has("rope_parameters") ? "rope_parameters" : "rope_scaling";
  if (!top.Has(key)) return {};
  if (!json[key].is_object()) {
    return BadInput(top.Field(key), PrintableJson(json[key]), "an object or null");
  }
  const JsonFields fields(json[key], top.Field(key));
  BURIN_ASSIGN(const auto inner_theta, fields.Number("rope_theta"));
  if (inner_theta) config.rope_theta = *inner_theta;
  BURIN_ASSIGN(const auto old_type, fields.String("type"));
  BURIN_ASSIGN(const auto new_type, fields.String("rope_type"));
  if (old_type && new_type && *old_type != *new_type) {
    return BadInput(
        fields.object(),
        fmt::format("type '{}' and rope_type '{}'", Printable(*old_type), Printable(*new_type)),
        "the same");
  }
  const std::string type = new_type ? *new_type : old_type.value_or("default");
  if (type == "default") return {};
  if (type != "linear" && type != "llama3") {
    return BadInput(fields.Field("rope_type"), Printable(type), "one of default, linear, llama3");
  }
  RopeScaling& rope = config.rope_scaling;
  BURIN_ASSIGN(const auto factor, fields.Number("factor"));
  if (!factor) return BadInput(fields.Field("factor"), "is missing", "a number");
  rope.factor = *factor;
  rope.kind = RopeScaling::Kind::kLinear;
  if (type == "linear") return {};
  rope.kind = RopeScaling::Kind::kLlama3;
  BURIN_ASSIGN(const auto low, fields.Number("low_freq_factor"));
  BURIN_ASSIGN(const auto high, fields.Number("high_freq_factor"));
  if (!low || !high) {
    return BadInput(fields.object(), "no low_freq_factor or high_freq_factor", "both");
  }
  rope.low_freq_factor = *low;
  rope.high_freq_factor = *high;
  BURIN_ASSIGN(rope.original_max_positions,
               fields.RequiredInt("original_max_position_embeddings", 1, kMaxSize));
  return {};
}

Status ReadSlidingWindow(const Json& json, const JsonFields& fields, const Family& family,
                         ModelConfig& config) {
  BURIN_ASSIGN(const auto window, fields.Int("sliding_window", 0, kMaxSize));
  BURIN_ASSIGN(const auto use, fields.Bool("use_sliding_window"));
  const int64_t fallback = json.contains("sliding_window") ? 0 : family.default_sliding_window;
  const bool mistral = family.default_sliding_window > 0;
  bool on = mistral || use.value_or(false);
  if (fields.Has("layer_types")) {
    const Json& types = json["layer_types"];
    if (!types.is_array()) {
      return BadInput(fields.Field("layer_types"), PrintableJson(types), "a list");
    }
    bool any_sliding = false;
    for (const Json& type : types) {
      if (type != "full_attention" && type != "sliding_attention") {
        return BadInput(fields.Field("layer_types"), PrintableJson(type),
                        "full_attention or sliding_attention");
      }
      any_sliding = any_sliding || type == "sliding_attention";
    }
    if (any_sliding && window.value_or(fallback) == 0) {
      return BadInput(fields.Field("layer_types"), "sliding_attention but no sliding_window",
                      "both or none");
    }
    on = any_sliding;
  }
  if (on) config.sliding_window = window.value_or(fallback);
  return {};
}

// An id, a list of ids, or null; each id once, after those already there.
Status AddIds(const Json& json, const JsonFields& fields, const char* key,
              std::vector<int32_t>& ids) {
  if (!fields.Has(key)) return {};
  const Json list = json[key].is_array() ? json[key] : Json::array({json[key]});
  for (const Json& id : list) {
    if (!id.is_number_integer() || id < 0 || id > INT32_MAX) {
      return BadInput(fields.Field(key), PrintableJson(json[key]), "a token id or a list of them");
    }
    const auto value = id.get<int32_t>();
    if (std::ranges::find(ids, value) == ids.end()) ids.push_back(value);
  }
  return {};
}

Status ReadSizes(const JsonFields& fields, const Family& family, ModelConfig& config) {
  BURIN_ASSIGN(config.hidden, fields.RequiredInt("hidden_size", 1, kMaxSize));
  BURIN_ASSIGN(config.layers, fields.RequiredInt("num_hidden_layers", 1, kMaxSize));
  BURIN_ASSIGN(config.heads, fields.RequiredInt("num_attention_heads", 1, kMaxSize));
  BURIN_ASSIGN(config.ffn, fields.RequiredInt("intermediate_size", 1, kMaxSize));
  BURIN_ASSIGN(config.vocab, fields.RequiredInt("vocab_size", 1, kMaxSize));
  BURIN_ASSIGN(config.max_positions, fields.RequiredInt("max_position_embeddings", 1, kMaxSize));
  BURIN_ASSIGN(const auto kv_heads, fields.Int("num_key_value_heads", 1, kMaxSize));
  config.kv_heads =
      kv_heads.value_or(family.default_kv_heads != 0 ? family.default_kv_heads : config.heads);
  BURIN_ASSIGN(const auto head_dim, fields.Int("head_dim", 1, kMaxSize));
  if (!head_dim && family.default_head_dim == 0 && config.hidden % config.heads != 0) {
    return BadInput(
        fields.object(),
        fmt::format("hidden_size {}, {} heads, no head_dim", config.hidden, config.heads),
        "a head_dim, or a hidden_size that the heads divide");
  }
  config.head_dim = head_dim.value_or(family.default_head_dim != 0 ? family.default_head_dim
                                                                   : config.hidden / config.heads);
  BURIN_ASSIGN(const auto eps, fields.Number("rms_norm_eps"));
  config.rms_eps = eps.value_or(1e-6);
  return {};
}

}  // namespace

Result<ModelConfig> ParseHfConfig(std::string_view text, const std::string& object) {
  BURIN_ASSIGN(const Json json, ParseJsonObject(text, object));
  const JsonFields fields(json, object);
  BURIN_ASSIGN(const Family* family, FindFamily(json, fields));
  ModelConfig config;
  config.architecture = family->model_type;
  config.qkv_bias = family->qkv_bias;
  config.qk_norm = family->qk_norm;
  BURIN_TRY(RefuseForeignFeatures(json, fields));
  BURIN_TRY(ReadSizes(fields, *family, config));
  BURIN_TRY(ReadRope(json, fields, config));
  BURIN_TRY(ReadSlidingWindow(json, fields, *family, config));
  BURIN_ASSIGN(const auto tied, fields.Bool("tie_word_embeddings"));
  config.tied_head = tied.value_or(false);
  BURIN_TRY(AddIds(json, fields, "eos_token_id", config.eos_ids));
  BURIN_ASSIGN(const auto bos, fields.Int("bos_token_id", 0, INT32_MAX));
  if (bos) config.bos_id = static_cast<int32_t>(*bos);
  BURIN_TRY(ValidateConfig(config, object));
  return config;
}

Status ParseGenerationConfig(std::string_view text, const std::string& object, ModelConfig& config,
                             GenerationDefaults& generation) {
  BURIN_ASSIGN(const Json json, ParseJsonObject(text, object));
  const JsonFields fields(json, object);
  BURIN_TRY(AddIds(json, fields, "eos_token_id", config.eos_ids));
  BURIN_ASSIGN(const auto bos, fields.Int("bos_token_id", 0, INT32_MAX));
  if (bos && !config.bos_id) config.bos_id = static_cast<int32_t>(*bos);
  BURIN_ASSIGN(generation.do_sample, fields.Bool("do_sample"));
  BURIN_ASSIGN(generation.top_k, fields.Int("top_k", 0, INT32_MAX));
  struct Range {
    const char* key;
    std::optional<double> GenerationDefaults::*member;
    double min, max;
  };
  constexpr double kHuge = 1e6;
  const Range ranges[] = {
      {"temperature", &GenerationDefaults::temperature, 0, kHuge},
      {"top_p", &GenerationDefaults::top_p, 0, 1},
      {"min_p", &GenerationDefaults::min_p, 0, 1},
      {"repetition_penalty", &GenerationDefaults::repetition_penalty, 0, kHuge},
  };
  for (const Range& range : ranges) {
    BURIN_ASSIGN(generation.*range.member, fields.Number(range.key));
    const auto& value = generation.*range.member;
    if (value && (*value < range.min || *value > range.max)) {
      return BadInput(fields.Field(range.key), fmt::format("{}", *value),
                      fmt::format("{} to {}", range.min, range.max));
    }
  }
  return ValidateConfig(config, object);
}

Result<HfConfig> ReadHfConfig(const std::filesystem::path& folder) {
  HfConfig result;
  const auto path = folder / "config.json";
  BURIN_ASSIGN(const std::string text, ReadTextFile(path, kMaxConfigBytes));
  BURIN_ASSIGN(result.config, ParseHfConfig(text, path.string()));
  const auto generation = folder / "generation_config.json";
  std::error_code ignored;
  if (std::filesystem::exists(generation, ignored)) {
    BURIN_ASSIGN(const std::string more, ReadTextFile(generation, kMaxConfigBytes));
    BURIN_TRY(ParseGenerationConfig(more, generation.string(), result.config, result.generation));
  }
  return result;
}

}  // namespace burin
