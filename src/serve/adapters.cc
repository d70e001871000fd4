#include "serve/adapters.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

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

ApiResult<void> AdapterRegistry::CheckName(const std::string& name, bool may_be_taken) const {
  if (!IsName(name)) {
    return Refuse(BadField("lora_name",
                           "'lora_name' must be 1 to 64 letters, digits, '.', '_' or '-', the "
                           "first a letter or digit.",
                           "invalid_value"));
  }
  const std::lock_guard lock(mutex_);
  if (name == base_ || (!may_be_taken && adapters_.contains(name))) {
    return Refuse(BadField(
        "lora_name", fmt::format("The name '{}' is taken. Unload it first.", name), "name_taken"));
  }
  return {};
}

uint64_t AdapterRegistry::LeavingBytes() const {
  uint64_t bytes = 0;
  for (const auto& weak : leaving_) {
    if (const auto adapter = weak.lock()) bytes += adapter->bytes;
  }
  return bytes;
}

uint64_t AdapterRegistry::UsedBytes() const {
  uint64_t bytes = LeavingBytes();
  for (const auto& [name, adapter] : adapters_) bytes += adapter->bytes;
  return bytes;
}

ApiResult<std::shared_ptr<const LoadedAdapter>> AdapterRegistry::Load(
    const std::string& name, const std::string& path,
    std::shared_ptr<const LoadedAdapter>* replaced) {
  const std::lock_guard loading(loading_);
  BURIN_API_TRY(CheckName(name, replaced != nullptr));
  auto loaded = loader_(path);
  if (!loaded) return Refuse(BadField("lora_path", loaded.error().ToString(), "adapter_refused"));
  const std::lock_guard lock(mutex_);
  std::erase_if(leaving_, [](const auto& weak) { return weak.expired(); });
  const auto old = adapters_.find(name);
  uint64_t used = UsedBytes();
  // What stands in the way leaves first, unless texts are written with it right now.
  if (old != adapters_.end() && old->second.use_count() == 1) used -= old->second->bytes;
  const uint64_t free = memory_bytes_ - std::min(used, memory_bytes_);
  if (loaded->bytes > free) {
    std::string message = fmt::format(
        "The adapter needs {} bytes of adapter memory; {} of {} are free. Unload "
        "another one first.",
        loaded->bytes, free, memory_bytes_);
    if (const uint64_t leaving = LeavingBytes(); leaving > 0) {
      message += fmt::format(" {} bytes come free with texts that are written now.", leaving);
    }
    return Refuse(
        {409, std::move(message), "insufficient_capacity", "lora_path", "adapter_memory_full", 0});
  }
  loaded->id = ++last_id_;
  loaded->name = name;
  loaded->path = path;
  loaded->created = std::chrono::duration_cast<std::chrono::seconds>(
                        std::chrono::system_clock::now().time_since_epoch())
                        .count();
  auto adapter = std::make_shared<const LoadedAdapter>(std::move(*loaded));
  if (old != adapters_.end()) {
    if (default_ == old->second->id) default_ = adapter->id;
    leaving_.push_back(old->second);
    *replaced = std::exchange(old->second, adapter);
  } else {
    adapters_.emplace(name, adapter);
  }
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
  leaving_.push_back(adapter);
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
  return UsedBytes();
}

void SetAdapter(Chunk& chunk, const LoadedAdapter* adapter) {
  chunk.adapter = adapter == nullptr ? nullptr : adapter->weights.get();
}

}  // namespace burin
