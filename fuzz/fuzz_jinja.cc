// Any bytes as a chat template: parsing and rendering end soon, without a crash.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "text/jinja/from_json.h"
#include "text/jinja/template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using burin::jinja::Template;
  static const auto variables = burin::jinja::FromJson(
      R"({"messages": [{"role": "user", "content": " Hé <|end|> "}, {"role": "tool", "content": "x",)"
      R"( "tool_calls": [{"function": {"name": "f", "arguments": {"a": [1, 2.5, null, true]}}}]}],)"
      R"( "tools": null, "bos_token": "<s>", "add_generation_prompt": true, "n": 3})",
      "variables");
  const auto parsed = Template::Parse({reinterpret_cast<const char*>(data), size}, "template");
  if (!parsed) return 0;
  const burin::jinja::Limits limits{20'000, size_t{1} << 22, size_t{1} << 20, 400};
  const auto text = parsed->Render(*variables->AsDict(), limits);
  if (text && text->size() > limits.output_bytes) __builtin_trap();
  return 0;
}
