#include "serve/tool_stream.h"

#include "serve/app.h"
#include "serve/json_view.h"
#include "text/tool_calls.h"

namespace burin {
namespace {

class PlainText final : public ToolStream {
 public:
  MessageDelta Push(std::string_view text) override { return {std::string(text), {}}; }
  MessageDelta Finish() override { return {}; }
};

// Calls in the model's own syntax, where it makes some.
class OwnSyntax final : public ToolStream {
 public:
  explicit OwnSyntax(ToolSyntax syntax) : parser_(syntax) {}
  MessageDelta Push(std::string_view text) override { return Of(parser_.Push(text)); }
  MessageDelta Finish() override { return Of(parser_.Finish()); }

 private:
  static MessageDelta Of(const std::vector<OutputDelta>& pieces) {
    MessageDelta delta;
    for (const OutputDelta& piece : pieces) {
      const auto index = static_cast<size_t>(piece.index);
      if (piece.kind == OutputDelta::Kind::kText) {
        delta.content += piece.text;
      } else if (piece.kind == OutputDelta::Kind::kCall) {
        delta.calls.push_back({index, RandomId("call_"), piece.text, {}});
      } else {
        delta.calls.push_back({index, {}, {}, piece.text});
      }
    }
    return delta;
  }
  ToolCallParser parser_;
};

// The whole text is the arguments.
class NamedCall final : public ToolStream {
 public:
  explicit NamedCall(std::string name) : name_(std::move(name)) {}
  MessageDelta Push(std::string_view text) override {
    CallDelta delta{0, {}, {}, std::string(text)};
    if (!begun_) delta.id = RandomId("call_"), delta.name = name_;
    begun_ = true;
    return {{}, {std::move(delta)}};
  }
  MessageDelta Finish() override { return begun_ ? MessageDelta{} : Push(""); }

 private:
  const std::string name_;
  bool begun_ = false;
};

// {"name": NAME, "arguments": OBJECT}, which the constraint sees to; OBJECT goes on as it comes.
class RequiredCall final : public ToolStream {
 public:
  MessageDelta Push(std::string_view text) override {
    MessageDelta delta;
    for (const char c : text) Take(c, delta);
    return delta;
  }
  MessageDelta Finish() override { return {}; }

 private:
  // The outer object is read up to the value of "arguments" as a whole; then braces are counted.
  void Take(char c, MessageDelta& delta) {
    if (!begun_) {
      head_ += c;
      if (c == '{' && IsHead(delta)) begun_ = true, depth_ = 1;
      return;
    }
    if (depth_ == 0) return;  // the outer object's end
    if (delta.calls.empty()) delta.calls.emplace_back();
    delta.calls.front().arguments += c;
    if (quoted_) {
      if (escaped_) {
        escaped_ = false;
      } else if (c == '\\') {
        escaped_ = true;
      } else if (c == '"') {
        quoted_ = false;
      }
    } else if (c == '"') {
      quoted_ = true;
    } else if (c == '{' || c == '[') {
      ++depth_;
    } else if (c == '}' || c == ']') {
      --depth_;
    }
  }

  // True when head_ is the outer object up to and with the '{' of the arguments.
  bool IsHead(MessageDelta& delta) {
    const auto document = JsonDocument::Parse(head_ + "}}");
    if (!document || !(**document)["arguments"].is_object()) return false;
    std::string name;
    (**document)["name"].Read(name);
    delta.calls.push_back({0, RandomId("call_"), name, "{"});
    return true;
  }

  std::string head_;
  bool begun_ = false, quoted_ = false, escaped_ = false;
  int depth_ = 0;
};

}  // namespace

std::unique_ptr<ToolStream> ToolStream::Create(const ToolUse& use, ToolSyntax syntax) {
  switch (use.mode) {
    case ToolUse::Mode::kNamed:
      return std::make_unique<NamedCall>(use.name);
    case ToolUse::Mode::kRequired:
      return std::make_unique<RequiredCall>();
    case ToolUse::Mode::kAuto:
      return std::make_unique<OwnSyntax>(syntax);
    default:
      return std::make_unique<PlainText>();
  }
}

}  // namespace burin
