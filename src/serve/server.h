// burin serve without the command line: one model behind HTTP.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "http/server.h"
#include "kernels/kernel_set.h"
#include "serve/adapters.h"
#include "serve/api_keys.h"
#include "serve/metrics.h"
#include "serve/scheduler.h"
#include "serve/silicon.h"
#include "text/tokenizer.h"

namespace burin {

struct ServerOptions {
  HttpServerOptions http;
  SchedulerOptions scheduler;  // kv_positions 0: as kv_bytes says
  uint64_t kv_bytes = uint64_t{1} << 30;
  uint64_t adapter_bytes = uint64_t{1} << 30;
  std::string id;                 // the model's name for clients
  std::string path;               // of the cartridge
  std::string version;            // "burin 0.1.0"
  std::string cors_origin = "*";  // empty: no CORS headers
  std::string adapter_folder;     // empty: no loading at run time
  ApiKeys keys;
  std::chrono::milliseconds request_timeout{600'000};
  // Called with a line for every answer when its head is sent. Holds no key, query or text. May be
  // empty; any thread.
  std::function<void(const std::string& line)> log = {};
};

// What is served; all must outlive the server.
struct ServedModel {
  const QuantizedModel* model = nullptr;
  const Tokenizer* tokenizer = nullptr;
  const KernelSet* kernels = nullptr;
  ThreadPool* pool = nullptr;             // null: the scheduler's thread alone
  const SiliconModel* silicon = nullptr;  // null: no chip
  AdapterLoader load_adapter;
};

class Server {
 public:
  // Begins to listen; until Serve every path says 503, and /health that it is loading.
  static Result<std::unique_ptr<Server>> Listen(ServerOptions options);
  ~Server();  // Stop(0)

  // Answers from now on. `adapters` are (name, path). Errors: a chat template that cannot be read,
  // an adapter that cannot be loaded.
  Status Serve(const ServedModel& served,
               const std::vector<std::pair<std::string, std::string>>& adapters = {});

  uint16_t port() const { return http_->port(); }
  SchedulerState state() const;

  // Takes no more requests, lets those in flight end for at most `grace`, ends the rest with an
  // error that says so, and closes. Returns how many were ended.
  int64_t Stop(std::chrono::milliseconds grace);

 private:
  struct Engine;
  explicit Server(ServerOptions options);
  void Handle(std::shared_ptr<HttpExchange> exchange, HttpRequest request);
  std::optional<HttpResponse> Screen(const HttpRequest& head) const;
  std::optional<ApiError> ScreenError(const HttpRequest& head) const;
  HttpHeaders CommonHeaders(const std::string& request_id) const;
  HttpResponse Health(bool ready) const;

  const ServerOptions options_;
  mutable Metrics metrics_;
  std::unique_ptr<HttpServer> http_;  // outlives the engine's answers: they hold its connections
  std::unique_ptr<Engine> engine_;
  std::atomic<const Engine*> ready_{nullptr};
};

}  // namespace burin
