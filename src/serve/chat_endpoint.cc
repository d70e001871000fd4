// POST /v1/chat/completions.
#include <fmt/format.h>

#include "serve/chat_request.h"
#include "serve/endpoints.h"
#include "serve/logprobs.h"
#include "serve/openai_answer.h"
#include "serve/prompt.h"
#include "serve/tool_stream.h"

namespace burin {
namespace {

struct CallSoFar {
  std::string id, name, arguments;
};

// What a choice's message holds beside its text.
struct Message {
  std::unique_ptr<ToolStream> stream;
  std::string content;
  std::vector<CallSoFar> calls;
};

class ChatAnswer final : public OpenAiAnswer {
 public:
  ChatAnswer(const App& app, Call call, const ChatFields& fields)
      : OpenAiAnswer(app, std::move(call), fields.common, "chatcmpl-", "chat.completion",
                     "chat.completion.chunk") {
    const ToolSyntax syntax = app.chat ? app.chat->tool_syntax() : ToolSyntax::kNone;
    for (int64_t i = 0; i < fields.common.n; ++i) {
      messages_.push_back({ToolStream::Create(fields.tools, syntax), {}, {}});
    }
  }

 protected:
  void WritePiece(size_t index, const AnswerText::Piece& piece, bool first, bool last,
                  std::string& out) override {
    const Choice& choice = choices_[index];
    Message& message = messages_[index];
    if (first) {
      Event(index, R"({"role":"assistant","content":"","refusal":null})", nullptr, false, out);
    }
    MessageDelta delta = message.stream->Push(piece.text);
    if (last) Append(message.stream->Finish(), delta);
    if (!delta.content.empty() || (delta.calls.empty() && !piece.tokens.empty())) {
      JsonWriter json;
      json.BeginObject().Field("content", delta.content).EndObject();
      Event(index, json.Take(), &piece, false, out);
    }
    for (const CallDelta& call : delta.calls) {
      if (!call.name.empty()) message.calls.push_back({call.id, call.name, {}});
      Event(index, CallJson(call), nullptr, false, out);
    }
    if (last) {
      finish_ = FinishReason(choice, message);
      Event(index, "{}", nullptr, true, out);
    }
  }

  std::string WriteWhole() override {
    JsonWriter json = BeginWhole();
    for (size_t i = 0; i < choices_.size(); ++i) {
      const Choice& choice = choices_[i];
      Message& message = messages_[i];
      MessageDelta delta = message.stream->Push(choice.text.text());
      Append(message.stream->Finish(), delta);
      message.content = delta.content;
      for (CallDelta& call : delta.calls) {
        if (!call.name.empty()) message.calls.push_back({call.id, call.name, {}});
        if (!message.calls.empty()) message.calls.back().arguments += call.arguments;
      }
      json.BeginObject().Field("index", static_cast<int64_t>(i)).Key("message");
      WriteMessage(message, json);
      WriteLogprobs(choice.tokens, json);
      json.Field("finish_reason", FinishReason(choice, message)).EndObject();
    }
    return EndWhole(choices_.front(), json);
  }

 private:
  static void Append(MessageDelta more, MessageDelta& delta) {
    delta.content += more.content;
    for (CallDelta& call : more.calls) delta.calls.push_back(std::move(call));
  }

  static std::string FinishReason(const Choice& choice, const Message& message) {
    return choice.finish_reason == "stop" && !message.calls.empty() ? "tool_calls"
                                                                    : choice.finish_reason;
  }

  static std::string CallJson(const CallDelta& call) {
    JsonWriter json;
    json.BeginObject().Key("tool_calls").BeginArray().BeginObject();
    json.Field("index", call.index);
    if (!call.name.empty()) json.Field("id", call.id).Field("type", "function");
    json.Key("function").BeginObject();
    if (!call.name.empty()) json.Field("name", call.name);
    json.Field("arguments", call.arguments).EndObject().EndObject().EndArray().EndObject();
    return json.Take();
  }

