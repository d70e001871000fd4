// What the server refuses, and how it says so.
#include <sys/stat.h>

#include <thread>

#include "serve/server_fixture.h"

namespace burin {
namespace {

using ::testing::HasSubstr;

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

}  // namespace
}  // namespace burin
