// Calls of tools in what a model writes: found while the text comes, and forced by a constraint.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/constraint.h"

namespace burin {

// What one piece of output adds. Of one call, first comes `name` with its `index`, then pieces of
// its arguments, whose texts joined are the JSON text that the model wrote.
struct OutputDelta {
  enum class Kind : uint8_t { kText, kCall, kArguments };
  Kind kind = Kind::kText;
  std::string text;   // kText: of the answer; kCall: the name of the function; kArguments: a piece
  int32_t index = 0;  // of the call: 0, 1, ...
};

// Splits a model's output into text and calls, piece by piece. What is no call in the end, because
// its JSON is wrong or has no name, is given as text: nothing is lost.
class ToolCallParser {
 public:
  explicit ToolCallParser(ToolSyntax syntax);
  ~ToolCallParser();
  ToolCallParser(ToolCallParser&&) noexcept;
  ToolCallParser& operator=(ToolCallParser&&) noexcept;

  // The marks that are part of the syntax. Where one is a special token, its text must be pushed
  // too, although decoders leave special tokens out.
  static const std::vector<std::string>& Marks(ToolSyntax syntax);

  // What `text`, the next piece of the output, makes sure of.
  std::vector<OutputDelta> Push(std::string_view text);
  // What was held back, at the end of the output.
  std::vector<OutputDelta> Finish();

  // Calls so far. With one or more, the reason of the end is "tool_calls".
  int32_t calls() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// A call that must come: the ids of `prefix` are put behind the prompt, and pushed into the parser
// as text; the model then goes on inside `constraint`.
struct ForcedToolCall {
  std::string prefix;
  std::vector<int32_t> prefix_ids;
  Constraint constraint;
};

// One call of one of `tools` (JSON texts of {"type": "function", "function": {...}}), or, if it is
// not empty, of the one called `name`, with arguments that fit its `parameters`.
// Errors: kBadInput: no tools, none of that name, parameters that FromJsonSchema refuses.
Result<ForcedToolCall> ForceToolCall(ToolSyntax syntax, const std::vector<std::string>& tools,
                                     std::string_view name, const Tokenizer& tokenizer,
                                     const ConstraintVocabulary& vocabulary);

}  // namespace burin
