// A server over HTTP on a small random model with a byte tokenizer, and ways to ask it.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "emu/test_model.h"
#include "http/client.h"
#include "serve/server.h"
#include "serve/test_tokenizer.h"

namespace burin {

inline TestModelOptions SmallModel() {
  TestModelOptions options;
  options.vocab = 272;
  options.context = 256;
  return options;
}

// A chip whose numbers a test can foresee.
class TestChip final : public SiliconModel {
 public:
  std::string name() const override { return "test"; }
  int64_t users() const override { return 2; }
  int64_t kv_positions() const override { return 300; }
  uint64_t adapter_bytes() const override { return 1000; }
  Result<uint64_t> BytesOf(const Adapter&) const override { return 0; }
  SiliconTimes Estimate(const SiliconUse& use) const override {
    return {0, 1e-6 * static_cast<double>(use.prompt_tokens - use.cached_tokens),
            17000 - 1000 * static_cast<double>(use.adapter_rank),
            1e-3 * static_cast<double>(use.new_tokens)};
  }
  std::string Describe() const override { return R"({"name":"test"})"; }
};

class ServerTest : public ::testing::Test {
 protected:
  using Json = nlohmann::ordered_json;

  void Start(ServerOptions options = {}, const SiliconModel* chip = nullptr) {
    options.id = "small";
    options.path = "/secret/folder/small.burin";
    options.version = "burin test";
    auto listening = Server::Listen(std::move(options));
    ASSERT_TRUE(listening) << listening.error().ToString();
    server_ = std::move(*listening);
    served_.model = &model_.model;
    served_.tokenizer = &tokenizer_;
    served_.kernels = *FindKernelSet("");
    served_.silicon = chip;
    served_.load_adapter = [](const std::string& path) -> Result<LoadedAdapter> {
      if (path.find("bad") != std::string::npos) return BadInput(path, "no adapter");
      LoadedAdapter adapter;
      adapter.bytes = 400;
      adapter.rank = 4;
      return adapter;
    };
  }
  void StartAndServe(ServerOptions options = {}, const SiliconModel* chip = nullptr) {
    Start(std::move(options), chip);
    const Status served = server_->Serve(served_);
    ASSERT_TRUE(served) << served.error().ToString();
  }

  HttpResponse Send(const std::string& method, const std::string& path,
                    const std::string& body = "", HttpHeaders headers = {}) {
    HttpClient client({false, "127.0.0.1", server_->port(), ""}, std::chrono::milliseconds(20'000));
    auto answer = client.Send({method, path, "", std::move(headers), body, ""});
    EXPECT_TRUE(answer) << answer.error().ToString();
    return answer ? *answer : HttpResponse{};
  }
  Json Get(const std::string& path) { return Json::parse(Send("GET", path).body); }
  Json Post(const std::string& path, const Json& body, int status = 200) {
    const HttpResponse answer = Send("POST", path, body.dump());
    EXPECT_EQ(answer.status, status) << body.dump() << "\n" << answer.body;
    return Json::parse(answer.body);
  }
  // The data of a stream's events.
  std::vector<std::string> Events(const std::string& path, Json body) {
    body["stream"] = true;
    const HttpResponse answer = Send("POST", path, body.dump());
    EXPECT_EQ(answer.status, 200) << answer.body;
    EXPECT_THAT(answer.content_type, ::testing::HasSubstr("text/event-stream"));
    std::vector<std::string> events;
    for (size_t at = 0; at < answer.body.size();) {
      const size_t end = answer.body.find("\n\n", at);
      const std::string event = answer.body.substr(at, end - at);
      if (!event.starts_with(":")) {
        EXPECT_TRUE(event.starts_with("data: ")) << event;
        events.push_back(event.substr(6));
      }
      at = end + 2;
    }
    return events;
  }
  static Json Chat(const Json& more = Json::object()) {
    Json body = {{"model", "small"},
                 {"messages", {{{"role", "user"}, {"content", "hello"}}}},
                 {"max_tokens", 12},
                 {"seed", 1},
                 {"ignore_eos", true}};
    body.update(more);
    return body;
  }

  const TestModel model_{SmallModel()};
  const Tokenizer tokenizer_ = ByteTokenizer();
  ServedModel served_;
  std::unique_ptr<Server> server_;
};

}  // namespace burin
