// Small models in memory, for tests.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "model/model.h"

namespace burin {

// hidden 48, 2 layers, 4 heads of 12 (2 key/value heads), ffn 72, vocab 40: every size needs
// padding at group 32.
ModelConfig SmallConfig();

// A model whose tensors are Gaussian-like numbers of a seed, norms near 1; owns its weights.
struct OwnedModel {
  Model model;
  std::vector<std::unique_ptr<std::vector<float>>> storage;
};
OwnedModel MakeModel(const ModelConfig& config, uint64_t seed);

// The floats behind a view of an OwnedModel, to change them.
std::vector<float>& FloatsOf(OwnedModel& owned, const TensorView& view);

// A fresh folder that is removed at the end.
class TestFolder {
 public:
  TestFolder();
  ~TestFolder();
  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

std::string ReadAll(const std::filesystem::path& path);

}  // namespace burin
