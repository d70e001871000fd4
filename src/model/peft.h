// LoRA adapters in the folder format of PEFT (adapter_config.json, adapter_model.safetensors).
// Source: github.com/huggingface/peft, src/peft/tuners/lora/{config,layer,model}.py.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/model.h"

namespace burin {

// The addition to one matrix: y += scale * b . (a . x). Empty (rank 0) where there is none.
struct LoraMatrix {
  int64_t rank = 0;
  double alpha = 0;
  double scale = 0;  // alpha / rank, or alpha / sqrt(rank) with use_rslora
  TensorView a;      // [rank][inputs]
  TensorView b;      // [outputs][rank]
  bool empty() const { return rank == 0; }
};

struct LoraAdapter {
  // One slot for each of kQ ... kDown.
  using Layer = std::array<LoraMatrix, static_cast<size_t>(MatrixKind::kHead)>;

  int64_t rank = 0;           // the largest of any matrix
  double alpha = 0;           // lora_alpha: without alpha_pattern that of every matrix
  double scale = 0;           // of a matrix that has rank r and lora_alpha of the configuration
  std::string base_model;     // base_model_name_or_path, as given
  std::vector<Layer> layers;  // [config.layers]

  std::vector<std::shared_ptr<const MappedFile>> files;  // keeps the views alive

  const LoraMatrix& At(int64_t layer, MatrixKind kind) const {
    return layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }
};

// Reads an adapter for a model of that geometry. rank_pattern and alpha_pattern may name modules or
// ends of module paths ("q_proj", "layers.3.mlp.up_proj"), not other regular expressions.
// Refused by name: kinds other than LoRA, DoRA, biases, modules_to_save, layer_replication,
// adapters of embedding or head, fan_in_fan_out, initializations that change the base weights
// (PiSSA, OLoRA, CorDA, LoftQ), tensors that are unknown or lack their partner, shapes that do not
// fit `config`.
Result<LoraAdapter> ReadPeftFolder(const std::filesystem::path& folder, const ModelConfig& config);

}  // namespace burin
