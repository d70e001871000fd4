#include "serve/server.h"

#include <fmt/format.h>

#include <algorithm>
#include <thread>

#include "base/check.h"
#include "serve/constraints.h"
#include "serve/router.h"

namespace burin {
namespace {

constexpr size_t kLongestRequestId = 128;
// For the last words of answers that are ended.
constexpr std::chrono::milliseconds kLastWords{2000};

bool IsRequestId(std::string_view id) {
  return !id.empty() && id.size() <= kLongestRequestId && std::ranges::all_of(id, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.' || c == ':';
  });
}

// The client's own id for the request, or one of ours.
std::string RequestId(const HttpRequest& request) {
  const std::string_view given = request.Header("x-request-id");
  return IsRequestId(given) ? std::string(given) : RandomId("req_");
}

uint64_t KvBytesPerPosition(const ModelConfig& c) {
  return static_cast<uint64_t>(c.layers * c.kv_heads * 2 * (c.head_dim + 1));
}

SchedulerOptions SchedulerFor(const ServerOptions& options, const ServedModel& served) {
  SchedulerOptions scheduler = options.scheduler;
  const QuantizedModel& model = *served.model;
  if (scheduler.kv_positions == 0) {
    scheduler.kv_positions = std::max<int64_t>(
        1, static_cast<int64_t>(options.kv_bytes / KvBytesPerPosition(model.config)));
  }
  if (served.silicon != nullptr) {
    const auto limit = [](int64_t& value, int64_t chip) {
      if (chip > 0) value = std::min(value, chip);
    };
    limit(scheduler.max_sequences, served.silicon->users());
    limit(scheduler.kv_positions, served.silicon->kv_positions());
  }
  return scheduler;
}

}  // namespace

// All that answers need once the model is there.
struct Server::Engine {
  Engine(const ServerOptions& options, const ServedModel& served, Metrics& metrics,
         std::optional<ChatTemplate> chat_template, ConstraintVocabulary vocabulary,
         HttpServer* http)
      : emulator(*served.model, *served.kernels, served.pool),
        chat(std::move(chat_template)),
        constraints(std::move(vocabulary)),
        adapters(options.id, served.load_adapter, AdapterBytes(options, served)),
        scheduler(emulator, served.pool, metrics, SchedulerFor(options, served)),
        app{*served.model, *served.tokenizer,
            chat,          constraints,
            scheduler,     metrics,
            adapters,      served.silicon,
            options.id,    ToHex(served.model->digest),
            options.path} {
    app.kernels = std::string(served.kernels->name);
    app.version = options.version;
    app.threads = served.pool == nullptr ? 1 : served.pool->size();
    app.created = SecondsSinceEpoch();
    app.kv_bytes_per_position = KvBytesPerPosition(served.model->config);
    app.request_timeout = options.request_timeout;
    app.adapter_folder = options.adapter_folder;
    app.http = http;
  }
  static uint64_t AdapterBytes(const ServerOptions& options, const ServedModel& served) {
    const uint64_t chip = served.silicon == nullptr ? 0 : served.silicon->adapter_bytes();
    return chip > 0 ? std::min(chip, options.adapter_bytes) : options.adapter_bytes;
  }

  Emulator emulator;
  std::optional<ChatTemplate> chat;
  ConstraintMaker constraints;
  AdapterRegistry adapters;
  Scheduler scheduler;
  App app;
};

Server::Server(ServerOptions options) : options_(std::move(options)) {}
Server::~Server() { Stop(std::chrono::milliseconds(0)); }

Result<std::unique_ptr<Server>> Server::Listen(ServerOptions options) {
  std::unique_ptr<Server> server(new Server(std::move(options)));
  HttpServerOptions http = server->options_.http;
  http.screen = [s = server.get()](const HttpRequest& head) { return s->Screen(head); };
  http.refuse = [s = server.get()](int status, std::string_view message) {
    s->metrics_.CountResponse(status);
    ApiError error{status, std::string(message) + ".", "invalid_request_error", {}, {}, 0};
    if (status >= 500) error.type = "unavailable_error";
    if (status == 413) {
      error.code = "request_too_large";
      error.message += fmt::format(" At most {} bytes are read.", s->options_.http.max_body_bytes);
    }
    HttpResponse response = ToResponse(error);
    for (auto& header : s->CommonHeaders(RandomId("req_"))) response.headers.push_back(header);
    return response;
  };
  BURIN_ASSIGN(server->http_,
               HttpServer::Start(std::move(http), [s = server.get()](auto exchange, auto request) {
                 s->Handle(std::move(exchange), std::move(request));
               }));
  return server;
}

Status Server::Serve(const ServedModel& served,
                     const std::vector<std::pair<std::string, std::string>>& adapters) {
  BURIN_CHECK(engine_ == nullptr);
  BURIN_ASSIGN(std::optional<ChatTemplate> chat, ChatTemplate::Create(*served.tokenizer));
  std::vector<int32_t> ends = served.tokenizer->eos_ids();
  for (const int32_t id : served.model->config.eos_ids) ends.push_back(id);
  if (chat) ends.insert(ends.end(), chat->stop_ids().begin(), chat->stop_ids().end());
  std::ranges::sort(ends);
  ends.erase(std::unique(ends.begin(), ends.end()), ends.end());
  BURIN_ASSIGN(ConstraintVocabulary vocabulary,
               ConstraintVocabulary::Create(*served.tokenizer, ends));
  engine_ = std::make_unique<Engine>(options_, served, metrics_, std::move(chat),
                                     std::move(vocabulary), http_.get());
  for (const auto& [name, path] : adapters) {
    if (const auto loaded = engine_->adapters.Load(name, path); !loaded) {
      return BadInput("--adapter " + name, loaded.error().message);
    }
  }
  ready_.store(engine_.get());
  return {};
}

