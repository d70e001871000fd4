// POST /tokenize and /detokenize, in llama.cpp's and in vLLM's fields; GET /tokenizer_info.
#include <fmt/format.h>

#include "serve/chat_request.h"
#include "serve/endpoints.h"
#include "serve/json_view.h"
#include "serve/json_writer.h"
#include "text/utf8.h"

namespace burin {
namespace {

struct TokenizeFields {
  std::vector<int32_t> ids;
  bool with_pieces = false;
};

ApiResult<TokenizeFields> ReadTokenize(const App& app, const Call& call) {
  BURIN_API_ASSIGN(const auto document, JsonDocument::Parse(call.request.body));
  const JsonView root = document->root();
  TokenizeFields out;
  root["with_pieces"].Read(out.with_pieces);
  root["return_token_strs"].Read(out.with_pieces);
  if (root["messages"].exists()) {
    Conversation conversation;
    ReadConversation(root, conversation);
    BURIN_API_TRY(document->Check());
    BURIN_API_ASSIGN(out.ids, EncodeConversation(app, conversation));
    return out;
  }
  EncodeOptions options;
  std::string text;
  const bool llama = root["content"].exists();
  options.add_special = !llama;
  root[llama ? "add_special" : "add_special_tokens"].Read(options.add_special);
  root["parse_special"].Read(options.parse_special);
  const JsonView field = root[llama ? "content" : "prompt"];
  field.Require();
  field.Read(text);
  BURIN_API_TRY(document->Check());
  out.ids = app.tokenizer.Encode(text, options);
  return out;
}

void WritePiece(const Tokenizer& tokenizer, int32_t id, JsonWriter& json) {
  const std::string_view text = tokenizer.TokenText(id);
  json.BeginObject().Field("id", id).Key("piece");
  if (IsValidUtf8(text)) {
    json.String(text);
  } else {  // llama.cpp: the bytes
    json.BeginArray();
    for (const char c : text) json.Int(static_cast<unsigned char>(c));
    json.EndArray();
  }
  json.EndObject();
}

}  // namespace

void Tokenize(const App& app, const Call& call) {
  const auto fields = ReadTokenize(app, call);
  if (!fields) return call.Fail(fields.error());
  JsonWriter json;
  json.BeginObject().Field("count", fields->ids.size());
  json.Field("max_model_len", app.model.context).Key("tokens").BeginArray();
  for (const int32_t id : fields->ids) {
    if (fields->with_pieces) {
      WritePiece(app.tokenizer, id, json);
    } else {
      json.Int(id);
    }
  }
  json.EndArray();
  if (fields->with_pieces) {
    json.Key("token_strs").BeginArray();
    for (const int32_t id : fields->ids) json.String(app.tokenizer.TokenText(id));
    json.EndArray();
  }
  json.EndObject();
  call.RespondJson(json.Take());
}

void Detokenize(const App& app, const Call& call) {
  const auto document = JsonDocument::Parse(call.request.body);
  if (!document) return call.Fail(document.error());
  std::vector<int32_t> ids;
  (**document)["tokens"].Require();
  (**document)["tokens"].ReadIds(ids, app.model.config.vocab);
  if (const auto good = (*document)->Check(); !good) return call.Fail(good.error());
  const std::string text = app.tokenizer.Decode(ids, /*skip_special=*/false);
  JsonWriter json;
  json.BeginObject().Field("content", text).Field("prompt", text).EndObject();
  call.RespondJson(json.Take());
}

void TokenizerInfo(const App& app, const Call& call) {
  JsonWriter json;
  json.BeginObject().Field("tokenizer_class", "PreTrainedTokenizerFast");
  json.Field("vocab_size", app.tokenizer.vocab_size());
  json.Field("model_max_length", app.model.context);
  json.Key("bos_token");
  app.tokenizer.bos_id() ? json.String(app.tokenizer.bos_text()) : json.Null();
  json.Field("eos_token", app.tokenizer.eos_text());
  json.NullField("pad_token");
  json.Key("eos_token_ids").BeginArray();
  for (const int32_t id : app.EndIds()) json.Int(id);
  json.EndArray();
  json.Key("chat_template");
  app.tokenizer.chat_template().empty() ? json.Null() : json.String(app.tokenizer.chat_template());
  json.EndObject();
  call.RespondJson(json.Take());
}

}  // namespace burin
