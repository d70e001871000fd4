// POST /v1/completions.
#include <fmt/format.h>

#include <algorithm>

#include "serve/endpoints.h"
#include "serve/logprobs.h"
#include "serve/openai_answer.h"
#include "serve/prompt.h"

namespace burin {
namespace {

constexpr size_t kMostPrompts = 512;
constexpr int64_t kMostLogprobs = 20;  // OpenAI: 5

struct CompletionFields {
  GenerationFields common;
  int64_t best_of = 1;
  bool echo = false;
  std::vector<TextPrompt> prompts;
};

void ReadCompletion(JsonDocument& document, const App& app, CompletionFields& out) {
  const JsonView root = document.root();
  ReadGeneration(root, {app.model.generation, app.model.config.vocab}, out.common);
  if (!out.common.max_tokens) out.common.max_tokens = 16;  // OpenAI's default
  root["logprobs"].Read(out.common.logprobs, 0, kMostLogprobs);
  root["echo"].Read(out.echo);
  out.best_of = out.common.n;
  root["best_of"].Read(out.best_of, 1, 128);
  if (out.best_of < out.common.n) root["best_of"].Fail("'best_of' must not be less than 'n'.");
  if (out.best_of > out.common.n && out.common.stream) {
    root["best_of"].Fail("'best_of' above 'n' cannot be a stream: the best are known at the end.");
  }
  std::string suffix;
  root["suffix"].Read(suffix);
  if (!suffix.empty()) {
    root["suffix"].Fail("'suffix' is not supported: the model does not fill in.",
                        "unsupported_parameter");
  }
  out.prompts = ReadPrompts(root["prompt"], app, false, kMostPrompts);
}

class CompletionAnswer final : public OpenAiAnswer {
 public:
  CompletionAnswer(const App& app, Call call, const CompletionFields& fields)
      : OpenAiAnswer(app, std::move(call), fields.common, "cmpl-", "text_completion",
                     "text_completion"),
        n_(static_cast<size_t>(fields.common.n)),
        best_of_(static_cast<size_t>(fields.best_of)),
        echo_(fields.echo),
        logprobs_(fields.common.logprobs >= 0) {}

 protected:
  void WritePiece(size_t index, const AnswerText::Piece& piece, bool first, bool last,
                  std::string& out) override {
    Choice& choice = choices_[index];
    std::string text;
    std::vector<CompletionToken> tokens;
    if (first && echo_) text = Echo(choice, tokens);
    if (offsets_.size() < choices_.size()) offsets_.resize(choices_.size());
    int64_t& offset = offsets_[index];
    if (first && echo_) offset = CountCharacters(text);
    AddTokens(piece.tokens, offset, tokens);
    text += piece.text;
    offset += CountCharacters(piece.text);
    JsonWriter json = BeginChunk();
    WriteChoice(choice, index, text, tokens, last, json);
    EndChunk(TimedIn(choice, last), json, out);
  }

  std::string WriteWhole() override {
    JsonWriter json = BeginWhole();
    size_t written = 0;
    Choice* shown = &choices_.front();
    for (size_t at = 0; at < choices_.size(); at += best_of_) {
      for (const size_t index : Best(at)) {
        Choice& choice = choices_[index];
        if (written == 0) shown = &choice;
        std::vector<CompletionToken> tokens;
        std::string text = echo_ ? Echo(choice, tokens) : std::string();
        AddTokens(choice.tokens, CountCharacters(text), tokens);
        WriteChoice(choice, written++, text + choice.text.text(), tokens, true, json);
      }
    }
    return EndWhole(*shown, json);
  }

 private:
  // The n of best_of choices from `at` on that are likeliest a token, in their order.
  std::vector<size_t> Best(size_t at) const {
    std::vector<size_t> order;
    for (size_t i = 0; i < best_of_; ++i) order.push_back(at + i);
    const auto score = [this](size_t index) {
      double sum = 0;
      const auto& tokens = choices_[index].tokens;
      for (const TokenEntry& entry : tokens) sum += entry.token.logprob;
      return tokens.empty() ? 0 : sum / static_cast<double>(tokens.size());
    };
    if (best_of_ > n_) {
      std::ranges::stable_sort(order, [&](size_t a, size_t b) { return score(a) > score(b); });
      order.resize(n_);
      std::ranges::sort(order);
    }
    return order;
  }

