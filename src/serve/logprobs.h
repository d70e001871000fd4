// Log-probabilities in the three dialects.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "serve/answer_text.h"
#include "serve/json_writer.h"
#include "text/tokenizer.h"

namespace burin {

// chat: {"content": [{token, logprob, bytes, top_logprobs: [...]}], "refusal": null}.
void WriteChatLogprobs(const Tokenizer& tokenizer, std::span<const TokenEntry> tokens,
                       JsonWriter& json);

// One token of a text completion: its name, where it begins in characters, and what is known of it
// (null: nothing, as of a prompt's first token).
struct CompletionToken {
  std::string name;
  int64_t offset;
  const NewToken* known;
};
// completions: {tokens, token_logprobs, top_logprobs, text_offset}.
void WriteCompletionLogprobs(const Tokenizer& tokenizer, std::span<const CompletionToken> tokens,
                             JsonWriter& json);

// llama.cpp: [{id, token, bytes, logprob, top_logprobs: [...]}].
void WriteLlamaLogprobs(const Tokenizer& tokenizer, std::span<const TokenEntry> tokens,
                        JsonWriter& json);

// A token's text; one that is not UTF-8 as OpenAI writes it: "bytes:\xe2\x80".
std::string TokenName(const Tokenizer& tokenizer, int32_t id);

// Characters (code points; wrong bytes count one each) of a text.
int64_t CountCharacters(std::string_view text);

}  // namespace burin
