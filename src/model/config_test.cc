#include "model/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>

#include "model/config_gguf.h"
#include "model/presets.h"
#include "model/rotary.h"
#include "model/test_files.h"

namespace burin {
namespace {

using nlohmann::json;
using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using namespace testing_files;

constexpr const char* kLlama32 = R"({
  "architectures": ["LlamaForCausalLM"], "attention_bias": false, "bos_token_id": 128000,
  "eos_token_id": [128001, 128008, 128009], "head_dim": 64, "hidden_act": "silu",
  "hidden_size": 2048, "intermediate_size": 8192, "max_position_embeddings": 131072,
  "mlp_bias": false, "model_type": "llama", "num_attention_heads": 32, "num_hidden_layers": 16,
  "num_key_value_heads": 8, "rms_norm_eps": 1e-05,
  "rope_scaling": {"factor": 32.0, "high_freq_factor": 4.0, "low_freq_factor": 1.0,
                   "original_max_position_embeddings": 8192, "rope_type": "llama3"},
  "rope_theta": 500000.0, "tie_word_embeddings": true, "vocab_size": 128256})";

Result<ModelConfig> Parse(const json& text) { return ParseHfConfig(text.dump(), "config.json"); }
ModelConfig Good(const json& text) {
  const auto config = Parse(text);
  EXPECT_TRUE(config) << config.error().ToString();
  return config.value_or(ModelConfig{});
}
// Llama 3.2 with some members changed; null removes a member.
json With(const json& patch) {
  json text = json::parse(kLlama32);
  text.merge_patch(patch);
  return text;
}
std::string Refusal(const json& patch) { return ErrorOf(Parse(With(patch))); }

TEST(HfConfig, Llama32EqualsThePreset) {
  ModelConfig preset = FindPreset("llama-3.2-1b").value();
  preset.eos_ids = {128001, 128008, 128009};
  EXPECT_EQ(Good(json::parse(kLlama32)), preset);
}

TEST(HfConfig, TakesTheDefaultsOfTransformers) {
  const ModelConfig config = Good(With({{"num_key_value_heads", nullptr},
                                        {"head_dim", nullptr},
                                        {"rms_norm_eps", nullptr},
                                        {"rope_theta", nullptr},
                                        {"rope_scaling", nullptr},
                                        {"tie_word_embeddings", nullptr},
                                        {"eos_token_id", 7}}));
  EXPECT_EQ(config.kv_heads, 32);
  EXPECT_EQ(config.head_dim, 64);
  EXPECT_EQ(config.rms_eps, 1e-6);
  EXPECT_EQ(config.rope_theta, 10000);
  EXPECT_EQ(config.rope_scaling, RopeScaling{});
  EXPECT_FALSE(config.tied_head);
  EXPECT_THAT(config.eos_ids, ElementsAre(7));
}

TEST(HfConfig, KnowsTheFamilies) {
  const auto family = [](const char* type, const char* causal_lm, json patch = json::object()) {
    patch["model_type"] = type;
    patch["architectures"] = {causal_lm};
    return With(patch);
  };
  const ModelConfig qwen2 = Good(family("qwen2", "Qwen2ForCausalLM"));
  EXPECT_TRUE(qwen2.qkv_bias);
  EXPECT_FALSE(qwen2.qk_norm);
  json no_head_dim = family("qwen3", "Qwen3ForCausalLM");
  no_head_dim.erase("head_dim");
  const ModelConfig qwen3 = Good(no_head_dim);
  EXPECT_FALSE(qwen3.qkv_bias);
  EXPECT_TRUE(qwen3.qk_norm);
  EXPECT_EQ(qwen3.head_dim, 128);  // its default, not hidden / heads
  EXPECT_EQ(qwen3.q_width(), 4096);

  EXPECT_EQ(Good(family("mistral", "MistralForCausalLM")).sliding_window, 4096);
  json none = family("mistral", "MistralForCausalLM");
  none["sliding_window"] = nullptr;
  EXPECT_EQ(Good(none).sliding_window, 0);
  EXPECT_EQ(Good(family("qwen2", "Qwen2ForCausalLM", {{"sliding_window", 100}})).sliding_window, 0);
  EXPECT_EQ(Good(family("qwen2", "Qwen2ForCausalLM",
                        {{"sliding_window", 100}, {"use_sliding_window", true}}))
                .sliding_window,
            100);
  EXPECT_EQ(Good(family("qwen3", "Qwen3ForCausalLM",
                        {{"sliding_window", 100}, {"layer_types", {"sliding_attention"}}}))
                .sliding_window,
            100);

  EXPECT_THAT(ErrorOf(Parse(family("gemma2", "Gemma2ForCausalLM"))),
              HasSubstr("model_type: gemma2; expected one of llama, mistral, qwen2, qwen3"));
  EXPECT_THAT(ErrorOf(Parse(family("llama", "LlamaForSequenceClassification"))),
              HasSubstr("[\"LlamaForCausalLM\"]"));
}

