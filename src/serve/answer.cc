#include "serve/answer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace burin {
namespace {

double Milliseconds(std::chrono::steady_clock::duration time) {
  return std::chrono::duration<double, std::milli>(time).count();
}

double Rounded(double value) { return std::round(value * 1000) / 1000; }

}  // namespace

ApiError ToApiError(const Refusal& refusal, const App& app) {
  switch (refusal.kind) {
    case Refusal::Kind::kQueueFull:
      return {429,
              fmt::format("{} sequences wait already; the limit is {}, beside the {} at work.",
                          refusal.asked, refusal.limit, app.scheduler.options().max_sequences),
              "rate_limit_error",
              {},
              "queue_full",
              refusal.retry_after_s};
    case Refusal::Kind::kNeverFits:
      return {400,
              fmt::format(
                  "The request needs {} positions of KV memory ({} bytes); the server has "
                  "{} ({} bytes). Shorten the prompt or 'max_tokens'.",
                  refusal.asked, static_cast<uint64_t>(refusal.asked) * app.kv_bytes_per_position,
                  refusal.limit, static_cast<uint64_t>(refusal.limit) * app.kv_bytes_per_position),
              "invalid_request_error",
              "max_tokens",
              "kv_memory_exceeded",
              0};
    default:
      return {503, "The server is shutting down.", "unavailable_error", {}, "shutting_down", 1};
  }
}

ServedAnswer::ServedAnswer(const App& app, Call call, const GenerationFields& fields)
    : app_(app), call_(std::move(call)), fields_(fields) {}

void ServedAnswer::Add(SequenceRequest request, bool continuation) {
  auto sequence = std::make_shared<Sequence>(std::move(request),
                                             [weak = weak_from_this(), exchange = call_.exchange] {
                                               exchange->Post([weak] {
                                                 if (const auto answer = weak.lock())
                                                   answer->Drain();
                                               });
                                             });
  choices_.push_back({std::move(sequence),
                      AnswerText(app_.tokenizer, fields_.stop, continuation, fields_.shown_ids),
                      {},
                      {}});
  begun_.push_back(false);
}

void ServedAnswer::Start() {
  call_.exchange->Post([self = shared_from_this()] { self->Submit(); });
}

void ServedAnswer::Submit() {
  const auto self = shared_from_this();
  // The callbacks keep the answer alive until the connection is done with it.
  call_.exchange->SetCallbacks([self] { self->Drain(); }, [self] { self->Cancel(); });
  if (done_) return;  // the client has gone
  std::vector<std::shared_ptr<Sequence>> group;
  for (const Choice& choice : choices_) group.push_back(choice.sequence);
  if (const auto taken = app_.scheduler.Submit(group); !taken) {
    done_ = true;
    return call_.Fail(ToApiError(taken.error(), app_));
  }
  if (fields_.stream) call_.StartEvents();
}

void ServedAnswer::Cancel() {
  for (const Choice& choice : choices_) choice.sequence->Cancel();
  done_ = true;
}

void ServedAnswer::Drain() {
  // What the client has not read yet must go first; then we are called again.
  if (done_ || (fields_.stream && call_.exchange->busy())) return;
  std::string out;
  for (size_t i = 0; i < choices_.size(); ++i) {
    if (!choices_[i].ended) TakeNews(i, out);
  }
  if (std::ranges::all_of(choices_, [](const Choice& c) { return c.ended; })) return EndAll(out);
  if (!out.empty()) call_.exchange->Write(std::move(out));
}

void ServedAnswer::TakeNews(size_t index, std::string& out) {
  Choice& choice = choices_[index];
  Sequence::News news = choice.sequence->Take();
  choice.times = news.times;
  std::ranges::move(news.prompt, std::back_inserter(choice.prompt_tokens));
  AnswerText::Piece piece;
  for (NewToken& token : news.tokens) choice.text.Push(std::move(token), piece);
  if (choice.text.stop()) {
    choice.sequence->Cancel();
    choice.ended = true;
    choice.end = EndReason::kStopId;
    choice.finish_reason = "stop";
    if (!news.ended) choice.times.ended = std::chrono::steady_clock::now();
  } else if (news.ended) {
    choice.ended = true;
    choice.end = *news.ended;
    const bool length = choice.end == EndReason::kLength || choice.end == EndReason::kContext;
    choice.finish_reason = length ? "length" : "stop";
  }
  if (choice.ended) choice.text.Finish(piece);
  if (!fields_.stream) {
    std::ranges::move(piece.tokens, std::back_inserter(choice.tokens));
    return;
  }
  const bool failed = choice.ended && Failure();
  if (failed) return;
  // Each choice begins with an event even when its text is empty.
  const bool first = !begun_[index];
  if (first && news.tokens.empty() && !choice.ended && news.prompt.empty()) return;
  if (!first && piece.text.empty() && piece.tokens.empty() && !choice.ended) return;
  begun_[index] = true;
  WritePiece(index, piece, first, choice.ended, out);
}

