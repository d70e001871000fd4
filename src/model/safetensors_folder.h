// All tensors of a Hugging Face folder: model.safetensors, or the shards of its index.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mapped_file.h"
#include "base/result.h"
#include "model/safetensors.h"

namespace burin {

struct StoredTensor {
  SafeTensor tensor;
  std::string object;  // "model.safetensors: tensor 'lm_head.weight'", for messages
};

struct SafetensorsFolder {
  std::map<std::string, StoredTensor> tensors;
  std::vector<std::shared_ptr<const MappedFile>> files;  // keeps the tensors alive
};

// Maps one file and adds its tensors. Errors also: a tensor that is there already.
Status AddSafetensorsFile(const std::filesystem::path& path, SafetensorsFolder& into);

// model.safetensors when there is one, as transformers does, else model.safetensors.index.json.
// Errors: neither is there; a shard name with '/', '\' or '..' or without the ending .safetensors;
// a shard that is missing; tensors of a shard that are not those the index names for it.
Result<SafetensorsFolder> OpenSafetensorsFolder(const std::filesystem::path& folder);

}  // namespace burin
