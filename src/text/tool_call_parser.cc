#include <algorithm>
#include <utility>

#include "text/call_scanner.h"
#include "text/tool_calls.h"

namespace burin {
namespace {

bool IsSpace(char c) { return c == ' ' || c == '\n' || c == '\t' || c == '\r'; }

constexpr std::string_view kOpenTag = "<tool_call>", kCloseTag = "</tool_call>";
constexpr std::string_view kMistralMark = "[TOOL_CALLS]", kMistralArguments = "[ARGS]";
constexpr std::string_view kPythonTag = "<|python_tag|>";

// How much of the end of `text` may be the begin of `mark`.
size_t Overlap(std::string_view text, std::string_view mark) {
  size_t size = std::min(text.size(), mark.size() - 1);
  while (size > 0 && text.substr(text.size() - size) != mark.substr(0, size)) --size;
  return size;
}

}  // namespace

struct ToolCallParser::State {
  enum class Mode {
    kStart,    // nothing but white space yet: a bare call may begin
    kText,     // looking for a mark
    kCalls,    // behind a mark, between calls
    kObject,   // inside of an object that may be a call
    kNamed,    // Mistral: behind a mark, inside of name[ARGS]{...}
    kBetween,  // behind a bare call
  };

  explicit State(ToolSyntax the_syntax)
      : syntax(the_syntax), mode(Bare() ? Mode::kStart : Mode::kText) {}

  bool Bare() const { return syntax == ToolSyntax::kBare || syntax == ToolSyntax::kNone; }
  std::string_view Mark() const { return syntax == ToolSyntax::kTagged ? kOpenTag : kMistralMark; }

  const ToolSyntax syntax;
  Mode mode;
  std::string in;   // not looked at yet
  std::string raw;  // looked at, and text if it turns out to be no call
  std::string arguments;
  CallScanner scanner;
  bool announced = false;  // the present object is a call
  bool in_list = false;
  bool named = false;  // the present call came as name[ARGS]{...}
  int32_t calls = 0;
  std::vector<OutputDelta> out;

  void Text(std::string_view text) {
    if (text.empty()) return;
    if (!out.empty() && out.back().kind == OutputDelta::Kind::kText) {
      out.back().text += text;
    } else {
      out.push_back({OutputDelta::Kind::kText, std::string(text), 0});
    }
  }
  void Arguments(std::string text) {
    if (text.empty()) return;
    if (!out.empty() && out.back().kind == OutputDelta::Kind::kArguments) {
      out.back().text += text;
    } else {
      out.push_back({OutputDelta::Kind::kArguments, std::move(text), calls - 1});
    }
  }
  void Announce(std::string name) {
    announced = true;
    raw.clear();
    out.push_back({OutputDelta::Kind::kCall, std::move(name), calls++});
  }
  // It was no call.
  void GiveUp() {
    Text(std::exchange(raw, {}));
    mode = Mode::kText;
    in_list = false;
  }
  void BeginObject() {
    scanner = CallScanner();
    announced = false;
    mode = Mode::kObject;
  }
  char TakeRaw() {
    const char c = in[0];
    raw += c;
    in.erase(0, 1);
    return c;
  }

  // Each looks at the begin of `in`; false when it must wait for more.
  bool Step() {
    switch (mode) {
      case Mode::kStart:
        return StepStart();
      case Mode::kText:
        return StepText();
      case Mode::kCalls:
        return StepCalls();
      case Mode::kObject:
        return StepObject();
      case Mode::kNamed:
        return StepNamed();
      case Mode::kBetween:
        return StepBetween();
    }
    return false;
  }

  bool StepStart() {
    if (in.empty()) return false;
    if (IsSpace(in[0])) {
      TakeRaw();
    } else if (in[0] == '{') {
      BeginObject();
    } else if (in.starts_with(kPythonTag)) {
      raw += kPythonTag;
      in.erase(0, kPythonTag.size());
    } else if (kPythonTag.starts_with(in)) {
      return false;
    } else {
      GiveUp();
    }
    return true;
  }

  bool StepText() {
    if (Bare()) {
      Text(std::exchange(in, {}));
      return false;
    }
    const size_t hit = in.find(Mark());
    if (hit != std::string::npos) {
      size_t end = hit;
      while (end > 0 && IsSpace(in[end - 1])) --end;
      Text(std::string_view(in).substr(0, end));
      raw = in.substr(end, hit + Mark().size() - end);
      in.erase(0, hit + Mark().size());
      mode = Mode::kCalls;
      return true;
    }
    // White space before a mark belongs to the mark.
    size_t keep = in.size() - Overlap(in, Mark());
    while (keep > 0 && IsSpace(in[keep - 1])) --keep;
    Text(std::string_view(in).substr(0, keep));
    in.erase(0, keep);
    return false;
  }

