#include "serve/router.h"

namespace burin {
namespace {

constexpr Route kRoutes[] = {
    {"POST", "/v1/chat/completions", ChatCompletions},
    {"POST", "/chat/completions", ChatCompletions},
    {"POST", "/v1/completions", Completions},
    {"POST", "/completion", LlamaCompletion},
    {"POST", "/completions", LlamaCompletion},
    {"POST", "/tokenize", Tokenize},
    {"POST", "/detokenize", Detokenize},
    {"POST", "/apply-template", ApplyTemplate},
    {"GET", "/tokenizer_info", TokenizerInfo},
    {"GET", "/v1/models", ListModels},
    {"GET", "/v1/models/", GetModel},
    {"GET", "/models", ListModels},
    {"POST", "/v1/load_lora_adapter", LoadAdapterByName},
    {"POST", "/v1/unload_lora_adapter", UnloadAdapter},
    {"GET", "/lora-adapters", ListAdapters},
    {"POST", "/lora-adapters", ScaleAdapters},
    {"GET", "/props", Props},
    {"GET", "/metrics", MetricsText},
    {"GET", "/burin/info", Info},
    {"GET", "/", Page, true},
    {"GET", "/index.html", Page, true},
};

bool Matches(std::string_view route, std::string_view path) {
  if (path == route) return true;
  return route.size() > 1 && route.back() == '/' && path.size() > route.size() &&
         path.starts_with(route) && path.find('/', route.size()) == std::string_view::npos;
}

}  // namespace

const Route* FindRoute(std::string_view method, std::string_view path, std::string& methods) {
  if (path.size() > 1 && path.back() == '/') path.remove_suffix(1);
  for (const Route& route : kRoutes) {
    if (!Matches(route.path, path)) continue;
    if (route.method == method) return &route;
    methods += (methods.empty() ? "" : ", ") + std::string(route.method);
  }
  return nullptr;
}

std::span<const Route> AllRoutes() { return kRoutes; }

}  // namespace burin
