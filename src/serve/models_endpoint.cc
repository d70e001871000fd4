// GET /v1/models and /v1/models/NAME: the cartridge and the adapters on it, each by its name.
#include <fmt/format.h>

#include "serve/endpoints.h"
#include "serve/json_writer.h"

namespace burin {
namespace {

void WriteModel(const App& app, const LoadedAdapter* adapter, JsonWriter& json) {
  json.BeginObject().Field("id", adapter == nullptr ? app.id : adapter->name);
  json.Field("object", "model");
  json.Field("created", adapter == nullptr ? app.created : adapter->created);
  json.Field("owned_by", "burin");
  json.Field("root",
             adapter == nullptr ? app.id : adapter->path.substr(adapter->path.rfind('/') + 1));
  json.Key("parent");
  adapter == nullptr ? json.Null() : json.String(app.id);
  json.Field("max_model_len", app.model.context);
  json.Field("digest", app.digest);
  if (adapter != nullptr) {
    json.Field("adapter_digest", adapter->digest).Field("adapter_bytes", adapter->bytes);
    json.Field("rank", adapter->rank);
  }
  json.EndObject();
}

}  // namespace

void ListModels(const App& app, const Call& call) {
  JsonWriter json;
  json.BeginObject().Field("object", "list").Key("data").BeginArray();
  WriteModel(app, nullptr, json);
  for (const auto& adapter : app.adapters.List()) WriteModel(app, adapter.get(), json);
  json.EndArray().EndObject();
  call.RespondJson(json.Take());
}

void GetModel(const App& app, const Call& call) {
  const std::string name =
      PercentDecoded(std::string_view(call.request.path).substr(call.request.path.rfind('/') + 1));
  JsonWriter json;
  if (name == app.id) {
    WriteModel(app, nullptr, json);
    return call.RespondJson(json.Take());
  }
  const auto adapter = app.adapters.Find(name);
  if (!adapter || *adapter == nullptr) {
    return call.Fail({404, fmt::format("The model '{}' does not exist.", name),
                      "invalid_request_error", "model", "model_not_found", 0});
  }
  WriteModel(app, adapter->get(), json);
  call.RespondJson(json.Take());
}

}  // namespace burin
