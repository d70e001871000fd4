// LoRA adapters by name: a request's `model` chooses one. They share the chip's adapter memory.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "emu/emulator.h"
#include "serve/api_error.h"

namespace burin {

struct Adapter;

struct LoadedAdapter {
  uint64_t id = 0;  // never used again, unlike the name; 0 stands for no adapter
  std::string name, path;
  std::shared_ptr<const Adapter> weights;
  int64_t rank = 0;
  uint64_t bytes = 0;      // of adapter memory
  std::string digest;      // hexadecimal
  std::string base_model;  // as its own files say
  int64_t created = 0;     // seconds since 1970
};

// Makes adapters for the server's model from a folder or file.
using AdapterLoader = std::function<Result<LoadedAdapter>(const std::string& path)>;

// Thread-safe. What is unloaded stays alive until the last request with it ends.
class AdapterRegistry {
 public:
  // `base` is the model's own name; `memory_bytes` bounds all adapters together.
  AdapterRegistry(std::string base, AdapterLoader loader, uint64_t memory_bytes)
      : base_(std::move(base)), loader_(std::move(loader)), memory_bytes_(memory_bytes) {}

  // With `replaced` it takes the place of the adapter of that name, which `replaced` then holds: at
  // once, and only if all went well. Errors: a name that is taken (without `replaced`) or no name,
  // a path that cannot be loaded, no room (with numbers).
  ApiResult<std::shared_ptr<const LoadedAdapter>> Load(
      const std::string& name, const std::string& path,
      std::shared_ptr<const LoadedAdapter>* replaced = nullptr);
  // The adapter that was unloaded. Errors: 404.
  ApiResult<std::shared_ptr<const LoadedAdapter>> Unload(const std::string& name);

  // The adapter of a request's `model`: null for the base model or an empty name, unless a default
  // was chosen. Errors: 404.
  ApiResult<std::shared_ptr<const LoadedAdapter>> Find(const std::string& model) const;
  std::vector<std::shared_ptr<const LoadedAdapter>> List() const;  // by id, which is by age
  // llama.cpp's global scales: what requests for the base model get. Errors: 404.
  ApiResult<void> SetDefault(std::optional<uint64_t> id);
  std::optional<uint64_t> default_id() const;

  const std::string& base() const { return base_; }
  uint64_t memory_bytes() const { return memory_bytes_; }
  uint64_t used_bytes() const;  // those that are unloaded and still at work count

 private:
  ApiResult<void> CheckName(const std::string& name, bool may_be_taken) const;
  uint64_t UsedBytes() const;     // under mutex_
  uint64_t LeavingBytes() const;  // of these, the unloaded ones'

  const std::string base_;
  const AdapterLoader loader_;
  const uint64_t memory_bytes_;
  std::mutex loading_;  // one at a time: room is checked before it is taken
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const LoadedAdapter>> adapters_;
  std::vector<std::weak_ptr<const LoadedAdapter>> leaving_;  // unloaded, maybe still at work
  uint64_t last_id_ = 0;
  std::optional<uint64_t> default_;
};

// Makes the chunk's tokens go through the adapter; null: none.
void SetAdapter(Chunk& chunk, const LoadedAdapter* adapter);

}  // namespace burin