TEST(HfConfig, ReadsRopeScalingInAllSpellings) {
  using Kind = RopeScaling::Kind;
  const auto scaling = [](const char* key, const json& value) {
    json text = json::parse(kLlama32);
    text.erase("rope_scaling");
    text[key] = value;
    return text;
  };
  EXPECT_EQ(Good(scaling("rope_scaling", {{"type", "linear"}, {"factor", 2}})).rope_scaling,
            (RopeScaling{.kind = Kind::kLinear, .factor = 2}));
  EXPECT_EQ(
      Good(scaling("rope_scaling", {{"rope_type", "linear"}, {"type", "linear"}, {"factor", 2}}))
          .rope_scaling.kind,
      Kind::kLinear);
  EXPECT_EQ(Good(scaling("rope_scaling", {{"rope_type", "default"}})).rope_scaling, RopeScaling{});
  const ModelConfig newer =
      Good(scaling("rope_parameters", {{"rope_type", "llama3"},
                                       {"rope_theta", 1e6},
                                       {"factor", 8},
                                       {"low_freq_factor", 1},
                                       {"high_freq_factor", 4},
                                       {"original_max_position_embeddings", 8192}}));
  EXPECT_EQ(newer.rope_theta, 1e6);
  EXPECT_EQ(newer.rope_scaling, (RopeScaling{.kind = Kind::kLlama3, .factor = 8}));

  EXPECT_THAT(ErrorOf(Parse(scaling("rope_scaling", {{"rope_type", "yarn"}, {"factor", 4}}))),
              HasSubstr("rope_type: yarn; expected one of default, linear, llama3"));
  EXPECT_THAT(ErrorOf(Parse(scaling("rope_scaling", {{"rope_type", "linear"}, {"type", "yarn"}}))),
              HasSubstr("type 'yarn' and rope_type 'linear'"));
  EXPECT_THAT(ErrorOf(Parse(scaling("rope_scaling", {{"type", "linear"}}))),
              HasSubstr("factor: is missing"));
  EXPECT_THAT(ErrorOf(Parse(scaling("rope_scaling", {{"type", "llama3"}, {"factor", 2}}))),
              HasSubstr("low_freq_factor"));
  EXPECT_THAT(ErrorOf(Parse(scaling("rope_scaling", {{"type", "linear"}, {"factor", -2}}))),
              HasSubstr("rope factor = -2"));
  EXPECT_THAT(ErrorOf(Parse(scaling("rope_scaling", "linear"))), HasSubstr("an object or null"));
}

TEST(HfConfig, RefusesFeaturesByName) {
  EXPECT_THAT(Refusal({{"hidden_act", "gelu"}}), HasSubstr("hidden_act: gelu; expected silu"));
  EXPECT_THAT(Refusal({{"attention_bias", true}}), HasSubstr("attention_bias: true"));
  EXPECT_THAT(Refusal({{"mlp_bias", true}}), HasSubstr("mlp_bias: true"));
  EXPECT_THAT(Refusal({{"partial_rotary_factor", 0.5}}), HasSubstr("partial_rotary_factor: 0.5"));
  EXPECT_THAT(Refusal({{"quantization_config", {{"quant_method", "awq"}}}}), HasSubstr("awq"));
  EXPECT_THAT(Refusal({{"no_rope_layers", {1, 0}}}), HasSubstr("no_rope_layers"));
  EXPECT_THAT(Refusal({{"layer_types", {"linear_attention"}}}), HasSubstr("linear_attention"));
}

