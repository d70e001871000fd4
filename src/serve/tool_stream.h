// From an answer's text to what a chat message holds: content, and calls of tools in pieces.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "serve/chat_request.h"

namespace burin {

// A piece of a call. The first one of a call has id and name; arguments are JSON text, in pieces.
struct CallDelta {
  size_t index = 0;
  std::string id = {}, name = {};  // empty: a later piece
  std::string arguments = {};
};

struct MessageDelta {
  std::string content;
  std::vector<CallDelta> calls;
  bool empty() const { return content.empty() && calls.empty(); }
};

class ToolStream {
 public:
  virtual ~ToolStream() = default;
  virtual MessageDelta Push(std::string_view text) = 0;
  virtual MessageDelta Finish() = 0;  // the text ends here

  // `syntax` is the model's own, for kAuto.
  static std::unique_ptr<ToolStream> Create(const ToolUse& use, ToolSyntax syntax);
};

}  // namespace burin
