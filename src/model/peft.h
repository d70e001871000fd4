// LoRA adapters in the folder format of PEFT (adapter_config.json, adapter_model.safetensors).
// Source: github.com/huggingface/peft, src/peft/tuners/lora/{config,layer,model}.py.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "model/lora.h"
#include "model/safetensors_folder.h"

namespace burin {

// Reads an adapter for a model of that geometry. rank_pattern and alpha_pattern may name modules or
// ends of module paths ("q_proj", "layers.3.mlp.up_proj"), not other regular expressions.
// Refused by name: kinds other than LoRA, DoRA, biases, modules_to_save, layer_replication,
// adapters of embedding or head, fan_in_fan_out, initializations that change the base weights
// (PiSSA, OLoRA, CorDA, LoftQ), tensors that are unknown or lack their partner, shapes that do not
// fit `config`.
Result<LoraAdapter> ReadPeftFolder(const std::filesystem::path& folder, const ModelConfig& config);

// The same from the text of adapter_config.json and the tensors of adapter_model.safetensors;
// `folder` names them in errors.
Result<LoraAdapter> ReadPeft(const std::string& config_text, const SafetensorsFolder& stored,
                             const std::filesystem::path& folder, const ModelConfig& config);

}  // namespace burin
