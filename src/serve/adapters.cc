#include "serve/adapters.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

namespace burin {
namespace {

ApiError NoSuchModel(const std::string& name) {
  return {404,
          fmt::format("The model '{}' does not exist.", name),
          "invalid_request_error",
          "model",
          "model_not_found",
          0};
}

// 1 to 64 letters, digits, '.', '_' and '-', the first a letter or digit: never a path.
bool IsName(std::string_view name) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
  };
  return !name.empty() && name.size() <= 64 && is_word(name.front()) &&
         std::ranges::all_of(
             name, [&](char c) { return is_word(c) || c == '.' || c == '_' || c == '-'; });
}

}  // namespace

ApiResult<void> AdapterRegistry::CheckName(const std::string& name) const {
  if (!IsName(name)) {
    return Refuse(BadField("lora_name",
                           "'lora_name' must be 1 to 64 letters, digits, '.', '_' or '-', the "
                           "first a letter or digit.",
                           "invalid_value"));
  }
  const std::lock_guard lock(mutex_);
  if (name == base_ || adapters_.contains(name)) {
    return Refuse(BadField(
        "lora_name", fmt::format("The name '{}' is taken. Unload it first.", name), "name_taken"));
  }
  return {};
}

ApiResult<std::shared_ptr<const LoadedAdapter>> AdapterRegistry::Load(const std::string& name,
                                                                      const std::string& path) {
  const std::lock_guard loading(loading_);
  BURIN_API_TRY(CheckName(name));
  auto loaded = loader_(path);
  if (!loaded) return Refuse(BadField("lora_path", loaded.error().ToString(), "adapter_refused"));
  const std::lock_guard lock(mutex_);
  uint64_t used = 0;
  for (const auto& [other, adapter] : adapters_) used += adapter->bytes;
  if (loaded->bytes > memory_bytes_ - std::min(used, memory_bytes_)) {
    return Refuse(
        {409,
         fmt::format("The adapter needs {} bytes of adapter memory; {} of {} are free. Unload "
                     "another one first.",
                     loaded->bytes, memory_bytes_ - std::min(used, memory_bytes_), memory_bytes_),
         "insufficient_capacity", "lora_path", "adapter_memory_full", 0});
  }
  loaded->id = ++last_id_;
  loaded->name = name;
  loaded->path = path;
  loaded->created = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  auto adapter = std::make_shared<const LoadedAdapter>(std::move(*loaded));
  adapters_.emplace(name, adapter);
  return adapter;
}

ApiResult<std::shared_ptr<const LoadedAdapter>> AdapterRegistry::Unload(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto it = adapters_.find(name);
  if (it == adapters_.end()) {
    ApiError error = NoSuchModel(name);
    error.param = "lora_name";
    return Refuse(std::move(error));
  }
  auto adapter = it->second;
  adapters_.erase(it);
  if (default_ == adapter->id) default_.reset();
  return adapter;
}

ApiResult<std::shared_ptr<const LoadedAdapter>> AdapterRegistry::Find(
    const std::string& model) const {
  const std::lock_guard lock(mutex_);
  if (model.empty() || model == base_) {
    for (const auto& [name, adapter] : adapters_) {
      if (adapter->id == default_) return adapter;
    }
    return std::shared_ptr<const LoadedAdapter>();
  }
  const auto it = adapters_.find(model);
  if (it == adapters_.end()) return Refuse(NoSuchModel(model));
  return it->second;
}

std::vector<std::shared_ptr<const LoadedAdapter>> AdapterRegistry::List() const {
  std::vector<std::shared_ptr<const LoadedAdapter>> list;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [name, adapter] : adapters_) list.push_back(adapter);
  }
  std::ranges::sort(list, {}, [](const auto& adapter) { return adapter->id; });
  return list;
}

ApiResult<void> AdapterRegistry::SetDefault(std::optional<uint64_t> id) {
  const std::lock_guard lock(mutex_);
  const bool known = !id || std::ranges::any_of(adapters_, [&](const auto& item) {
    return item.second->id == *id;
  });
  if (!known) return Refuse(NoSuchModel(fmt::format("adapter {}", *id)));
  default_ = id;
  return {};
}

std::optional<uint64_t> AdapterRegistry::default_id() const {
  const std::lock_guard lock(mutex_);
  return default_;
}

uint64_t AdapterRegistry::used_bytes() const {
  const std::lock_guard lock(mutex_);
  uint64_t used = 0;
  for (const auto& [name, adapter] : adapters_) used += adapter->bytes;
  return used;
}

void SetAdapter(Chunk& chunk, const LoadedAdapter* adapter) {
  chunk.adapter = adapter == nullptr ? nullptr : adapter->weights.get();
}

}  // namespace burin