std::optional<ApiError> ServedAnswer::Failure() const {
  for (const Choice& choice : choices_) {
    if (!choice.ended) continue;
    if (choice.end == EndReason::kDeadline) {
      return ApiError{504,
                      fmt::format("The request took longer than {} s.",
                                  static_cast<double>(app_.request_timeout.count()) / 1000),
                      "timeout_error",
                      {},
                      "request_timeout",
                      0};
    }
    if (choice.end == EndReason::kNoMemory) {
      return ApiError{
          503, "The system has no memory for the sequence.", "unavailable_error", {}, "no_memory",
          5};
    }
    if (choice.end == EndReason::kStopped) {
      return ApiError{503, "The server is shutting down.", "unavailable_error", {}, "shutting_down",
                      1};
    }
  }
  return std::nullopt;
}

void ServedAnswer::EndAll(std::string& out) {
  done_ = true;
  const auto failure = Failure();
  if (!fields_.stream) {
    if (failure) return call_.Fail(*failure);
    return call_.RespondJson(WriteWhole());
  }
  if (failure) {
    AppendEvent(ToJson(*failure), out);
  } else {
    WriteEnd(out);
  }
  call_.exchange->Write(std::move(out));
  call_.exchange->Finish();
}

void ServedAnswer::AppendEvent(std::string_view json, std::string& out) {
  out += "data: ";
  out += json;
  out += "\n\n";
}

void ServedAnswer::WriteUsage(JsonWriter& json) const {
  int64_t completion = 0, prompt = 0, cached = 0;
  for (size_t i = 0; i < choices_.size(); ++i) {
    completion += choices_[i].text.tokens();
    // Choices of one prompt stand side by side and count it once.
    const auto& ids = choices_[i].sequence->request.prompt;
    if (i == 0 || ids != choices_[i - 1].sequence->request.prompt) {
      prompt += static_cast<int64_t>(ids.size());
      cached += choices_[i].times.cached_tokens;
    }
  }
  json.BeginObject();
  json.Field("prompt_tokens", prompt).Field("completion_tokens", completion);
  json.Field("total_tokens", prompt + completion);
  json.Key("prompt_tokens_details").BeginObject().Field("cached_tokens", cached).EndObject();
  json.EndObject();
}

void ServedAnswer::WriteTimings(Choice& choice, JsonWriter& json) {
  const SequenceTimes& t = choice.times;
  const auto prompt = static_cast<int64_t>(choice.sequence->request.prompt.size());
  const int64_t computed = prompt - t.cached_tokens, fresh = choice.text.tokens();
  const bool wrote = t.first_token.time_since_epoch().count() != 0;
  const auto end = choice.ended ? t.ended : std::chrono::steady_clock::now();
  const double queue_ms = Milliseconds(t.started - t.submitted);
  const double prompt_ms = Milliseconds((wrote ? t.first_token : end) - t.started);
  // The first token comes with the prompt: the others are what decoding takes time for.
  const double text_ms = wrote ? Milliseconds(end - t.first_token) : 0;
  const auto rate = [](int64_t count, double ms) {
    return ms > 0 ? Rounded(static_cast<double>(count) * 1000 / ms) : 0;
  };
  const auto each = [](int64_t count, double ms) {
    return count > 0 ? Rounded(ms / static_cast<double>(count)) : 0;
  };
  const int64_t decoded = std::max<int64_t>(fresh - 1, 0);
  json.Key("timings").BeginObject();
  json.Field("queue_ms", Rounded(queue_ms));
  json.Field("cache_n", t.cached_tokens).Field("prompt_n", computed);
  json.Field("prompt_ms", Rounded(prompt_ms));
  json.Field("prompt_per_token_ms", each(computed, prompt_ms));
  json.Field("prompt_per_second", rate(computed, prompt_ms));
  json.Field("predicted_n", fresh).Field("predicted_ms", Rounded(text_ms));
  json.Field("predicted_per_token_ms", each(decoded, text_ms));
  json.Field("predicted_per_second", rate(decoded, text_ms));
  if (app_.silicon != nullptr) {
    if (choice.ended || !choice.silicon) choice.silicon = SiliconOf(choice);
    const SiliconTimes& s = *choice.silicon;
    json.Key("silicon").BeginObject().Field("chip", app_.silicon->name());
    json.Field("queue_s", s.queue_s).Field("first_token_s", s.first_token_s);
    json.Field("tokens_per_s", s.tokens_per_s).Field("energy_j", s.energy_j);
    json.EndObject();
  }
  json.EndObject();
}

SiliconTimes ServedAnswer::SiliconOf(const Choice& choice) const {
  const SchedulerState state = app_.scheduler.state();
  const SequenceRequest& request = choice.sequence->request;
  return app_.silicon->Estimate({.prompt_tokens = static_cast<int64_t>(request.prompt.size()),
                                 .cached_tokens = choice.times.cached_tokens,
                                 .new_tokens = choice.text.tokens(),
                                 .adapter_rank = request.adapter ? request.adapter->rank : 0,
                                 .users = std::max<int64_t>(1, state.running),
                                 .waiting = state.waiting});
}

}  // namespace burin
