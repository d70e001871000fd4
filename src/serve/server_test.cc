// The whole server over HTTP.
#include <atomic>
#include <filesystem>
#include <thread>

#include "serve/server_fixture.h"

namespace burin {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

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

TEST_F(ServerTest, EveryChunkSaysHowFarItIsWhenAsked) {
  const TestChip chip;
  StartAndServe({}, &chip);
  for (const char* path : {"/v1/chat/completions", "/v1/completions", "/completion"}) {
    Json body = Chat({{"timings_per_token", true}, {"max_tokens", 100}});
    if (std::string(path) != "/v1/chat/completions") body["prompt"] = "hello";
    int64_t tokens = 0;
    for (const std::string& event : Events(path, body)) {
      if (event == "[DONE]") continue;
      const Json chunk = Json::parse(event);
      if (!chunk.contains("timings")) continue;  // who speaks, in chat
      const Json& timings = chunk["timings"];
      EXPECT_GE(timings["predicted_n"].get<int64_t>(), tokens) << event;
      EXPECT_GE(timings["predicted_ms"].get<double>(), 0) << event;
      EXPECT_GE(timings["prompt_ms"].get<double>(), 0) << event;
      EXPECT_EQ(timings["silicon"]["chip"], "test");
      tokens = timings["predicted_n"];
    }
    EXPECT_EQ(tokens, 100) << path;
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

TEST_F(ServerTest, ANameGoesToAnotherAdapterOnlyWhenThatIsThere) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(::testing::TempDir()) / "adapters-in-place";
  fs::remove_all(folder);
  for (const char* name : {"poet", "cook", "bad"}) fs::create_directories(folder / name);
  ServerOptions options;
  options.adapter_bytes = 700;  // room for one of 400 bytes
  options.adapter_folder = folder;
  const TestChip chip;
  StartAndServe(std::move(options), &chip);
  const auto load = [this](const std::string& path, int status) {
    return Post("/v1/load_lora_adapter",
                {{"lora_name", "x"}, {"lora_path", path}, {"load_inplace", true}}, status);
  };
  load("poet", 200);
  const auto id = Get("/lora-adapters")[0]["id"];
  Post("/lora-adapters", {{{"id", id}, {"scale", 1}}});
  load("bad", 400);
  load("none", 400);
  EXPECT_EQ(Get("/lora-adapters")[0]["id"], id);
  // The old one's memory is free for the new one, and what requests for the model get goes along.
  EXPECT_EQ(load("cook", 200)["adapter_bytes_used"], 400);
  const Json list = Get("/lora-adapters");
  EXPECT_NE(list[0]["id"], id);
  EXPECT_EQ(list[0]["scale"], 1.0);
  // Rank 4 in the chip's times.
  const Json answer = Post("/v1/chat/completions", Chat({{"model", "x"}}));
  EXPECT_EQ(answer["timings"]["silicon"]["tokens_per_s"], 13000);
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