  bool StepCalls() {
    if (in.empty()) return false;
    const char c = in[0];
    if (IsSpace(c) || (in_list && c == ',')) {
      TakeRaw();
    } else if (c == '{') {
      BeginObject();
    } else if (c == '[' && !in_list) {
      TakeRaw();
      in_list = true;
    } else if (c == ']' && in_list) {
      TakeRaw();
      in_list = false;
      if (syntax == ToolSyntax::kMistral) EndCalls();
    } else if (syntax == ToolSyntax::kTagged && in.starts_with(kCloseTag)) {
      raw += kCloseTag;
      in.erase(0, kCloseTag.size());
      EndCalls();
    } else if (syntax == ToolSyntax::kTagged && kCloseTag.starts_with(in)) {
      return false;
    } else if (syntax == ToolSyntax::kMistral && !in_list) {
      arguments.clear();
      mode = Mode::kNamed;
    } else {
      GiveUp();
    }
    return true;
  }
  // Behind the last call of a mark. Without a call, it all was text.
  void EndCalls() {
    if (announced) raw.clear();
    announced = false;
    GiveUp();
  }

  bool StepObject() {
    if (in.empty()) return false;
    const std::string chunk = std::exchange(in, {});
    size_t used = 0;
    while (used < chunk.size() && mode == Mode::kObject) PushObject(chunk[used++]);
    in = chunk.substr(used);
    return true;
  }

  void PushObject(char c) {
    raw += c;
    const bool good = scanner.Push(c);
    if (!announced && scanner.has_name() && scanner.has_arguments()) Announce(scanner.name());
    if (announced) Arguments(scanner.TakeArguments());
    if (good && scanner.done() && !announced && scanner.has_name() && !Bare()) {
      Announce(scanner.name());
      Arguments("{}");
    }
    if (announced) raw.clear();
    if (!good || (scanner.done() && !announced)) {
      GiveUp();
    } else if (named && scanner.between_values()) {
      named = false;
      EndCalls();
    } else if (scanner.done()) {
      mode = Bare() ? Mode::kBetween : Mode::kCalls;
    }
  }

  // name[ARGS]{...}
  bool StepNamed() {
    const size_t brace = in.find('{');
    if (brace == std::string::npos) return false;
    std::string name = in.substr(0, brace);
    name.erase(std::min(name.find('['), name.size()));
    while (!name.empty() && IsSpace(name.back())) name.pop_back();
    in.erase(0, brace);
    if (name.empty()) {
      GiveUp();
      return true;
    }
    // Read on as an object that has the arguments only.
    BeginObject();
    for (const char c : std::string_view("{\"arguments\":")) scanner.Push(c);
    Announce(std::move(name));
    named = true;
    return true;
  }

  bool StepBetween() {
    if (in.empty()) return false;
    if (IsSpace(in[0]) || in[0] == ';' || in[0] == ',') {
      TakeRaw();
    } else if (in[0] == '{') {
      BeginObject();
    } else {
      GiveUp();
    }
    return true;
  }

  std::vector<OutputDelta> Take() { return std::exchange(out, {}); }
};

ToolCallParser::ToolCallParser(ToolSyntax syntax) : state_(std::make_unique<State>(syntax)) {}
ToolCallParser::~ToolCallParser() = default;
ToolCallParser::ToolCallParser(ToolCallParser&&) noexcept = default;
ToolCallParser& ToolCallParser::operator=(ToolCallParser&&) noexcept = default;

const std::vector<std::string>& ToolCallParser::Marks(ToolSyntax syntax) {
  static const std::vector<std::string> kTagged = {std::string(kOpenTag), std::string(kCloseTag)};
  static const std::vector<std::string> kMistral = {std::string(kMistralMark),
                                                    std::string(kMistralArguments)};
  static const std::vector<std::string> kBare = {std::string(kPythonTag)};
  if (syntax == ToolSyntax::kTagged) return kTagged;
  return syntax == ToolSyntax::kMistral ? kMistral : kBare;
}

std::vector<OutputDelta> ToolCallParser::Push(std::string_view text) {
  state_->in += text;
  while (state_->Step()) {
  }
  return state_->Take();
}

std::vector<OutputDelta> ToolCallParser::Finish() {
  State& state = *state_;
  if (state.announced) state.raw.clear();
  state.Text(std::exchange(state.raw, {}));
  state.Text(std::exchange(state.in, {}));
  return state.Take();
}

int32_t ToolCallParser::calls() const { return state_->calls; }

}  // namespace burin
