// POST /completion: llama.cpp's own dialect, with prompts as token ids and the likeliest tokens of
// every step: what a larger model's speculative decoding asks its draft.
#include <fmt/format.h>

#include <algorithm>

#include "serve/answer.h"
#include "serve/endpoints.h"
#include "serve/logprobs.h"
#include "serve/prompt.h"

namespace burin {
namespace {

constexpr int64_t kMostAlternatives = 256;

struct LlamaFields {
  GenerationFields common;
  bool return_tokens = false;
  std::vector<TextPrompt> prompts;
  std::string prompt_json;
};

void ReadLlama(JsonDocument& document, const App& app, LlamaFields& out) {
  const JsonView root = document.root();
  ReadGeneration(root, {app.model.generation, app.model.config.vocab}, out.common);
  std::optional<int64_t> predict;
  root["n_predict"].Read(predict, -2, int64_t{1} << 40);
  if (predict) out.common.max_tokens = *predict < 0 ? std::nullopt : predict;
  std::optional<int64_t> seed;
  root["seed"].Read(seed, INT64_MIN, INT64_MAX);
  if (seed == -1) out.common.sampling.seed = RandomSeed();
  int64_t alternatives = 0;
  root["n_probs"].Read(alternatives, 0, std::min(kMostAlternatives, app.model.config.vocab));
  if (alternatives > 0) out.common.logprobs = alternatives;
  root["return_tokens"].Read(out.return_tokens);
  bool after_sampling = false;
  root["post_sampling_probs"].Read(after_sampling);
  if (after_sampling) {
    root["post_sampling_probs"].Fail(
        "'post_sampling_probs' is not supported; 'n_probs' gives the "
        "model's own probabilities.",
        "unsupported_parameter");
  }
  // Adapters of one request: at most one, whole.
  const JsonView lora = root["lora"];
  for (size_t i = 0; i < lora.size(); ++i) {
    int64_t id = -1;
    double scale = 1;
    lora[i]["id"].Read(id, 0, INT64_MAX);
    lora[i]["scale"].Read(scale, 0, 1);
    if (scale == 0) continue;
    if (scale != 1) lora[i]["scale"].Fail("An adapter's scale is 0 or 1.");
    for (const auto& adapter : app.adapters.List()) {
      if (static_cast<int64_t>(adapter->id) != id) continue;
      if (!out.common.model.empty() && out.common.model != adapter->name) {
        lora[i].Fail("Only one adapter can be at work in a request.");
      }
      out.common.model = adapter->name;
      id = -1;
    }
    if (id >= 0) lora[i]["id"].Fail(fmt::format("There is no adapter {}.", id));
  }
  out.prompts = ReadPrompts(root["prompt"], app, true, 256);
}

class LlamaAnswer final : public ServedAnswer {
 public:
  LlamaAnswer(const App& app, Call call, const LlamaFields& fields)
      : ServedAnswer(app, std::move(call), fields.common),
        return_tokens_(fields.return_tokens || fields.common.stream),
        model_(fields.common.model.empty() ? app.id : fields.common.model) {}

 protected:
  void WritePiece(size_t index, const AnswerText::Piece& piece, bool, bool last,
                  std::string& out) override {
    if (!piece.text.empty() || !piece.tokens.empty()) {
      JsonWriter json;
      json.BeginObject().Field("index", static_cast<int64_t>(index));
      json.Field("content", piece.text);
      Tokens(piece.tokens, json);
      json.Field("stop", false).Field("id_slot", int64_t{-1});
      Counts(choices_[index], json);
      if (fields_.logprobs >= 0) {
        json.Key("completion_probabilities");
        WriteLlamaLogprobs(app_.tokenizer, piece.tokens, json);
      }
      if (fields_.timings_per_token) WriteTimings(choices_[index], json);
      json.EndObject();
      AppendEvent(json.Take(), out);
    }
    if (last) AppendEvent(Final(index, ""), out);
  }
  void WriteEnd(std::string&) override {}  // this dialect has no [DONE]