  static void WriteMessage(const Message& message, JsonWriter& json) {
    json.BeginObject().Field("role", "assistant").Key("content");
    message.content.empty() && !message.calls.empty() ? json.Null() : json.String(message.content);
    json.NullField("refusal");
    if (!message.calls.empty()) {
      json.Key("tool_calls").BeginArray();
      for (const CallSoFar& call : message.calls) {
        json.BeginObject().Field("id", call.id).Field("type", "function").Key("function");
        json.BeginObject().Field("name", call.name).Field("arguments", call.arguments);
        json.EndObject().EndObject();
      }
      json.EndArray();
    }
    json.EndObject();
  }

  void WriteLogprobs(std::span<const TokenEntry> tokens, JsonWriter& json) const {
    json.Key("logprobs");
    if (fields_.logprobs >= 0) {
      WriteChatLogprobs(app_.tokenizer, tokens, json);
    } else {
      json.Null();
    }
  }

  // One chunk. `piece` gives the log-probabilities; null: none.
  void Event(size_t index, std::string_view delta, const AnswerText::Piece* piece, bool last,
             std::string& out) {
    JsonWriter json = BeginChunk();
    json.BeginObject().Field("index", static_cast<int64_t>(index)).Key("delta").Raw(delta);
    if (piece != nullptr) {
      WriteLogprobs(piece->tokens, json);
    } else {
      json.NullField("logprobs");
    }
    json.Key("finish_reason");
    last ? json.String(finish_) : json.Null();
    json.EndObject();
    Choice& choice = choices_[index];
    EndChunk(piece != nullptr || last ? TimedIn(choice, last) : nullptr, json, out);
  }

  std::vector<Message> messages_;
  std::string finish_;
};

ApiResult<std::shared_ptr<ChatAnswer>> PrepareChat(const App& app, const Call& call) {
  BURIN_API_ASSIGN(const auto document, JsonDocument::Parse(call.request.body));
  ChatFields fields;
  ReadChat(document->root(), app, fields);
  BURIN_API_TRY(document->Check());
  BURIN_API_ASSIGN(std::vector<int32_t> ids, EncodeConversation(app, fields.conversation));
  if (fields.prefix) {
    const auto more =
        app.tokenizer.Encode(*fields.prefix, {.add_special = false, .parse_special = false});
    ids.insert(ids.end(), more.begin(), more.end());
  }
  // A constrained text must be able to end.
  if (!fields.common.ignore_eos || fields.common.format.kind != OutputFormat::Kind::kText) {
    const auto& ends = app.chat->stop_ids();
    fields.common.stop_ids.insert(fields.common.stop_ids.end(), ends.begin(), ends.end());
  }
  auto answer = std::make_shared<ChatAnswer>(app, call, fields);
  for (int64_t i = 0; i < fields.common.n; ++i) {
    BURIN_API_ASSIGN(SequenceRequest request,
                     MakeSequence(ids, fields.common, app, call, "messages"));
    request.stream = static_cast<uint64_t>(i);
    answer->Add(std::move(request), fields.prefix.has_value());
  }
  return answer;
}

}  // namespace

void ChatCompletions(const App& app, const Call& call) {
  const auto answer = PrepareChat(app, call);
  if (!answer) return call.Fail(answer.error());
  (*answer)->Start();
}

void ApplyTemplate(const App& app, const Call& call) {
  const auto document = JsonDocument::Parse(call.request.body);
  if (!document) return call.Fail(document.error());
  Conversation conversation;
  ReadConversation((*document)->root(), conversation);
  if (const auto good = (*document)->Check(); !good) return call.Fail(good.error());
  const auto ids = EncodeConversation(app, conversation);
  if (!ids) return call.Fail(ids.error());
  JsonWriter json;
  json.BeginObject()
      .Field("prompt", app.tokenizer.Decode(*ids, /*skip_special=*/false))
      .EndObject();
  call.RespondJson(json.Take());
}

}  // namespace burin