  // The prompt as text and as tokens.
  std::string Echo(const Choice& choice, std::vector<CompletionToken>& tokens) const {
    const auto& ids = choice.sequence->request.prompt;
    StreamDecoder decoder(app_.tokenizer, /*skip_special=*/true);
    std::string text;
    for (size_t i = 0; i < ids.size(); ++i) {
      const NewToken* known =
          i > 0 && i - 1 < choice.prompt_tokens.size() ? &choice.prompt_tokens[i - 1] : nullptr;
      if (logprobs_) {
        tokens.push_back({TokenName(app_.tokenizer, ids[i]), CountCharacters(text), known});
      }
      text += decoder.Push(ids[i]);
    }
    return text + decoder.Finish();
  }

  void AddTokens(std::span<const TokenEntry> entries, int64_t offset,
                 std::vector<CompletionToken>& tokens) const {
    if (!logprobs_) return;
    for (const TokenEntry& entry : entries) {
      tokens.push_back({TokenName(app_.tokenizer, entry.token.id), offset, &entry.token});
      offset += CountCharacters(app_.tokenizer.TokenText(entry.token.id));
    }
  }

  void WriteChoice(const Choice& choice, size_t index, std::string_view text,
                   std::span<const CompletionToken> tokens, bool last, JsonWriter& json) const {
    json.BeginObject().Field("text", text).Field("index", static_cast<int64_t>(index));
    json.Key("logprobs");
    if (logprobs_) {
      WriteCompletionLogprobs(app_.tokenizer, tokens, json);
    } else {
      json.Null();
    }
    json.Key("finish_reason");
    last ? json.String(choice.finish_reason) : json.Null();
    json.EndObject();
  }

  const size_t n_, best_of_;
  const bool echo_, logprobs_;
  std::vector<int64_t> offsets_;  // of a stream's choices, in characters
};

ApiResult<std::shared_ptr<CompletionAnswer>> PrepareCompletion(const App& app, const Call& call) {
  BURIN_API_ASSIGN(const auto document, JsonDocument::Parse(call.request.body));
  CompletionFields fields;
  ReadCompletion(*document, app, fields);
  BURIN_API_TRY(document->Check());
  const size_t choices = fields.prompts.size() * static_cast<size_t>(fields.best_of);
  const auto most = static_cast<size_t>(app.scheduler.options().max_waiting);
  if (choices > most) {
    return Refuse(BadField(
        fields.prompts.size() > 1 ? "prompt" : "n",
        fmt::format("The request asks for {} texts; at most {} can wait.", choices, most)));
  }
  auto answer = std::make_shared<CompletionAnswer>(app, call, fields);
  for (size_t p = 0; p < fields.prompts.size(); ++p) {
    TextPrompt& prompt = fields.prompts[p];
    const std::string param = fields.prompts.size() > 1 ? fmt::format("prompt[{}]", p) : "prompt";
    for (int64_t i = 0; i < fields.best_of; ++i) {
      BURIN_API_ASSIGN(SequenceRequest request,
                       MakeSequence(prompt.ids, fields.common, app, call, param));
      request.stream = static_cast<uint64_t>(i);
      request.prompt_logprobs = fields.echo && fields.common.logprobs >= 0;
      if (fields.best_of > fields.common.n)
        request.logprobs = std::max<int64_t>(request.logprobs, 0);
      answer->Add(std::move(request), prompt.continuation);
    }
  }
  return answer;
}

}  // namespace

void Completions(const App& app, const Call& call) {
  const auto answer = PrepareCompletion(app, call);
  if (!answer) return call.Fail(answer.error());
  (*answer)->Start();
}

}  // namespace burin
