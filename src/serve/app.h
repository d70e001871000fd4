// What every endpoint works with, and one request on its way through.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "http/server.h"
#include "quant/quantized_model.h"
#include "serve/adapters.h"
#include "serve/api_error.h"
#include "serve/constraints.h"
#include "serve/metrics.h"
#include "serve/scheduler.h"
#include "serve/silicon.h"
#include "text/chat_template.h"
#include "text/tokenizer.h"

namespace burin {

struct App {
  const QuantizedModel& model;
  const Tokenizer& tokenizer;
  const std::optional<ChatTemplate>& chat;  // nothing: the model knows no conversations
  ConstraintMaker& constraints;
  Scheduler& scheduler;
  Metrics& metrics;
  AdapterRegistry& adapters;
  const SiliconModel* silicon;  // null: no chip was named
  std::string id;               // the model's name
  std::string digest;           // of the cartridge, hexadecimal
  std::string path;             // of the cartridge
  std::string kernels = {}, version = {};
  int threads = 1;
  int64_t created = 0;  // seconds since 1970
  uint64_t kv_bytes_per_position = 0;
  std::chrono::milliseconds request_timeout{600'000};
  std::string adapter_folder = {};  // for POST /v1/load_lora_adapter; empty: not allowed
  HttpServer* http = nullptr;       // for its counts

  std::vector<int32_t> EndIds() const;  // that end a text
};

// A request and the way back to its client.
class Call {
 public:
  Call(std::shared_ptr<HttpExchange> way_back, HttpRequest asked, Metrics& metrics,
       HttpHeaders headers, std::string id)
      : request(std::move(asked)),
        exchange(std::move(way_back)),
        request_id(std::move(id)),
        metrics_(&metrics),
        headers_(std::move(headers)) {}

  HttpRequest request;
  std::shared_ptr<HttpExchange> exchange;
  std::string request_id;
  std::function<void(int status)> log = {};

  void Respond(HttpResponse response) const;
  void RespondJson(std::string json) const {
    Respond({200, "application/json", std::move(json), {}});
  }
  void Fail(const ApiError& error) const { Respond(ToResponse(error)); }
  // The head of a stream of server-sent events.
  void StartEvents() const;
  // For turns: the API key, or the address.
  std::string client() const;

 private:
  Metrics* metrics_;
  HttpHeaders headers_;  // of every answer: CORS, request id, digest
};

// 24 random letters and digits behind `prefix`.
std::string RandomId(std::string_view prefix);
int64_t SecondsSinceEpoch();

}  // namespace burin
