// Adapters at run time: vLLM's POST /v1/load_lora_adapter and /v1/unload_lora_adapter, llama.cpp's
// GET and POST /lora-adapters.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "serve/endpoints.h"
#include "serve/json_view.h"
#include "serve/json_writer.h"

namespace burin {
namespace {

void WriteAdapter(const LoadedAdapter& adapter, bool chosen, JsonWriter& json) {
  json.BeginObject().Field("id", adapter.id).Field("name", adapter.name);
  json.Field("path", adapter.path).Field("scale", chosen ? 1.0 : 0.0);
  json.Field("rank", adapter.rank).Field("bytes", adapter.bytes);
  json.Field("digest", adapter.digest).EndObject();
}

std::string AdapterList(const App& app) {
  JsonWriter json;
  json.BeginArray();
  for (const auto& adapter : app.adapters.List()) {
    WriteAdapter(*adapter, app.adapters.default_id() == adapter->id, json);
  }
  json.EndArray();
  return json.Take();
}

ApiError NotAllowed() {
  return {403,
          "Adapters can be loaded at run time only when the server has a folder for them (burin "
          "serve --adapter-folder DIR).",
          "permission_error",
          {},
          "adapter_loading_disabled",
          0};
}

// The path, which must lead to something below `folder` once links and ".." are resolved.
ApiResult<std::string> PathInside(const std::string& folder, const std::string& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::path root = fs::canonical(folder, error);
  const fs::path found = error ? fs::path() : fs::canonical(root / path, error);
  const auto [end, rest] = std::mismatch(root.begin(), root.end(), found.begin(), found.end());
  if (error || end != root.end() || rest == found.end()) {
    return Refuse(BadField("lora_path", "There is no such adapter in the server's folder.",
                           "adapter_not_found"));
  }
  return found.string();
}

ApiResult<std::string> LoadFrom(const App& app, const Call& call) {
  if (app.adapter_folder.empty()) return Refuse(NotAllowed());
  BURIN_API_ASSIGN(const auto document, JsonDocument::Parse(call.request.body));
  std::string name, path;
  (*document)["lora_name"].Require();
  (*document)["lora_name"].Read(name, 64);
  (*document)["lora_path"].Require();
  (*document)["lora_path"].Read(path, 4096);
  if (path.find('\0') != std::string::npos) (*document)["lora_path"].Fail("A path has no NUL.");
  bool in_place = false;
  (*document)["load_inplace"].Read(in_place);
  BURIN_API_TRY(document->Check());
  BURIN_API_ASSIGN(const std::string inside, PathInside(app.adapter_folder, path));
  std::shared_ptr<const LoadedAdapter> replaced;
  BURIN_API_ASSIGN(const auto adapter,
                   app.adapters.Load(name, inside, in_place ? &replaced : nullptr));
  if (replaced) app.scheduler.ForgetAdapter(replaced->id);
  replaced.reset();  // the memory that it had is free now, if no text is written with it
  JsonWriter json;
  json.BeginObject().Field("status", "success");
  json.Field("message", fmt::format("LoRA adapter '{}' added successfully.", name));
  json.Key("adapter");
  WriteAdapter(*adapter, false, json);
  json.Field("adapter_bytes_used", app.adapters.used_bytes());
  json.Field("adapter_bytes_total", app.adapters.memory_bytes()).EndObject();
  return json.Take();
}

ApiResult<std::string> UnloadFrom(const App& app, const Call& call) {
  if (app.adapter_folder.empty()) return Refuse(NotAllowed());
  BURIN_API_ASSIGN(const auto document, JsonDocument::Parse(call.request.body));
  std::string name;
  (*document)["lora_name"].Require();
  (*document)["lora_name"].Read(name, 512);
  BURIN_API_TRY(document->Check());
  BURIN_API_ASSIGN(const auto adapter, app.adapters.Unload(name));
  app.scheduler.ForgetAdapter(adapter->id);
  JsonWriter json;
  json.BeginObject().Field("status", "success");
  json.Field("message", fmt::format("LoRA adapter '{}' removed successfully.", name)).EndObject();
  return json.Take();
}

}  // namespace

void LoadAdapterByName(const App& app, const Call& call) {
  auto json = LoadFrom(app, call);
  if (!json) return call.Fail(json.error());
  call.RespondJson(std::move(*json));
}

void UnloadAdapter(const App& app, const Call& call) {
  auto json = UnloadFrom(app, call);
  if (!json) return call.Fail(json.error());
  call.RespondJson(std::move(*json));
}

void ListAdapters(const App& app, const Call& call) { call.RespondJson(AdapterList(app)); }

// The body is an array: [{"id", "scale"}]. It is read as the member of an object.
void ScaleAdapters(const App& app, const Call& call) {
  const auto document = JsonDocument::Parse("{\"adapters\":" + call.request.body + "}");
  if (!document) return call.Fail(document.error());
  const JsonView list = (**document)["adapters"];
  std::optional<uint64_t> chosen;
  if (list.RequireArray(0, 1024)) {
    for (size_t i = 0; i < list.size(); ++i) {
      int64_t id = 0;
      double scale = 0;
      list[i]["id"].Require();
      list[i]["id"].Read(id, 0, INT64_MAX);
      list[i]["scale"].Require();
      list[i]["scale"].Read(scale, 0, 1);
      if (scale == 0) continue;
      if (scale != 1) list[i]["scale"].Fail("An adapter's scale is 0 or 1.");
      if (chosen) list[i].Fail("Only one adapter can be at work in a request.");
      chosen = static_cast<uint64_t>(id);
    }
  }
  if (const auto good = (*document)->Check(); !good) return call.Fail(good.error());
  if (const auto set = app.adapters.SetDefault(chosen); !set) return call.Fail(set.error());
  call.RespondJson(AdapterList(app));
}

}  // namespace burin
