#include "cli/server_bench.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <mutex>
#include <thread>
#include <vector>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "cli/console.h"
#include "http/client.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kTimeout{120'000};

double SecondsBetween(Clock::time_point from, Clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

struct Samples {
  std::vector<double> first_token_s;  // from sending to the first piece of text
  std::vector<double> between_s;      // from a piece to the next, for each of its tokens
  std::vector<double> request_s;
  int64_t prompt_tokens = 0, tokens = 0, errors = 0;
  std::string first_error;

  void Add(Samples&& other) {
    auto append = [](std::vector<double>& to, const std::vector<double>& from) {
      to.insert(to.end(), from.begin(), from.end());
    };
    append(first_token_s, other.first_token_s);
    append(between_s, other.between_s);
    append(request_s, other.request_s);
    prompt_tokens += other.prompt_tokens;
    tokens += other.tokens;
    errors += other.errors;
    if (first_error.empty()) first_error = other.first_error;
  }
};

// One streamed answer.
class Reader {
 public:
  Reader(Clock::time_point start, Samples& samples) : start_(start), samples_(samples) {}

  bool Take(std::string_view bytes) {
    held_ += bytes;
    for (size_t end; (end = held_.find("\n\n")) != std::string::npos; held_.erase(0, end + 2)) {
      const std::string_view event = std::string_view(held_).substr(0, end);
      if (event.starts_with("data: ")) TakeEvent(event.substr(6));
    }
    return true;
  }
  bool complete() const { return done_ && error_.empty(); }
  const std::string& error() const { return error_; }
  int64_t tokens() const { return tokens_; }
  int64_t prompt_tokens() const { return prompt_tokens_; }

 private:
  void TakeEvent(std::string_view data) {
    if (data == "[DONE]") {
      done_ = true;
      return;
    }
    const Json json = Json::parse(data, nullptr, /*allow_exceptions=*/false);
    if (!json.is_object()) {
      error_ = "an event that is not JSON";
      return;
    }
    if (json.contains("error")) error_ = json["error"].value("message", "an error");
    if (json.contains("usage") && json["usage"].is_object()) {
      tokens_ = json["usage"].value("completion_tokens", int64_t{0});
      prompt_tokens_ = json["usage"].value("prompt_tokens", int64_t{0});
    }
    // Our own server says how many tokens a piece has; of others each piece counts as one.
    const int64_t seen = json.contains("timings") && json["timings"].is_object()
                             ? json["timings"].value("predicted_n", int64_t{0})
                             : seen_ + 1;
    const bool text = json.contains("choices") && !json["choices"].empty() &&
                      json["choices"][0].contains("delta") &&
                      json["choices"][0]["delta"].value("content", "") != "";
    if (text) TakePiece(std::max<int64_t>(1, seen - seen_));
    if (text) seen_ = seen;
  }

  void TakePiece(int64_t tokens) {
    const auto now = Clock::now();
    if (seen_ == 0) {
      samples_.first_token_s.push_back(SecondsBetween(start_, now));
    } else {
      const double each = SecondsBetween(last_, now) / static_cast<double>(tokens);
      samples_.between_s.insert(samples_.between_s.end(), static_cast<size_t>(tokens), each);
    }
    last_ = now;
  }

  const Clock::time_point start_;
  Samples& samples_;
  Clock::time_point last_;
  std::string held_, error_;
  bool done_ = false;
  int64_t seen_ = 0, tokens_ = 0, prompt_tokens_ = 0;
};

struct Load {
  HttpUrl url;
  HttpHeaders headers;
  std::string model;
  std::vector<std::string> prompts;
  int64_t requests = 0, tokens = 0;
  Clock::time_point end;
  std::atomic<int64_t> next{0};
};

std::string BodyOf(const Load& load, int64_t number) {
  const Json body = {
      {"model", load.model},
      {"messages",
       Json::array(
           {{{"role", "user"},
             {"content", load.prompts[static_cast<size_t>(number) % load.prompts.size()]}}})},
      {"stream", true},
      {"stream_options", {{"include_usage", true}}},
      {"max_tokens", load.tokens},
      {"ignore_eos", true},
      {"timings_per_token", true},
      {"seed", number}};
  return body.dump();
}

Samples RunUser(Load& load) {
  Samples samples;
  HttpClient client(load.url, kTimeout);
  while (!InterruptRequested() && Clock::now() < load.end) {
    const int64_t number = load.next.fetch_add(1);
    if (load.requests > 0 && number >= load.requests) break;
    const auto start = Clock::now();
    Reader reader(start, samples);
    const auto answer =
        client.Send({"POST", "/v1/chat/completions", "", load.headers, BodyOf(load, number), ""},
                    [&reader](std::string_view bytes) { return reader.Take(bytes); });
    if (answer && answer->status == 200 && reader.complete()) {
      samples.request_s.push_back(SecondsBetween(start, Clock::now()));
      samples.tokens += reader.tokens();
      samples.prompt_tokens += reader.prompt_tokens();
      continue;
    }
    ++samples.errors;
    if (samples.first_error.empty()) {
      samples.first_error = !answer                 ? answer.error().ToString()
                            : answer->status != 200 ? OneLine(answer->body.substr(0, 200))
                                                    : "the answer ended early " + reader.error();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return samples;
}

double Percentile(std::vector<double>& values, double share) {
  if (values.empty()) return 0;
  const auto at = static_cast<size_t>(share * static_cast<double>(values.size() - 1) + 0.5);
  std::ranges::nth_element(values, values.begin() + static_cast<std::ptrdiff_t>(at));
  return values[at];
}

Result<std::vector<std::string>> Prompts(const ServerBenchFlags& flags) {
  if (flags.prompts_file.empty()) {
    return std::vector<std::string>{
        "turn on the light in the kitchen",       "set an alarm for half past seven, please",
        "what is the temperature in the cellar?", "play something quiet in the living room",
        "remind me to water the plants at noon",  "is the garage door closed?",
        "make it two degrees warmer in the bath", "switch everything off and good night"};
  }
  BURIN_ASSIGN(const std::string text, ReadTextFile(flags.prompts_file));
  std::vector<std::string> prompts;
  for (size_t at = 0; at < text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    if (end > at) prompts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  if (prompts.empty()) return BadInput(flags.prompts_file, "no line", "a prompt a line");
  return prompts;
}

Status AskModel(const ServerBenchFlags& flags, Load& load) {
  load.model = flags.model;
  if (!load.model.empty()) return {};
  HttpClient client(load.url, kTimeout);
  BURIN_ASSIGN(const HttpResponse answer,
               client.Send({"GET", "/v1/models", "", load.headers, "", ""}));
  const Json json = Json::parse(answer.body, nullptr, false);
  const bool good = answer.status == 200 && json.is_object() && json.contains("data") &&
                    json["data"].is_array() && !json["data"].empty() &&
                    json["data"][0].is_object() && json["data"][0].contains("id") &&
                    json["data"][0]["id"].is_string();
  if (!good) {
    return BadInput(flags.url, fmt::format("/v1/models answers {}", answer.status),
                    "a list of models", "Is this an OpenAI server, and does it want a key?");
  }
  load.model = json["data"][0]["id"].get<std::string>();
  return {};
}

Json Quantiles(std::vector<double>& values) {
  return {{"p50_ms", RoundTo(1e3 * Percentile(values, 0.5), 3)},
          {"p99_ms", RoundTo(1e3 * Percentile(values, 0.99), 3)},
          {"count", values.size()}};
}

std::string Describe(const ServerBenchFlags& flags, const std::string& model, Samples& all,
                     double seconds) {
  const auto row = [](const char* name, std::vector<double>& values) {
    return fmt::format("{:<15}{:>10.3f} ms{:>10.3f} ms\n", name, 1e3 * Percentile(values, 0.5),
                       1e3 * Percentile(values, 0.99));
  };
  std::string text = fmt::format("{} at {}: {} users, {} answers in {:.1f} s, {} errors\n", model,
                                 flags.url, flags.users, all.request_s.size(), seconds, all.errors);
  text += fmt::format("{:<15}{:>10}   {:>10}\n", "", "p50", "p99");
  text += row("first token", all.first_token_s) + row("between tokens", all.between_s) +
          row("whole answer", all.request_s);
  text += fmt::format("new tokens     {:.1f} a second, prompt tokens {:.1f}\n",
                      static_cast<double>(all.tokens) / seconds,
                      static_cast<double>(all.prompt_tokens) / seconds);
  return text;
}

}  // namespace

void AddServerBenchOptions(CLI::App& command, ServerBenchFlags& flags) {
  CLI::Option* url =
      command.add_option("--server", flags.url, "Measure a server instead")->option_text("URL");
  const auto server_only = [url](CLI::Option* option) { option->needs(url); };
  server_only(command.add_option("--users", flags.users, "Requests at a time; 1 by default")
                  ->option_text("N")
                  ->check(CLI::Range(1, 4096)));
  server_only(command.add_option("--seconds", flags.seconds, "For so long; 10 by default")
                  ->option_text("S")
                  ->check(CLI::Range(0.1, 86400.0)));
  server_only(command.add_option("--requests", flags.requests, "At most so many; 0 is no limit")
                  ->option_text("N")
                  ->check(CLI::Range(int64_t{0}, int64_t{1} << 40)));
  server_only(command.add_option("--tokens", flags.tokens, "In an answer; 128 by default")
                  ->option_text("N")
                  ->check(CLI::Range(int64_t{1}, int64_t{1} << 24)));
  server_only(
      command.add_option("--prompts", flags.prompts_file, "A prompt a line")->option_text("FILE"));
  server_only(command.add_option("--model", flags.model, "The server's first by default")
                  ->option_text("NAME"));
  server_only(command.add_option("--api-key-file", flags.key_file, "Its first line is the key")
                  ->option_text("FILE"));
}

Status RunServerBench(const ServerBenchFlags& flags, const std::string& json) {
  const Console console(json);
  BURIN_TRY(console.Check());
  CatchInterrupts();
  Load load;
  BURIN_ASSIGN(load.url, HttpUrl::Parse(flags.url));
  BURIN_ASSIGN(load.prompts, Prompts(flags));
  load.headers = {{"Content-Type", "application/json"}};
  if (!flags.key_file.empty()) {
    BURIN_ASSIGN(const std::string keys, ReadTextFile(flags.key_file));
    load.headers.emplace_back("Authorization", "Bearer " + keys.substr(0, keys.find('\n')));
  }
  load.requests = flags.requests;
  load.tokens = flags.tokens;
  BURIN_TRY(AskModel(flags, load));
  const auto start = Clock::now();
  load.end = start + std::chrono::microseconds(static_cast<int64_t>(flags.seconds * 1e6));
  std::mutex mutex;
  Samples all;
  std::vector<std::thread> users;
  for (int64_t i = 0; i < flags.users; ++i) {
    users.emplace_back([&] {
      Samples own = RunUser(load);
      const std::lock_guard lock(mutex);
      all.Add(std::move(own));
    });
  }
  for (std::thread& user : users) user.join();
  const double seconds = SecondsBetween(start, Clock::now());
  if (InterruptRequested()) return Interrupted("bench");
  console.Print(Describe(flags, load.model, all, seconds));
  BURIN_TRY(console.WriteJson(
      {{"server", flags.url},
       {"model", load.model},
       {"users", flags.users},
       {"seconds", RoundTo(seconds, 3)},
       {"answers", all.request_s.size()},
       {"errors", all.errors},
       {"first_token", Quantiles(all.first_token_s)},
       {"between_tokens", Quantiles(all.between_s)},
       {"answer", Quantiles(all.request_s)},
       {"tokens_per_second", RoundTo(static_cast<double>(all.tokens) / seconds, 2)},
       {"prompt_tokens_per_second",
        RoundTo(static_cast<double>(all.prompt_tokens) / seconds, 2)}}));
  if (all.errors == 0) return {};
  return BadInput(flags.url, fmt::format("{} requests failed, the first with: {}", all.errors,
                                         all.first_error));
}

}  // namespace burin
