// The whole server over HTTP, on a small random model with a byte tokenizer.
#include "serve/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/stat.h>

#include <atomic>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "emu/test_model.h"
#include "http/client.h"
#include "serve/test_tokenizer.h"

namespace burin {
namespace {

using ::testing::HasSubstr;
using Json = nlohmann::ordered_json;
using std::chrono::milliseconds;

TestModelOptions SmallModel() {
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
    HttpClient client({false, "127.0.0.1", server_->port(), ""}, milliseconds(20'000));
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
    EXPECT_THAT(answer.content_type, HasSubstr("text/event-stream"));
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

TEST_F(ServerTest, SaysThatItIsLoading) {
  Start();
  EXPECT_EQ(Send("GET", "/health").status, 503);
  const HttpResponse answer = Send("POST", "/v1/chat/completions", Chat().dump());
  EXPECT_EQ(answer.status, 503);
  EXPECT_EQ(Json::parse(answer.body)["error"]["code"], "loading");
  ASSERT_TRUE(server_->Serve(served_));
  EXPECT_EQ(Send("GET", "/health").status, 200);
}

TEST_F(ServerTest, AnswersChats) {
  StartAndServe();
  const Json answer = Post("/v1/chat/completions", Chat());
  EXPECT_EQ(answer["object"], "chat.completion");
  EXPECT_EQ(answer["model"], "small");
  const Json& choice = answer["choices"][0];
  EXPECT_EQ(choice["message"]["role"], "assistant");
  EXPECT_TRUE(choice["message"]["refusal"].is_null());
  EXPECT_EQ(choice["finish_reason"], "length");
  EXPECT_EQ(answer["usage"]["completion_tokens"], 12);
  // BOS, <|user|>, hello, <|end|>, <|assistant|>
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 9);
  EXPECT_EQ(answer["timings"]["predicted_n"], 12);
  EXPECT_FALSE(answer["timings"].contains("silicon"));
}

TEST_F(ServerTest, StreamsTheSameText) {
  StartAndServe();
  for (const int n : {1, 3}) {
    const Json whole = Post("/v1/chat/completions", Chat({{"n", n}}));
    const auto events = Events("/v1/chat/completions",
                               Chat({{"n", n}, {"stream_options", {{"include_usage", true}}}}));
    ASSERT_GE(events.size(), 4U);
    EXPECT_EQ(events.back(), "[DONE]");
    const Json usage = Json::parse(events[events.size() - 2]);
    EXPECT_TRUE(usage["choices"].empty());
    EXPECT_EQ(usage["usage"]["completion_tokens"], 12 * n);
    std::vector<std::string> text(static_cast<size_t>(n));
    std::vector<bool> begun(static_cast<size_t>(n)), ended(static_cast<size_t>(n));
    for (size_t i = 0; i + 2 < events.size(); ++i) {
      const Json chunk = Json::parse(events[i]);
      EXPECT_EQ(chunk["id"], usage["id"]);
      EXPECT_EQ(chunk["object"], "chat.completion.chunk");
      EXPECT_TRUE(chunk["usage"].is_null());
      const Json& choice = chunk["choices"][0];
      const auto index = choice["index"].get<size_t>();
      EXPECT_EQ(choice["delta"].contains("role"), !begun[index]);
      begun[index] = true;
      EXPECT_FALSE(ended[index]);
      ended[index] = !choice["finish_reason"].is_null();
      if (ended[index]) {
        EXPECT_EQ(choice["finish_reason"], "length");
      }
      text[index] += choice["delta"].value("content", "");
    }
    for (size_t i = 0; i < text.size(); ++i) {
      EXPECT_TRUE(ended[i]);
      EXPECT_EQ(text[i], whole["choices"][i]["message"]["content"]);
    }
  }
}

TEST_F(ServerTest, SameRequestSameBytes) {
  StartAndServe();
  const Json body = Chat({{"temperature", 1.0}, {"logprobs", true}, {"top_logprobs", 2}, {"n", 2}});
  const Json first = Post("/v1/chat/completions", body);
  std::vector<std::thread> others;
  std::atomic<int> equal{0};
  for (int i = 0; i < 8; ++i) {
    others.emplace_back([&] {
      equal += Post("/v1/chat/completions", body)["choices"] == first["choices"] ? 1 : 0;
    });
  }
  for (auto& other : others) other.join();
  EXPECT_EQ(equal, 8);
  EXPECT_NE(first["choices"][0]["message"], first["choices"][1]["message"]);
}

TEST_F(ServerTest, CompletionsEchoWithLogprobs) {
  StartAndServe();
  const Json answer = Post("/v1/completions", {{"model", "small"},
                                               {"prompt", {"ab", "c"}},
                                               {"max_tokens", 3},
                                               {"echo", true},
                                               {"logprobs", 2},
                                               {"seed", 1},
                                               {"ignore_eos", true}});
  ASSERT_EQ(answer["choices"].size(), 2U);
  const Json& choice = answer["choices"][0];
  EXPECT_TRUE(choice["text"].get<std::string>().starts_with("ab"));
  const Json& logprobs = choice["logprobs"];
  ASSERT_EQ(logprobs["tokens"].size(), 6U);  // BOS, a, b and three
  EXPECT_EQ(logprobs["tokens"][1], "a");
  EXPECT_TRUE(logprobs["token_logprobs"][0].is_null());
  EXPECT_LT(logprobs["token_logprobs"][1].get<double>(), 0);
  EXPECT_EQ(logprobs["text_offset"][1], 0);
  EXPECT_EQ(logprobs["text_offset"][3], 2);
  EXPECT_EQ(answer["choices"][1]["index"], 1);
  EXPECT_EQ(answer["usage"]["prompt_tokens"], 5);
}

TEST_F(ServerTest, LlamaDialectDraftsWithTokenIds) {
  StartAndServe();
  const Json answer = Post("/completion", {{"prompt", {256, 97, 98}},
                                           {"n_predict", 4},
                                           {"n_probs", 3},
                                           {"return_tokens", true},
                                           {"temperature", 0},
                                           {"ignore_eos", true}});
  ASSERT_EQ(answer["tokens"].size(), 4U);
  ASSERT_EQ(answer["completion_probabilities"].size(), 4U);
  const Json& first = answer["completion_probabilities"][0];
  EXPECT_EQ(first["id"], answer["tokens"][0]);
  EXPECT_EQ(first["top_logprobs"].size(), 3U);
  EXPECT_EQ(first["top_logprobs"][0]["id"], first["id"]);  // greedy
  EXPECT_EQ(answer["stop_type"], "limit");
  EXPECT_EQ(answer["tokens_evaluated"], 3);
}

TEST_F(ServerTest, TokenizesBothWays) {
  StartAndServe();
  const Json tokens = Post("/tokenize", {{"content", "ab<|end|>"}});
  EXPECT_EQ(tokens["tokens"], (Json{97, 98, 257}));
  EXPECT_EQ(Post("/tokenize", {{"prompt", "a"}})["tokens"], (Json{256, 97}));
  EXPECT_EQ(
      Post("/tokenize", {{"messages", {{{"role", "user"}, {"content", "<|end|>"}}}}})["count"],
      11);  // the user's text is no mark
  EXPECT_EQ(Post("/detokenize", {{"tokens", {97, 98, 257}}})["content"], "ab<|end|>");
}

TEST_F(ServerTest, IgnoreEosGoesOnBehindTheEnd) {
  StartAndServe();
  const Json forced = {{"logit_bias", {{"257", 100}}}, {"temperature", 0}};  // <|end|>
  Json body = Chat(forced);
  EXPECT_EQ(Post("/v1/chat/completions", body)["usage"]["completion_tokens"], 12);
  body["ignore_eos"] = false;
  const Json ended = Post("/v1/chat/completions", body);
  EXPECT_EQ(ended["usage"]["completion_tokens"], 0);
  EXPECT_EQ(ended["choices"][0]["finish_reason"], "stop");
}

TEST_F(ServerTest, ContinuesTheLastMessage) {
  StartAndServe();
  const Json whole = Post("/v1/chat/completions", Chat({{"temperature", 0}, {"max_tokens", 20}}));
  const std::string text = whole["choices"][0]["message"]["content"];
  Json body = Chat(
      {{"temperature", 0}, {"continue_final_message", true}, {"add_generation_prompt", false}});
  body["messages"].push_back({{"role", "assistant"}, {"content", "abc"}});
  const Json more = Post("/v1/chat/completions", body);
  EXPECT_EQ(more["usage"]["prompt_tokens"], 12);
}

struct BadRequest {
  const char* path;
  const char* body;
  int status;
  const char* param;
};

// Every field with a type and a range, wrong once.
const BadRequest kBadRequests[] = {
    {"/v1/chat/completions", "{", 400, nullptr},
    {"/v1/chat/completions", "[]", 400, nullptr},
    {"/v1/chat/completions", "{}", 400, "messages"},
    {"/v1/chat/completions", R"({"messages": []})", 400, "messages"},
    {"/v1/chat/completions", R"({"messages": "x"})", 400, "messages"},
    {"/v1/chat/completions", R"({"messages": [1]})", 400, "messages[0]"},
    {"/v1/chat/completions", R"({"messages": [{"role": "boss", "content": "x"}]})", 400,
     "messages[0].role"},
    {"/v1/chat/completions", R"({"messages": [{"role": "user"}]})", 400, "messages[0].content"},
    {"/v1/chat/completions", R"({"messages": [{"role": "user", "content": 5}]})", 400,
     "messages[0].content"},
    {"/v1/chat/completions",
     R"({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]})",
     400, "messages[0].content[0].type"},
    {"/v1/completions", R"({"prompt": 5})", 400, "prompt"},
    {"/v1/completions", R"({"prompt": [1, -1]})", 400, "prompt[1]"},
    {"/v1/completions", R"({"prompt": [1, 272]})", 400, "prompt[1]"},
    {"/v1/completions", R"({"prompt": [[1], "x", {}]})", 400, "prompt[2]"},
    {"/v1/completions", R"({"prompt": []})", 400, "prompt"},
    {"/v1/completions", R"({"n": 0})", 400, "n"},
    {"/v1/completions", R"({"n": 129})", 400, "n"},
    {"/v1/completions", R"({"n": 1.5})", 400, "n"},
    {"/v1/completions", R"({"n": "1"})", 400, "n"},
    {"/v1/completions", R"({"max_tokens": -1})", 400, "max_tokens"},
    {"/v1/completions", R"({"max_tokens": 1e3})", 400, "max_tokens"},
    {"/v1/completions", R"({"max_completion_tokens": true})", 400, "max_completion_tokens"},
    {"/v1/completions", R"({"temperature": 2.1})", 400, "temperature"},
    {"/v1/completions", R"({"temperature": -0.1})", 400, "temperature"},
    {"/v1/completions", R"({"top_p": 1.1})", 400, "top_p"},
    {"/v1/completions", R"({"min_p": -1})", 400, "min_p"},
    {"/v1/completions", R"({"top_k": 1.5})", 400, "top_k"},
    {"/v1/completions", R"({"seed": 9223372036854775808})", 400, "seed"},
    {"/v1/completions", R"({"presence_penalty": 3})", 400, "presence_penalty"},
    {"/v1/completions", R"({"frequency_penalty": -3})", 400, "frequency_penalty"},
    {"/v1/completions", R"({"repetition_penalty": 0})", 400, "repetition_penalty"},
    {"/v1/completions", R"({"stop": 5})", 400, "stop"},
    {"/v1/completions", R"({"stop": ["a", 5]})", 400, "stop[1]"},
    {"/v1/completions", R"({"stop": ""})", 400, "stop"},
    {"/v1/completions", R"({"stop_token_ids": [300]})", 400, "stop_token_ids[0]"},
    {"/v1/completions", R"({"logit_bias": {"x": 1}})", 400, "logit_bias"},
    {"/v1/completions", R"({"logit_bias": {"5": 101}})", 400, "logit_bias.5"},
    {"/v1/completions", R"({"logit_bias": {"272": 1}})", 400, "logit_bias"},
    {"/v1/completions", R"({"logprobs": 21})", 400, "logprobs"},
    {"/v1/completions", R"({"logprobs": true})", 400, "logprobs"},
    {"/v1/completions", R"({"best_of": 1, "n": 2})", 400, "best_of"},
    {"/v1/completions", R"({"best_of": 3, "stream": true})", 400, "best_of"},
    {"/v1/completions", R"({"suffix": "x"})", 400, "suffix"},
    {"/v1/completions", R"({"stream": 1})", 400, "stream"},
    {"/v1/completions", R"({"stream_options": {"include_usage": true}})", 400, "stream_options"},
    {"/v1/completions", R"({"model": "other"})", 404, "model"},
    {"/v1/completions", R"({"model": 7})", 400, "model"},
    {"/v1/completions", R"({"mirostat": 2})", 400, "mirostat"},
    {"/v1/completions", R"({"response_format": {"type": "xml"}})", 400, "response_format.type"},
    {"/v1/completions", R"({"response_format": {"type": "json_schema"}})", 400,
     "response_format.json_schema"},
    {"/completion", R"({"n_predict": -3})", 400, "n_predict"},
    {"/completion", R"({"n_probs": 257})", 400, "n_probs"},
    {"/completion", R"({"prompt": ["a", 999]})", 400, "prompt[1]"},
    {"/completion", R"({"lora": [{"id": 4}]})", 400, "lora[0].id"},
    {"/tokenize", R"({})", 400, "prompt"},
    {"/tokenize", R"({"content": 5})", 400, "content"},
    {"/detokenize", R"({"tokens": ["a"]})", 400, "tokens[0]"},
    {"/detokenize", R"({})", 400, "tokens"},
};

TEST_F(ServerTest, NamesTheFieldThatIsWrong) {
  StartAndServe();
  for (const BadRequest& bad : kBadRequests) {
    const HttpResponse answer = Send("POST", bad.path, bad.body);
    EXPECT_EQ(answer.status, bad.status) << bad.body << answer.body;
    const Json error = Json::parse(answer.body)["error"];
    EXPECT_TRUE(error["message"].is_string() && error["message"] != "") << bad.body;
    EXPECT_TRUE(error["type"].is_string());
    EXPECT_EQ(error["param"], bad.param == nullptr ? Json(nullptr) : Json(bad.param)) << bad.body;
  }
  EXPECT_EQ(Send("GET", "/health").status, 200);
}

TEST_F(ServerTest, RefusesToolsThatMakeNoSense) {
  StartAndServe();
  const Json tools = {{{"type", "function"}, {"function", {{"name", "f"}}}}};
  const auto param = [&](const Json& more) {
    return Post("/v1/chat/completions", Chat(more), 400)["error"]["param"];
  };
  EXPECT_EQ(param({{"tools", tools}}), "tools");  // the template knows none
  EXPECT_EQ(param({{"tool_choice", "required"}}), "tool_choice");
  EXPECT_EQ(param({{"tools", tools},
                   {"tool_choice", {{"type", "function"}, {"function", {{"name", "g"}}}}}}),
            "tool_choice.function.name");
  EXPECT_EQ(param({{"tools", {{{"type", "function"}, {"function", {{"name", "a b"}}}}}}}),
            "tools[0].function.name");
  EXPECT_EQ(param({{"top_logprobs", 3}}), "top_logprobs");
  EXPECT_EQ(param({{"logprobs", true}, {"top_logprobs", 21}}), "top_logprobs");
}

TEST_F(ServerTest, ThePromptMustFitTheContext) {
  StartAndServe();
  const std::string text(300, 'x');
  const Json error = Post("/v1/completions", {{"prompt", text}}, 400)["error"];
  EXPECT_EQ(error["code"], "context_length_exceeded");
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("301"));
  EXPECT_THAT(error["message"].get<std::string>(), HasSubstr("256"));
  // More tokens than there is room for: the text ends with the context.
  const Json full =
      Post("/v1/completions",
           {{"prompt", text.substr(0, 200)}, {"max_tokens", 4096}, {"ignore_eos", true}});
  EXPECT_EQ(full["usage"]["total_tokens"], 256);
  EXPECT_EQ(full["choices"][0]["finish_reason"], "length");
}

TEST_F(ServerTest, TheChipsCapacityHolds) {
  const TestChip chip;
  StartAndServe({}, &chip);
  const Json info = Get("/burin/info");
  EXPECT_EQ(info["chip"]["name"], "test");
  EXPECT_EQ(info["load"]["max_sequences"], 2);
  EXPECT_EQ(info["kv"]["positions_total"], 300);
  EXPECT_EQ(info["adapters_sram"]["bytes_total"], 1000);
  const Json answer = Post("/v1/chat/completions", Chat());
  const Json& silicon = answer["timings"]["silicon"];
  EXPECT_EQ(silicon["chip"], "test");
  EXPECT_DOUBLE_EQ(silicon["first_token_s"].get<double>(), 9e-6);
  EXPECT_EQ(silicon["tokens_per_s"], 17000);
  EXPECT_DOUBLE_EQ(silicon["energy_j"].get<double>(), 0.012);
}

TEST_F(ServerTest, AsksForKeys) {
  const std::string path = ::testing::TempDir() + "/keys";
  FILE* file = std::fopen(path.c_str(), "w");
  std::fputs("# keys\nfirst-key\n\n  second-key  \n", file);
  std::fclose(file);
  ::chmod(path.c_str(), 0600);
  ServerOptions options;
  options.keys = *ApiKeys::Load(path);
  StartAndServe(std::move(options));
  EXPECT_EQ(Send("GET", "/v1/models").status, 401);
  EXPECT_EQ(Send("GET", "/v1/models", "", {{"Authorization", "Bearer wrong"}}).status, 401);
  EXPECT_EQ(Send("GET", "/v1/models", "", {{"Authorization", "first-key"}}).status, 401);
  EXPECT_EQ(Send("GET", "/no/such/path").status, 401);
  for (const char* key : {"Bearer first-key", "Bearer second-key"}) {
    EXPECT_EQ(Send("GET", "/v1/models", "", {{"Authorization", key}}).status, 200) << key;
  }
  EXPECT_EQ(Send("GET", "/health").status, 200);
  EXPECT_EQ(Send("GET", "/").status, 200);
  ::chmod(path.c_str(), 0644);
  EXPECT_FALSE(ApiKeys::Load(path));
}

TEST_F(ServerTest, HeadersNameRequestAndDigest) {
  StartAndServe();
  const auto header = [](const HttpResponse& answer, const std::string& name) {
    for (const auto& [key, value] : answer.headers) {
      if (key == name) return value;
    }
    return std::string();
  };
  const HttpResponse own = Send("GET", "/v1/models", "", {{"X-Request-Id", "mine-1"}});
  EXPECT_EQ(header(own, "X-Request-Id"), "mine-1");
  EXPECT_EQ(header(own, "X-Burin-Digest").size(), 64U);
  EXPECT_EQ(Json::parse(own.body)["data"][0]["digest"], header(own, "X-Burin-Digest"));
  EXPECT_EQ(header(own, "Access-Control-Allow-Origin"), "*");
  const HttpResponse bad = Send("GET", "/v1/models", "", {{"X-Request-Id", "two words"}});
  EXPECT_TRUE(header(bad, "X-Request-Id").starts_with("req_"));
  const HttpResponse preflight = Send("OPTIONS", "/v1/chat/completions");
  EXPECT_EQ(preflight.status, 204);
  EXPECT_THAT(header(preflight, "Access-Control-Allow-Methods"), HasSubstr("POST"));
  EXPECT_EQ(Send("GET", "/nowhere").status, 404);
  EXPECT_EQ(Send("GET", "/v1/completions").status, 405);
  EXPECT_EQ(Send("GET", "/v1/models/small").status, 200);
  EXPECT_EQ(Send("GET", "/v1/models/large").status, 404);
  EXPECT_EQ(Send("GET", "/v1/models/..%2F..%2Fetc").status, 404);
  EXPECT_THAT(Send("GET", "/props").body, Not(HasSubstr("secret")));
}

TEST_F(ServerTest, LoadsAndUnloadsAdapters) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(::testing::TempDir()) / "adapters";
  fs::remove_all(folder);
  fs::create_directories(folder / "poet");
  fs::create_directories(folder / "bad");
  fs::create_symlink("/etc", folder / "link");
  ServerOptions options;
  options.adapter_bytes = 1000;
  options.adapter_folder = folder;
  StartAndServe(std::move(options));
  const auto load = [this](const std::string& name, const std::string& path, int status) {
    return Post("/v1/load_lora_adapter", {{"lora_name", name}, {"lora_path", path}}, status);
  };
  EXPECT_EQ(load("poet", "poet", 200)["adapter"]["bytes"], 400);
  EXPECT_EQ(load("poet", "poet", 400)["error"]["code"], "name_taken");
  EXPECT_EQ(load("small", "poet", 400)["error"]["code"], "name_taken");
  for (const char* name : {"../x", "", "a/b", ".hidden", "a b", "x\ny"}) {
    EXPECT_EQ(load(name, "poet", 400)["error"]["param"], "lora_name") << name;
  }
  for (const char* path : {"..", "../../etc", "/etc/passwd", "link", "link/passwd", ".", "none"}) {
    EXPECT_EQ(load("x", path, 400)["error"]["code"], "adapter_not_found") << path;
  }
  EXPECT_EQ(load("x", "bad", 400)["error"]["code"], "adapter_refused");
  load("second", "poet", 200);
  const Json full = load("third", "poet", 409);
  EXPECT_THAT(full["error"]["message"].get<std::string>(), HasSubstr("400 bytes"));
  EXPECT_EQ(Get("/v1/models")["data"].size(), 3U);
  EXPECT_EQ(Get("/v1/models")["data"][1]["parent"], "small");
  EXPECT_EQ(Post("/v1/chat/completions", Chat({{"model", "poet"}}))["model"], "poet");

  const Json list = Get("/lora-adapters");
  const auto id = list[0]["id"].get<int64_t>();
  EXPECT_EQ(Post("/lora-adapters", {{{"id", id}, {"scale", 1.0}}})[0]["scale"], 1.0);
  EXPECT_EQ(Post("/lora-adapters", {{{"id", id}, {"scale", 0.5}}}, 400)["error"]["param"],
            "adapters[0].scale");
  EXPECT_EQ(Post("/lora-adapters", {{{"id", 77}, {"scale", 1}}}, 404)["error"]["param"], "model");

  Post("/v1/unload_lora_adapter", {{"lora_name", "poet"}});
  Post("/v1/unload_lora_adapter", {{"lora_name", "poet"}}, 404);
  Post("/v1/chat/completions", Chat({{"model", "poet"}}), 404);
}

TEST_F(ServerTest, AdapterLoadingNeedsAFolder) {
  StartAndServe();
  Post("/v1/load_lora_adapter", {{"lora_name", "x"}, {"lora_path", "/tmp"}}, 403);
}

TEST_F(ServerTest, MetricsCount) {
  StartAndServe();
  Post("/v1/chat/completions", Chat());
  Post("/v1/completions", {{"n", 0}}, 400);
  const std::string text = Send("GET", "/metrics").body;
  for (const char* line :
       {"vllm:generation_tokens_total{model_name=\"small\"} 12\n",
        "vllm:prompt_tokens_total{model_name=\"small\"} 9\n",
        "vllm:request_success_total{model_name=\"small\",finished_reason=\"length\"} 1\n",
        "vllm:time_to_first_token_seconds_count{model_name=\"small\"} 1\n",
        "vllm:inter_token_latency_seconds_count{model_name=\"small\"} 11\n",
        "burin:http_responses_total{model_name=\"small\",code=\"400\"} 1\n",
        "vllm:num_requests_running{model_name=\"small\"} 0\n"}) {
    EXPECT_THAT(text, HasSubstr(line));
  }
}

TEST_F(ServerTest, AFullQueueSaysWhenToComeBack) {
  ServerOptions options;
  options.scheduler.max_sequences = 1;
  options.scheduler.max_waiting = 2;
  StartAndServe(std::move(options));
  const HttpResponse answer = Send("POST", "/v1/chat/completions", Chat({{"n", 3}}).dump());
  EXPECT_EQ(answer.status, 429);
  EXPECT_EQ(Json::parse(answer.body)["error"]["type"], "rate_limit_error");
  bool retry = false;
  for (const auto& [name, value] : answer.headers) retry |= name == "Retry-After" && value >= "1";
  EXPECT_TRUE(retry);
}

TEST_F(ServerTest, StopEndsStreamsWithAWord) {
  ServerOptions options;
  options.scheduler.max_sequences = 1;
  StartAndServe(std::move(options));
  std::string body;
  std::atomic<bool> begun{false};
  std::thread reader([&] {
    HttpClient client({false, "127.0.0.1", server_->port(), ""}, milliseconds(20'000));
    // One that takes long: many choices, one at a time.
    const std::string request = Chat({{"stream", true}, {"n", 128}, {"max_tokens", 240}}).dump();
    client.Send({"POST", "/v1/chat/completions", "", {}, request, ""}, [&](std::string_view part) {
      body += part;
      begun = true;
      return true;
    });
  });
  while (!begun) std::this_thread::sleep_for(milliseconds(1));
  server_->Stop(milliseconds(0));
  reader.join();
  EXPECT_THAT(body, HasSubstr("shutting_down"));
}

TEST_F(ServerTest, AClientThatGoesFreesItsPlace) {
  StartAndServe();
  for (int i = 0; i < 20; ++i) {
    HttpClient client({false, "127.0.0.1", server_->port(), ""}, milliseconds(20'000));
    const std::string request = Chat({{"stream", true}, {"max_tokens", 240}}).dump();
    client.Send({"POST", "/v1/chat/completions", "", {}, request, ""},
                [](std::string_view) { return false; });
  }
  for (int i = 0; i < 5000; ++i) {
    const SchedulerState state = server_->state();
    if (state.running == 0 && state.waiting == 0) break;
    std::this_thread::sleep_for(milliseconds(1));
  }
  EXPECT_EQ(server_->state().running, 0);
  EXPECT_EQ(server_->state().kv_reserved, 0);
}

}  // namespace
}  // namespace burin