TEST(HfConfig, RefusesWrongSizes) {
  EXPECT_THAT(Refusal({{"hidden_size", nullptr}}),
              AllOf(HasSubstr("config.json: hidden_size"), HasSubstr("is missing")));
  EXPECT_THAT(Refusal({{"hidden_size", "2048"}}), HasSubstr("an integer 1 to"));
  EXPECT_THAT(Refusal({{"hidden_size", 2048.5}}), HasSubstr("an integer 1 to"));
  EXPECT_THAT(Refusal({{"hidden_size", -1}}), HasSubstr("an integer 1 to"));
  EXPECT_THAT(Refusal({{"hidden_size", uint64_t{1} << 63}}), HasSubstr("an integer 1 to"));
  EXPECT_THAT(Refusal({{"hidden_size", int64_t{1} << 40}}), HasSubstr("hidden = 1099511627776"));
  EXPECT_THAT(Refusal({{"num_hidden_layers", 5000}}), HasSubstr("layers = 5000"));
  EXPECT_THAT(Refusal({{"num_key_value_heads", 7}}), HasSubstr("32 query heads, 7 key/value"));
  EXPECT_THAT(Refusal({{"head_dim", 63}}), HasSubstr("head_dim = 63; expected an even number"));
  EXPECT_THAT(Refusal({{"head_dim", nullptr}, {"num_attention_heads", 24}}),
              HasSubstr("no head_dim"));
  EXPECT_THAT(Refusal({{"rms_norm_eps", 0}}), HasSubstr("rms_norm_eps = 0"));
  EXPECT_THAT(Refusal({{"rope_theta", -1}}), HasSubstr("rope_theta = -1"));
  EXPECT_THAT(Refusal({{"eos_token_id", 128256}}), HasSubstr("eos_token_id 128256; expected 0 to"));
  EXPECT_THAT(Refusal({{"eos_token_id", "x"}}), HasSubstr("a token id or a list"));
  EXPECT_THAT(Refusal({{"bos_token_id", 128256}}), HasSubstr("bos_token_id 128256"));
}

TEST(HfConfig, RefusesBrokenJson) {
  const auto refusal = [](std::string_view text) { return ErrorOf(ParseHfConfig(text, "c.json")); };
  EXPECT_THAT(refusal(""), HasSubstr("c.json: not valid JSON at byte"));
  EXPECT_THAT(refusal("[]"), HasSubstr("a JSON array; expected a JSON object"));
  EXPECT_THAT(refusal(R"({"a":1,"a":2})"), HasSubstr("key 'a' comes twice"));
  EXPECT_THAT(refusal(R"({"a":{"b":1,"b":2}})"), HasSubstr("key 'b' comes twice"));
  EXPECT_THAT(refusal(R"({"a":)" + std::string(1'000'000, '[')), HasSubstr("nested deeper"));
  EXPECT_THAT(refusal("{} {}"), HasSubstr("not valid JSON"));
  EXPECT_THAT(refusal("{}"), HasSubstr("model_type: (none)"));
}

TEST(GenerationConfig, AddsIdsAndDefaults) {
  ModelConfig config = Good(With({{"eos_token_id", 128001}}));
  GenerationDefaults generation;
  const auto status = ParseGenerationConfig(
      R"({"do_sample":true,"temperature":0.6,"top_p":0.9,"top_k":40,"min_p":0.1,)"
      R"("repetition_penalty":1.1,"eos_token_id":[128001,128008],"bos_token_id":5})",
      "g.json", config, generation);
  ASSERT_TRUE(status) << status.error().ToString();
  EXPECT_THAT(config.eos_ids, ElementsAre(128001, 128008));
  EXPECT_EQ(config.bos_id, 128000);
  EXPECT_EQ(generation.do_sample, true);
  EXPECT_EQ(generation.temperature, 0.6);
  EXPECT_EQ(generation.top_p, 0.9);
  EXPECT_EQ(generation.top_k, 40);
  EXPECT_EQ(generation.min_p, 0.1);
  EXPECT_EQ(generation.repetition_penalty, 1.1);

  const auto refusal = [&](std::string_view text) {
    return ErrorOf(ParseGenerationConfig(text, "g.json", config, generation));
  };
  EXPECT_THAT(refusal(R"({"top_p":1.5})"), HasSubstr("g.json: top_p: 1.5; expected 0 to 1"));
  EXPECT_THAT(refusal(R"({"temperature":"hot"})"), HasSubstr("a finite number"));
  EXPECT_THAT(refusal(R"({"top_k":-1})"), HasSubstr("top_k: -1"));
  EXPECT_THAT(refusal(R"({"eos_token_id":[-1]})"), HasSubstr("a token id"));
}

// ---- GGUF
// ------------------------------------------------------------------------------------------

Result<ModelConfig> ParseGguf(const std::string& bytes) {
  BURIN_ASSIGN(const GgufFile file, GgufFile::Parse(AsBytes(bytes), "a.gguf"));
  return ReadGgufConfig(file);
}

