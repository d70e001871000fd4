// From a request's prompt to token ids that fit the context.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "serve/app.h"
#include "serve/generation_fields.h"
#include "serve/json_view.h"

namespace burin {

// One prompt of a completion request.
struct TextPrompt {
  std::vector<int32_t> ids;
  bool continuation = true;  // a text stands before the answer
};

// OpenAI's `prompt`: a string, ids, or an array of either; llama.cpp's array of strings and ids
// mixed is one prompt when `mixed`. An absent or empty text becomes BOS, where the model has one.
// Mistakes go to the document.
std::vector<TextPrompt> ReadPrompts(const JsonView& prompt, const App& app, bool mixed,
                                    size_t most);

// The ids of a text as `burin run -p` reads it: BOS in front where the tokenizer puts one, and
// special tokens are read.
std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const std::string& text);

// The request of one sequence. Errors: 400 with numbers when the prompt is empty or beyond the
// context; `param` names its field.
ApiResult<SequenceRequest> MakeSequence(std::vector<int32_t> prompt, const GenerationFields& fields,
                                        const App& app, const Call& call, const std::string& param);

}  // namespace burin
