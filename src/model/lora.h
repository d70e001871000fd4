// A LoRA adapter as plain data: pairs of small matrices that look into mapped files. Readers:
// peft.h, gguf_adapter.h.
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

// Matrices of a layer that an adapter can add to: kQ ... kDown.
inline constexpr size_t kAdaptedKinds = static_cast<size_t>(MatrixKind::kHead);

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
  using Layer = std::array<LoraMatrix, kAdaptedKinds>;

  int64_t rank = 0;           // the largest of any matrix
  double alpha = 0;           // as the file says; without alpha_pattern that of every matrix
  double scale = 0;           // of a matrix with the file's rank (GGUF: the largest) and alpha
  std::string base_model;     // base_model_name_or_path, as given
  std::vector<Layer> layers;  // [config.layers]

  std::vector<std::shared_ptr<const MappedFile>> files;  // keeps the views alive

  const LoraMatrix& At(int64_t layer, MatrixKind kind) const {
    return layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }
  LoraMatrix& At(int64_t layer, MatrixKind kind) {
    return layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }
};

// Reads an adapter for a model of that geometry: a PEFT folder (adapter_config.json and
// adapter_model.safetensors), a .gguf file, or a folder with one .gguf file and no
// adapter_config.json. Errors: as ReadPeftFolder and ReadGgufAdapter; neither of these.
Result<LoraAdapter> ReadAdapter(const std::filesystem::path& path, const ModelConfig& config);

// For readers: checks that every A has its B and that there is at least one, and sets `rank`.
Status CompleteAdapter(LoraAdapter& adapter, const std::string& object);

}  // namespace burin