  std::string WriteWhole() override {
    if (choices_.size() == 1) return Final(0, choices_[0].text.text());
    JsonWriter json;
    json.BeginArray();
    for (size_t i = 0; i < choices_.size(); ++i) json.Raw(Final(i, choices_[i].text.text()));
    json.EndArray();
    return json.Take();
  }

 private:
  void Tokens(std::span<const TokenEntry> entries, JsonWriter& json) const {
    json.Key("tokens").BeginArray();
    if (return_tokens_) {
      for (const TokenEntry& entry : entries) json.Int(entry.token.id);
    }
    json.EndArray();
  }
  static void Counts(const Choice& choice, JsonWriter& json) {
    json.Field("tokens_predicted", choice.text.tokens());
    json.Field("tokens_evaluated", static_cast<int64_t>(choice.sequence->request.prompt.size()));
  }

  std::string Final(size_t index, std::string_view text) {
    Choice& choice = choices_[index];
    const bool word = choice.text.stop().has_value(), length = choice.finish_reason == "length";
    JsonWriter json;
    json.BeginObject().Field("index", static_cast<int64_t>(index)).Field("content", text);
    Tokens(choice.tokens, json);
    json.Field("id_slot", int64_t{-1}).Field("stop", true).Field("model", model_);
    Counts(choice, json);
    json.Key("generation_settings");
    Settings(choice.sequence->request, json);
    json.Field("prompt", app_.tokenizer.Decode(choice.sequence->request.prompt, false));
    json.Field("has_new_line", choice.text.text().find('\n') != std::string::npos);
    json.Field("truncated", false);
    json.Field("stop_type", word ? "word" : length ? "limit" : "eos");
    json.Field("stopping_word", choice.text.stop().value_or(""));
    json.Field("tokens_cached", choice.times.cached_tokens);
    if (fields_.logprobs >= 0 && !fields_.stream) {
      json.Key("completion_probabilities");
      WriteLlamaLogprobs(app_.tokenizer, choice.tokens, json);
    }
    WriteTimings(choice, json);
    json.EndObject();
    return json.Take();
  }

  void Settings(const SequenceRequest& request, JsonWriter& json) const {
    const SamplerSettings& s = request.sampling;
    json.BeginObject().Field("seed", s.seed).Field("temperature", s.temperature);
    json.Field("top_k", s.top_k).Field("top_p", s.top_p).Field("min_p", s.min_p);
    json.Field("repeat_penalty", s.repetition_penalty);
    json.Field("presence_penalty", request.presence_penalty);
    json.Field("frequency_penalty", request.frequency_penalty);
    json.Field("n_predict", request.max_tokens).Field("stream", fields_.stream);
    json.Field("n_probs", std::max<int64_t>(request.logprobs, 0));
    json.Key("stop").BeginArray();
    for (const std::string& stop : fields_.stop) json.String(stop);
    json.EndArray().EndObject();
  }

  const bool return_tokens_;
  const std::string model_;
};

ApiResult<std::shared_ptr<LlamaAnswer>> PrepareLlama(const App& app, const Call& call) {
  BURIN_API_ASSIGN(const auto document, JsonDocument::Parse(call.request.body));
  LlamaFields fields;
  ReadLlama(*document, app, fields);
  BURIN_API_TRY(document->Check());
  auto answer = std::make_shared<LlamaAnswer>(app, call, fields);
  for (TextPrompt& prompt : fields.prompts) {
    for (int64_t i = 0; i < fields.common.n; ++i) {
      BURIN_API_ASSIGN(SequenceRequest request,
                       MakeSequence(prompt.ids, fields.common, app, call, "prompt"));
      request.stream = static_cast<uint64_t>(i);
      answer->Add(std::move(request), prompt.continuation);
    }
  }
  return answer;
}

}  // namespace

void LlamaCompletion(const App& app, const Call& call) {
  const auto answer = PrepareLlama(app, call);
  if (!answer) return call.Fail(answer.error());
  (*answer)->Start();
}

}  // namespace burin
