// Which endpoint answers a path.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "serve/endpoints.h"

namespace burin {

struct Route {
  std::string_view method;
  std::string_view path;  // one that ends in '/' stands for what follows it
  void (*endpoint)(const App& app, const Call& call);
  bool open = false;  // needs no API key
};

// The route of a request, or null; then `methods` lists those that the path has ("" if none).
const Route* FindRoute(std::string_view method, std::string_view path, std::string& methods);

// For documents and tests.
std::span<const Route> AllRoutes();

}  // namespace burin
