#include "serve/app.h"

#include <algorithm>
#include <random>

namespace burin {

std::vector<int32_t> App::EndIds() const {
  std::vector<int32_t> ids = tokenizer.eos_ids();
  for (const int32_t end : model.config.eos_ids) {
    if (std::ranges::find(ids, end) == ids.end()) ids.push_back(end);
  }
  return ids;
}

void Call::Respond(HttpResponse response) const {
  metrics_->CountResponse(response.status);
  if (log) log(response.status);
  response.headers.insert(response.headers.end(), headers_.begin(), headers_.end());
  exchange->Respond(std::move(response));
}

void Call::StartEvents() const {
  metrics_->CountResponse(200);
  if (log) log(200);
  HttpResponse head{200, "text/event-stream; charset=utf-8", {}, headers_};
  head.headers.emplace_back("Cache-Control", "no-cache");
  head.headers.emplace_back("X-Accel-Buffering", "no");
  exchange->StartStream(std::move(head), ": waiting\n\n");
}

std::string Call::client() const {
  const std::string_view key = request.Header("authorization");
  return key.empty() ? request.peer : std::string(key);
}

std::string RandomId(std::string_view prefix) {
  constexpr std::string_view kLetters =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
  thread_local std::mt19937_64 generator{std::random_device{}()};  // a name, not a secret
  std::uniform_int_distribution<size_t> letter(0, kLetters.size() - 1);
  std::string id(prefix);
  for (int i = 0; i < 24; ++i) id += kLetters[letter(generator)];
  return id;
}

int64_t SecondsSinceEpoch() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace burin
