#include "model/lora.h"

#include <algorithm>

#include "model/gguf_adapter.h"
#include "model/import.h"
#include "model/peft.h"

namespace burin {

Result<LoraAdapter> ReadAdapter(const std::filesystem::path& path, const ModelConfig& config) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const fs::file_status status = fs::status(path, ignored);
  if (!fs::exists(status)) {
    return IoError(path.string(), "does not exist", "a PEFT folder or a .gguf file",
                   "Check the name.");
  }
  if (fs::is_directory(status) && !fs::exists(path / "adapter_config.json", ignored)) {
    const auto gguf = FindGguf(path);
    if (gguf && *gguf) return ReadAdapter(**gguf, config);
    return BadInput(path.string(), "no adapter_config.json",
                    "a PEFT folder: adapter_config.json and adapter_model.safetensors",
                    "Give the folder that save_pretrained wrote, or a .gguf adapter.");
  }
  if (fs::is_directory(status)) return ReadPeftFolder(path, config);
  if (path.extension() != ".gguf") {
    return BadInput(path.string(), "is neither a folder nor a .gguf file",
                    "a PEFT folder or a .gguf file",
                    "For adapter_model.safetensors give its folder, with adapter_config.json.");
  }
  BURIN_ASSIGN(const OpenGguf opened, OpenGgufFile(path));
  return ReadGgufAdapter(opened, config);
}

Status CompleteAdapter(LoraAdapter& adapter, const std::string& object) {
  adapter.rank = 0;
  for (size_t layer = 0; layer < adapter.layers.size(); ++layer) {
    for (size_t k = 0; k < kAdaptedKinds; ++k) {
      const LoraMatrix& matrix = adapter.layers[layer][k];
      adapter.rank = std::max(adapter.rank, matrix.rank);
      if (matrix.a.empty() != matrix.b.empty()) {
        return BadInput(
            object,
            fmt::format("layer {}, {}: only lora_{}", layer,
                        MatrixKindName(static_cast<MatrixKind>(k)), matrix.b.empty() ? "A" : "B"),
            "both lora_A and lora_B");
      }
    }
  }
  if (adapter.rank == 0) {
    return BadInput(object, "no tensors", "lora_A and lora_B of at least one matrix");
  }
  return {};
}

}  // namespace burin
