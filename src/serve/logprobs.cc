#include "serve/logprobs.h"

#include <fmt/format.h>

#include <algorithm>

#include "text/utf8.h"

namespace burin {
namespace {

void WriteBytes(std::string_view text, JsonWriter& json) {
  json.Key("bytes").BeginArray();
  for (const char c : text) json.Int(static_cast<unsigned char>(c));
  json.EndArray();
}

void WriteLogprob(const Tokenizer& tokenizer, int32_t id, double logprob, bool with_id,
                  JsonWriter& json) {
  if (with_id) json.Field("id", id);
  const std::string_view text = tokenizer.TokenText(id);
  json.Field("token", text).Field("logprob", logprob);
  WriteBytes(text, json);
}

void WriteEntries(const Tokenizer& tokenizer, std::span<const TokenEntry> tokens, bool with_id,
                  JsonWriter& json) {
  json.BeginArray();
  for (const TokenEntry& entry : tokens) {
    json.BeginObject();
    WriteLogprob(tokenizer, entry.token.id, entry.token.logprob, with_id, json);
    json.Key("top_logprobs").BeginArray();
    for (const TokenLogProb& top : entry.token.top) {
      json.BeginObject();
      WriteLogprob(tokenizer, top.id, top.log_prob, with_id, json);
      json.EndObject();
    }
    json.EndArray().EndObject();
  }
  json.EndArray();
}

}  // namespace

int64_t CountCharacters(std::string_view text) {
  int64_t count = 0;
  for (size_t i = 0; i < text.size(); i += NextUtf8(text, i).length) ++count;
  return count;
}

std::string TokenName(const Tokenizer& tokenizer, int32_t id) {
  const std::string_view text = tokenizer.TokenText(id);
  if (IsValidUtf8(text)) return std::string(text);
  std::string name = "bytes:";
  for (const char c : text) name += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return name;
}

void WriteChatLogprobs(const Tokenizer& tokenizer, std::span<const TokenEntry> tokens,
                       JsonWriter& json) {
  json.BeginObject().Key("content");
  WriteEntries(tokenizer, tokens, false, json);
  json.NullField("refusal").EndObject();
}

void WriteLlamaLogprobs(const Tokenizer& tokenizer, std::span<const TokenEntry> tokens,
                        JsonWriter& json) {
  WriteEntries(tokenizer, tokens, true, json);
}

void WriteCompletionLogprobs(const Tokenizer& tokenizer, std::span<const CompletionToken> tokens,
                             JsonWriter& json) {
  json.BeginObject().Key("tokens").BeginArray();
  for (const CompletionToken& token : tokens) json.String(token.name);
  json.EndArray().Key("token_logprobs").BeginArray();
  for (const CompletionToken& token : tokens) {
    token.known == nullptr ? json.Null() : json.Number(token.known->logprob);
  }
  json.EndArray().Key("top_logprobs").BeginArray();
  for (const CompletionToken& token : tokens) {
    if (token.known == nullptr) {
      json.Null();
      continue;
    }
    // The chosen token is always among them, as OpenAI has it.
    json.BeginObject();
    std::vector<std::string> names;
    auto add = [&](std::string name, double logprob) {
      if (std::ranges::find(names, name) != names.end()) return;
      json.Field(name, logprob);
      names.push_back(std::move(name));
    };
    for (const TokenLogProb& top : token.known->top) {
      add(TokenName(tokenizer, top.id), top.log_prob);
    }
    add(token.name, token.known->logprob);
    json.EndObject();
  }
  json.EndArray().Key("text_offset").BeginArray();
  for (const CompletionToken& token : tokens) json.Int(token.offset);
  json.EndArray().EndObject();
}

}  // namespace burin
