#include "model/presets.h"

#include <algorithm>

#include "base/near_names.h"
#include "model/json_reader.h"

namespace burin {
namespace {

using Kind = RopeScaling::Kind;

struct Preset {
  const char* name;
  const char* architecture;
  int64_t hidden, layers, heads, kv_heads, head_dim, ffn, vocab, max_positions;
  double rope_theta, llama3_factor, rms_eps;  // factor 0: no scaling
  bool tied_head;
  int32_t bos, eos;  // -1: none
};

// clang-format off
constexpr Preset kPresets[] = {
  // name                 family     hidden layers heads kv  dim   ffn   vocab  positions  theta  l3  eps   tied     bos     eos
  {"llama-3.1-8b",        "llama",    4096,  32,   32,   8, 128, 14336, 128256, 131072, 500000,  8, 1e-5, false, 128000, 128001},
  {"llama-3.2-1b",        "llama",    2048,  16,   32,   8,  64,  8192, 128256, 131072, 500000, 32, 1e-5, true,  128000, 128001},
  {"llama-3.2-3b",        "llama",    3072,  28,   24,   8, 128,  8192, 128256, 131072, 500000, 32, 1e-5, true,  128000, 128001},
  {"llama-3.1-70b",       "llama",    8192,  80,   64,   8, 128, 28672, 128256, 131072, 500000,  8, 1e-5, false, 128000, 128001},
  {"llama-2-7b",          "llama",    4096,  32,   32,  32, 128, 11008,  32000,   4096,  10000,  0, 1e-5, false,      1,      2},
  {"mistral-7b",          "mistral",  4096,  32,   32,   8, 128, 14336,  32768,  32768,    1e6,  0, 1e-5, false,      1,      2},
  {"tinyllama-1.1b",      "llama",    2048,  22,   32,   4,  64,  5632,  32000,   2048,  10000,  0, 1e-5, false,      1,      2},
  {"smollm2-135m",        "llama",     576,  30,    9,   3,  64,  1536,  49152,   8192, 100000,  0, 1e-5, true,       0,      0},
  {"smollm2-360m",        "llama",     960,  32,   15,   5,  64,  2560,  49152,   8192, 100000,  0, 1e-5, true,       0,      0},
  {"smollm2-1.7b",        "llama",    2048,  24,   32,  32,  64,  8192,  49152,   8192, 130000,  0, 1e-5, true,       0,      0},
  {"qwen2.5-0.5b",        "qwen2",     896,  24,   14,   2,  64,  4864, 151936,  32768,    1e6,  0, 1e-6, true,  151643, 151643},
  {"qwen2.5-1.5b",        "qwen2",    1536,  28,   12,   2, 128,  8960, 151936, 131072,    1e6,  0, 1e-6, true,  151643, 151643},
  {"qwen2.5-7b",          "qwen2",    3584,  28,   28,   4, 128, 18944, 152064, 131072,    1e6,  0, 1e-6, false, 151643, 151643},
  {"qwen3-0.6b",          "qwen3",    1024,  28,   16,   8, 128,  3072, 151936,  40960,    1e6,  0, 1e-6, true,  151643, 151645},
  {"qwen3-1.7b",          "qwen3",    2048,  28,   16,   8, 128,  6144, 151936,  40960,    1e6,  0, 1e-6, true,  151643, 151645},
  {"qwen3-4b",            "qwen3",    2560,  36,   32,   8, 128,  9728, 151936,  40960,    1e6,  0, 1e-6, true,  151643, 151645},
  {"qwen3-8b",            "qwen3",    4096,  36,   32,   8, 128, 12288, 151936,  40960,    1e6,  0, 1e-6, false, 151643, 151645},
  {"llama-20b-synthetic", "llama",    6144,  48,   48,   8, 128, 16384, 128256, 131072, 500000,  8, 1e-5, false, 128000, 128001},
};
// clang-format on

}  // namespace

std::vector<std::string> PresetNames() {
  std::vector<std::string> names;
  for (const Preset& preset : kPresets) names.emplace_back(preset.name);
  return names;
}

Result<ModelConfig> FindPreset(std::string_view name) {
  const auto* preset = std::ranges::find(kPresets, name, &Preset::name);
  if (preset == std::end(kPresets)) {
    return BadInput(fmt::format("preset '{}'", Printable(name)), "is unknown",
                    fmt::format("a known geometry, such as {}",
                                fmt::join(NearNames(name, PresetNames()), ", ")));
  }
  ModelConfig config;
  config.architecture = preset->architecture;
  config.hidden = preset->hidden;
  config.layers = preset->layers;
  config.heads = preset->heads;
  config.kv_heads = preset->kv_heads;
  config.head_dim = preset->head_dim;
  config.ffn = preset->ffn;
  config.vocab = preset->vocab;
  config.max_positions = preset->max_positions;
  config.rope_theta = preset->rope_theta;
  if (preset->llama3_factor > 0) {
    config.rope_scaling = {.kind = Kind::kLlama3, .factor = preset->llama3_factor};
  }
  config.rms_eps = preset->rms_eps;
  config.tied_head = preset->tied_head;
  config.qkv_bias = config.architecture == "qwen2";
  config.qk_norm = config.architecture == "qwen3";
  config.eos_ids = {preset->eos};
  config.bos_id = preset->bos;
  return config;
}

}  // namespace burin