SchedulerState Server::state() const {
  const Engine* engine = ready_.load();
  return engine == nullptr ? SchedulerState{} : engine->scheduler.state();
}

int64_t Server::Stop(std::chrono::milliseconds grace) {
  if (http_ == nullptr) return 0;
  http_->BeginStop();
  const auto end = std::chrono::steady_clock::now() + grace;
  while (http_->counts().connections > 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  const int64_t left = http_->counts().connections;
  if (engine_ != nullptr) engine_->scheduler.Stop();
  http_->Stop(left > 0 ? kLastWords : std::chrono::milliseconds(0));
  return left;
}

HttpHeaders Server::CommonHeaders(const std::string& request_id) const {
  HttpHeaders headers{{"X-Request-Id", request_id}};
  if (const Engine* engine = ready_.load()) {
    headers.emplace_back("X-Burin-Digest", engine->app.digest);
  }
  if (!options_.cors_origin.empty()) {
    headers.emplace_back("Access-Control-Allow-Origin", options_.cors_origin);
    headers.emplace_back("Access-Control-Expose-Headers",
                         "X-Request-Id, X-Burin-Digest, Retry-After");
    if (options_.cors_origin != "*") headers.emplace_back("Vary", "Origin");
  }
  return headers;
}

HttpResponse Server::Health(bool ready) const {
  if (ready) return {200, "application/json", R"({"status":"ok"})", {}};
  return ToResponse({503, "Loading model", "unavailable_error", {}, "loading", 1});
}

// What can be said of a request before its body: nothing, if it may go on.
std::optional<ApiError> Server::ScreenError(const HttpRequest& head) const {
  std::string methods;
  const Route* route = FindRoute(head.method, head.path, methods);
  const bool open = route != nullptr && route->open;
  if (!open && options_.keys.needed() && !options_.keys.Allows(head.Header("authorization"))) {
    const bool given = !head.Header("authorization").empty();
    return ApiError{401,
                    given ? "The API key is wrong."
                          : "The server wants an API key: Authorization: "
                            "Bearer KEY.",
                    "authentication_error",
                    {},
                    "invalid_api_key",
                    0};
  }
  if (route == nullptr && methods.empty()) {
    return ApiError{404,
                    fmt::format("There is no {} {}.", head.method, head.path),
                    "invalid_request_error",
                    {},
                    "not_found",
                    0};
  }
  if (route == nullptr) {
    return ApiError{405,
                    fmt::format("{} takes {}, not {}.", head.path, methods, head.method),
                    "invalid_request_error",
                    {},
                    "method_not_allowed",
                    0};
  }
  if (ready_.load() == nullptr) {
    return ApiError{503, "The model is being loaded.", "unavailable_error", {}, "loading", 1};
  }
  return std::nullopt;
}

std::optional<HttpResponse> Server::Screen(const HttpRequest& head) const {
  std::optional<HttpResponse> response;
  if (head.path == "/health" && head.method == "GET") {
    response = Health(ready_.load() != nullptr);
  } else if (head.method == "OPTIONS") {
    response = HttpResponse{204, {}, {}, {}};
    if (!options_.cors_origin.empty()) {
      response->headers = {{"Access-Control-Allow-Methods", "GET, POST, OPTIONS"},
                           {"Access-Control-Allow-Headers", "*, Authorization"},
                           {"Access-Control-Max-Age", "86400"}};
    }
  } else if (const auto error = ScreenError(head)) {
    response = ToResponse(*error);
  }
  if (!response) return std::nullopt;
  const std::string id = RequestId(head);
  for (auto& header : CommonHeaders(id)) response->headers.push_back(std::move(header));
  metrics_.CountResponse(response->status);
  if (options_.log) {
    options_.log(
        fmt::format("{} {} {} {} {}", head.peer, head.method, head.path, response->status, id));
  }
  return response;
}

void Server::Handle(std::shared_ptr<HttpExchange> exchange, HttpRequest request) {
  const Engine* engine = ready_.load();
  std::string methods;
  const Route* route = FindRoute(request.method, request.path, methods);
  BURIN_CHECK(engine != nullptr && route != nullptr);  // Screen saw to it
  std::string id = RequestId(request);
  HttpHeaders headers = CommonHeaders(id);
  Call call(std::move(exchange), std::move(request), metrics_, std::move(headers), std::move(id));
  if (options_.log) {
    call.log =
        [this,
         line = fmt::format("{} {} {}", call.request.peer, call.request.method, call.request.path),
         id = call.request_id](int status) {
          options_.log(fmt::format("{} {} {}", line, status, id));
        };
  }
  const auto answer = call.exchange;
  try {
    route->endpoint(engine->app, call);
  } catch (const std::exception&) {  // memory, most likely; the server lives on
    metrics_.CountResponse(500);
    answer->Respond(ToResponse({500, "The server could not do this.", "server_error", {}, {}, 0}));
  }
}

}  // namespace burin
