// Checkpoints made by tests: a seeded tiny model, and writers of well-formed (or broken) files.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace burin::testing_files {

// A folder of its own below the system's temporary one, removed at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

void WriteFile(const std::filesystem::path& path, std::string_view bytes);

inline std::span<const std::byte> AsBytes(std::string_view text) {
  return std::as_bytes(std::span(text));
}

// The bytes of a number in memory order.
template <typename T>
std::string Raw(T value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof(T));
}
std::string RawFloats(std::span<const float> values);

// The text of the error, "(no error)" when there is none.
template <typename T>
std::string ErrorOf(const Result<T>& result) {
  return result ? "(no error)" : result.error().ToString();
}

// A tensor as it goes to a file.
struct FileTensor {
  std::string name;
  std::vector<uint64_t> shape;  // outermost first
  std::string bytes;
  std::string dtype = "F32";  // safetensors
  uint32_t ggml_type = 0;     // GGUF
};

// header length, `header`, `data`.
std::string RawSafetensors(std::string_view header, std::string_view data);
std::string SafetensorsFile(const std::vector<FileTensor>& tensors);

// Bytes of a GGUF file, key by key.
class GgufWriter {
 public:
  uint32_t version = 3;
  uint64_t alignment = 32;  // how data are laid out; say it by Key too when it is not 32

  void Key(std::string_view key, uint32_t type, std::string_view value_bytes);
  void String(std::string_view key, std::string_view text);
  void Uint32(std::string_view key, uint32_t value);
  void Float32(std::string_view key, float value);
  void Add(const FileTensor& tensor) { tensors_.push_back(tensor); }
  std::string Finish() const;

  static std::string Text(std::string_view text);  // u64 length, bytes

 private:
  std::string keys_;
  uint64_t key_count_ = 0;
  std::vector<FileTensor> tensors_;
};

// A tiny model of that architecture: 2 layers, grouped queries, head_dim 8.
ModelConfig TinyConfig(const std::string& architecture);
// Weights by Hugging Face name, about unit gain, from a seed.
using Weights = std::map<std::string, std::vector<float>>;
Weights TinyWeights(const ModelConfig& config, uint64_t seed);

nlohmann::json HfConfigJson(const ModelConfig& config);
std::vector<FileTensor> HfTensors(const ModelConfig& config, const Weights& weights);
// config.json and model.safetensors.
void WriteHfFolder(const std::filesystem::path& folder, const ModelConfig& config,
                   const Weights& weights);
// The same weights as llama.cpp stores them: its names, rows of q and k interleaved for llama.
GgufWriter TinyGguf(const ModelConfig& config, const Weights& weights);

}  // namespace burin::testing_files
