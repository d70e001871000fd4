// config.json and generation_config.json of a Hugging Face folder, as plain data.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"
#include "model/model.h"

namespace burin {

// config.json. `object` names the file in errors. Known model types: llama (Llama 2, 3, 3.1, 3.2,
// TinyLlama, SmolLM, SmolLM2), mistral, qwen2 (also 2.5), qwen3. Fields that are absent take the
// defaults of transformers. Refused by name: another model_type or architecture, rope types other
// than default, linear and llama3, an activation other than SiLU, attention or MLP biases that the
// family does not have, partial rotary, weights that are quantized in a foreign format
// (quantization_config), sizes outside ValidateConfig.
// A sliding window on any layer sets config.sliding_window; qwen's counts only if switched on.
Result<ModelConfig> ParseHfConfig(std::string_view text, const std::string& object);

// generation_config.json: sampling defaults into `generation`; eos ids are added to those of
// `config` (one or a list, each once), the bos id is taken if config has none.
Status ParseGenerationConfig(std::string_view text, const std::string& object, ModelConfig& config,
                             GenerationDefaults& generation);

// Both files of a folder; the second may be missing.
struct HfConfig {
  ModelConfig config;
  GenerationDefaults generation;
};
Result<HfConfig> ReadHfConfig(const std::filesystem::path& folder);

}  // namespace burin
