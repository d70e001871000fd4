#include "serve/openai_answer.h"

namespace burin {
namespace {

std::string HeadOf(const App& app, const GenerationFields& fields, std::string_view id,
                   std::string_view object) {
  JsonWriter json;
  json.BeginObject().Field("id", id).Field("object", object);
  json.Field("created", SecondsSinceEpoch());
  json.Field("model", fields.model.empty() ? app.id : fields.model);
  json.Field("system_fingerprint", "fp_" + app.digest.substr(0, 12)).Key("choices").BeginArray();
  return json.Take();
}

}  // namespace

OpenAiAnswer::OpenAiAnswer(const App& app, Call call, const GenerationFields& fields,
                           std::string_view prefix, std::string_view object, std::string_view chunk)
    : ServedAnswer(app, std::move(call), fields) {
  const std::string id = RandomId(prefix);
  whole_head_ = HeadOf(app, fields, id, object);
  chunk_head_ = HeadOf(app, fields, id, chunk);
}

std::string OpenAiAnswer::EndWhole(Choice& timed, JsonWriter& json) {
  json.EndArray().Key("usage");
  WriteUsage(json);
  WriteTimings(timed, json);
  json.EndObject();
  return json.Take();
}

void OpenAiAnswer::EndChunk(Choice* timed, JsonWriter& json, std::string& out) {
  json.EndArray();
  if (timed != nullptr) WriteTimings(*timed, json);
  if (fields_.include_usage) json.NullField("usage");
  json.EndObject();
  AppendEvent(json.Take(), out);
}

void OpenAiAnswer::WriteEnd(std::string& out) {
  if (fields_.include_usage) {
    JsonWriter json = BeginChunk();
    json.EndArray().Key("usage");
    WriteUsage(json);
    json.EndObject();
    AppendEvent(json.Take(), out);
  }
  AppendEvent("[DONE]", out);
}

}  // namespace burin
