#include "model/safetensors_folder.h"

#include <set>

#include "model/json_reader.h"

namespace burin {
namespace {

constexpr uint64_t kMaxIndexBytes = 100'000'000;

Status CheckShardName(const std::string& name, const std::string& index) {
  if (name.find_first_of(std::string("/\\\0", 3)) == std::string::npos &&
      name.find("..") == std::string::npos && name.ends_with(".safetensors")) {
    return {};
  }
  return BadInput(index, fmt::format("shard name '{}'", Printable(name)),
                  "a file of the same folder that ends in .safetensors");
}

// Reads the shards that the index names and compares both.
Result<SafetensorsFolder> OpenShards(const std::filesystem::path& folder,
                                     const std::filesystem::path& index_path) {
  const std::string index = index_path.string();
  BURIN_ASSIGN(const std::string text, ReadTextFile(index_path, kMaxIndexBytes));
  BURIN_ASSIGN(const Json json, ParseJsonObject(text, index));
  const auto weight_map = json.find("weight_map");
  if (weight_map == json.end() || !weight_map->is_object() || weight_map->empty()) {
    return BadInput(index, "no weight_map", "an object of tensor name -> shard name");
  }
  std::set<std::string> shards;
  for (const auto& [name, shard] : weight_map->items()) {
    if (!shard.is_string()) {
      return BadInput(index, fmt::format("{} for '{}'", PrintableJson(shard), Printable(name)),
                      "the name of a shard");
    }
    BURIN_TRY(CheckShardName(shard.get<std::string>(), index));
    shards.insert(shard.get<std::string>());
  }
  SafetensorsFolder result;
  for (const std::string& shard : shards) {
    if (!std::filesystem::exists(folder / shard)) {
      return BadInput(index, fmt::format("shard '{}' is missing", Printable(shard)),
                      fmt::format("{} shards in the folder", shards.size()),
                      "Download the whole folder.");
    }
    BURIN_TRY(AddSafetensorsFile(folder / shard, result));
  }
  for (const auto& [name, shard] : weight_map->items()) {
    const auto found = result.tensors.find(name);
    const std::string wanted = (folder / shard.get<std::string>()).string();
    if (found == result.tensors.end() || !found->second.object.starts_with(wanted + ": ")) {
      return BadInput(wanted, fmt::format("no tensor '{}'", Printable(name)), "as the index says",
                      "Download the folder again.");
    }
  }
  for (const auto& [name, stored] : result.tensors) {
    if (!weight_map->contains(name)) {
      return BadInput(stored.object, "is not in the index", "the tensors of weight_map only",
                      "Download the folder again.");
    }
  }
  return result;
}

}  // namespace

Status AddSafetensorsFile(const std::filesystem::path& path, SafetensorsFolder& into) {
  BURIN_ASSIGN(auto mapped, MappedFile::Open(path));
  const auto file = std::make_shared<const MappedFile>(std::move(mapped));
  BURIN_ASSIGN(auto tensors, ParseSafetensors(file->bytes(), path.string()));
  for (SafeTensor& tensor : tensors) {
    const std::string name = tensor.name;
    const std::string object = fmt::format("{}: tensor '{}'", path.string(), Printable(name));
    const auto [it, added] =
        into.tensors.try_emplace(name, StoredTensor{std::move(tensor), object});
    if (!added) {
      return BadInput(object, "comes also in " + it->second.object, "each tensor in one shard",
                      "Download the folder again.");
    }
  }
  into.files.push_back(file);
  return {};
}

Result<SafetensorsFolder> OpenSafetensorsFolder(const std::filesystem::path& folder) {
  std::error_code ignored;
  const auto single = folder / "model.safetensors";
  if (std::filesystem::exists(single, ignored)) {
    SafetensorsFolder result;
    BURIN_TRY(AddSafetensorsFile(single, result));
    return result;
  }
  const auto index = folder / "model.safetensors.index.json";
  if (std::filesystem::exists(index, ignored)) return OpenShards(folder, index);
  const bool torch = std::filesystem::exists(folder / "pytorch_model.bin", ignored) ||
                     std::filesystem::exists(folder / "pytorch_model.bin.index.json", ignored);
  return BadInput(folder.string(), torch ? "pytorch_model.bin (pickle) only" : "no weights",
                  "model.safetensors or model.safetensors.index.json",
                  torch ? "Convert it with save_pretrained(..., safe_serialization=True)."
                        : "Download the whole folder.");
}

}  // namespace burin
