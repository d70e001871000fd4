// Any bytes as a model's output: however it is cut into pieces, the same text and calls come out.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>

#include "text/tool_calls.h"

namespace {

std::string Parsed(burin::ToolSyntax syntax, std::string_view output, size_t piece) {
  burin::ToolCallParser parser(syntax);
  std::string result;
  char last = 0;
  const auto add = [&](const std::vector<burin::OutputDelta>& deltas) {
    for (const burin::OutputDelta& delta : deltas) {
      const char kind = static_cast<char>('0' + static_cast<int>(delta.kind));
      if (kind != last || kind == '1') result += kind;
      last = kind;
      result += delta.text;
    }
  };
  for (size_t i = 0; i < output.size(); i += piece) add(parser.Push(output.substr(i, piece)));
  add(parser.Finish());
  return result;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2 || size > 4096) return 0;
  const auto syntax = static_cast<burin::ToolSyntax>(data[0] % 4);
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const std::string whole = Parsed(syntax, text, size);
  for (const size_t piece : {size_t{1}, size_t{3}}) {
    if (Parsed(syntax, text, piece) != whole) __builtin_trap();
  }
  return 0;
}
