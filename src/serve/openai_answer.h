// What the answers of chat and of text completions have in common: the head of every object, the
// timings, the usage, "[DONE]".
#pragma once

#include <string>
#include <string_view>

#include "serve/answer.h"

namespace burin {

class OpenAiAnswer : public ServedAnswer {
 protected:
  // `object` is the type of a whole answer, `chunk` that of an event; the id begins with `prefix`.
  OpenAiAnswer(const App& app, Call call, const GenerationFields& fields, std::string_view prefix,
               std::string_view object, std::string_view chunk);

  // An object as far as the '[' of its choices.
  JsonWriter BeginWhole() const { return JsonWriter(whole_head_); }
  JsonWriter BeginChunk() const { return JsonWriter(chunk_head_); }
  // The rest behind the choices. `timed`: the choice whose timings the chunk holds, or null.
  std::string EndWhole(Choice& timed, JsonWriter& json);
  void EndChunk(Choice* timed, JsonWriter& json, std::string& out);
  // `choice`, if the chunk that is its last (or each one, when asked for) says its timings.
  Choice* TimedIn(Choice& choice, bool last) {
    return last || fields_.timings_per_token ? &choice : nullptr;
  }

  void WriteEnd(std::string& out) override;

 private:
  std::string whole_head_, chunk_head_;
};

}  // namespace burin