// The tiny llama with more keys or tensors.
Result<ModelConfig> Tiny(const std::function<void(GgufWriter&)>& change,
                         const ModelConfig& config = TinyConfig("llama")) {
  GgufWriter writer = TinyGguf(config, TinyWeights(config, 1));
  change(writer);
  return ParseGguf(writer.Finish());
}

TEST(GgufConfig, EqualsTheGeometryWritten) {
  for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
    const ModelConfig config = TinyConfig(architecture);
    const auto found = Tiny([](GgufWriter&) {}, config);
    ASSERT_TRUE(found) << found.error().ToString();
    EXPECT_EQ(*found, config) << architecture;
  }
  ModelConfig tied = TinyConfig("llama");
  tied.tied_head = true;
  EXPECT_EQ(Tiny([](GgufWriter&) {}, tied).value(), tied);
}

TEST(GgufConfig, RecognizesTheFactorsOfLlama3) {
  ModelConfig config = TinyConfig("llama");
  config.head_dim = 64;
  config.heads = 2;
  config.kv_heads = 1;
  config.rope_theta = 500000;
  const auto with_factors = [&](const ModelConfig& scaled, float last = 0) {
    std::vector<float> factors;
    for (const double factor : RotaryFactors(scaled)) factors.push_back(static_cast<float>(factor));
    if (last != 0) factors.back() = last;
    return Tiny(
        [&](GgufWriter& w) {
          w.Add({"rope_freqs.weight", {32}, RawFloats(factors)});
        },
        config);
  };
  for (const double factor : {8.0, 32.0}) {
    ModelConfig scaled = config;
    scaled.rope_scaling = {.kind = RopeScaling::Kind::kLlama3, .factor = factor};
    EXPECT_EQ(with_factors(scaled).value(), scaled);
    EXPECT_THAT(ErrorOf(with_factors(scaled, 3.5f)), HasSubstr("unknown rope scaling"));
  }
  EXPECT_EQ(with_factors(config).value(), config);  // all ones
  EXPECT_THAT(ErrorOf(Tiny(
                  [](GgufWriter& w) {
                    w.Add({"rope_freqs.weight", {1}, Raw(1.0f)});
                  },
                  config)),
              HasSubstr("F32 [1]; expected F32 [32]"));
}

TEST(GgufConfig, RefusesByName) {
  const auto refusal = [](const std::function<void(GgufWriter&)>& change) {
    return ErrorOf(Tiny(change));
  };
  const auto alone = [](const char* architecture) {
    GgufWriter writer;
    writer.String("general.architecture", architecture);
    return ErrorOf(ParseGguf(writer.Finish()));
  };
  EXPECT_THAT(alone("gemma3"), HasSubstr("gemma3; expected one of llama, qwen2, qwen3"));
  EXPECT_THAT(alone("llama"), HasSubstr("key 'llama.embedding_length': is missing"));
  EXPECT_THAT(ErrorOf(ParseGguf(GgufWriter().Finish())), HasSubstr("(none); expected one of"));
  EXPECT_THAT(refusal([](GgufWriter& w) { w.String("general.type", "adapter"); }),
              HasSubstr("adapter; expected model"));
  EXPECT_THAT(refusal([](GgufWriter& w) { w.Uint32("split.count", 3); }),
              HasSubstr("one of 3 parts"));
  EXPECT_THAT(refusal([](GgufWriter& w) { w.Uint32("llama.expert_count", 8); }),
              HasSubstr("8 experts"));
  EXPECT_THAT(refusal([](GgufWriter& w) { w.String("llama.rope.scaling.type", "yarn"); }),
              HasSubstr("yarn; expected none or linear"));
  EXPECT_EQ(
      Tiny([](GgufWriter& w) { w.Float32("llama.rope.scaling.factor", 4); }).value().rope_scaling,
      (RopeScaling{.kind = RopeScaling::Kind::kLinear, .factor = 4}));
  EXPECT_THAT(refusal([](GgufWriter& w) { w.Uint32("tokenizer.ggml.eot_token_id", 50); }),
              HasSubstr("eos_token_id 50"));
}

TEST(GgufConfig, RefusesPerLayerSizes) {
  GgufWriter writer;
  writer.String("general.architecture", "llama");
  writer.Uint32("llama.embedding_length", 24);
  writer.Uint32("llama.block_count", 2);
  writer.Key("llama.attention.head_count", 9, Raw(uint32_t{4}) + Raw(uint64_t{2}) + "12345678");
  EXPECT_THAT(ErrorOf(ParseGguf(writer.Finish())),
              HasSubstr("key 'llama.attention.head_count': array; expected an integer"));
}

}  // namespace
}  // namespace burin
