// The answer to one generating request: one or more texts (choices), whole or as events. The
// dialects (chat, completions, llama.cpp) derive from it and say how it is written.
//
// The scheduler wakes it; all else happens on the server's thread, so that nothing here is locked.
// While the client reads slowly, tokens wait in the sequences' mailboxes, not as text.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "serve/answer_text.h"
#include "serve/app.h"
#include "serve/generation_fields.h"
#include "serve/json_writer.h"

namespace burin {

struct Choice {
  std::shared_ptr<Sequence> sequence;
  AnswerText text;
  std::vector<NewToken> prompt_tokens;  // log-probabilities of the prompt, where asked for
  std::vector<TokenEntry> tokens;       // all that were given out
  std::string finish_reason = {};       // "stop", "length"; empty: not yet
  EndReason end = EndReason::kStopId;
  bool ended = false;
  SequenceTimes times = {};
  std::optional<SiliconTimes> silicon = {};  // as its first timings said it
};

class ServedAnswer : public std::enable_shared_from_this<ServedAnswer> {
 public:
  ServedAnswer(const App& app, Call call, const GenerationFields& fields);
  virtual ~ServedAnswer() = default;
  ServedAnswer(const ServedAnswer&) = delete;
  ServedAnswer& operator=(const ServedAnswer&) = delete;

  // One choice more. Before Start.
  void Add(SequenceRequest request, bool continuation);
  // Gives the sequences to the scheduler, or answers with what it refused.
  void Start();

 protected:
  // The events of a piece of choice `index`; `first` for the first one of that choice, `last` for
  // the one with the finish reason. Appends to `out`, with AppendEvent.
  virtual void WritePiece(size_t index, const AnswerText::Piece& piece, bool first, bool last,
                          std::string& out) = 0;
  // The events behind all choices: usage, "[DONE]".
  virtual void WriteEnd(std::string& out) = 0;
  // The whole answer when it is not a stream.
  virtual std::string WriteWhole() = 0;

  static void AppendEvent(std::string_view json, std::string& out);
  // {"prompt_tokens", "completion_tokens", ...} of all choices.
  void WriteUsage(JsonWriter& json) const;
  // The field "timings": llama.cpp's measures of one choice so far, and the chip's beside them;
  // these are computed with the first and for the whole text.
  void WriteTimings(Choice& choice, JsonWriter& json);

  const App& app_;
  const Call call_;
  const GenerationFields fields_;
  std::vector<Choice> choices_;

 private:
  void Submit();
  void Drain();
  void TakeNews(size_t index, std::string& out);
  void EndAll(std::string& out);
  void Cancel();
  std::optional<ApiError> Failure() const;
  SiliconTimes SiliconOf(const Choice& choice) const;

  std::vector<bool> begun_;
  bool done_ = false;
};

// The refusal of a scheduler, in numbers.
ApiError ToApiError(const Refusal& refusal, const App& app);

}  // namespace burin
