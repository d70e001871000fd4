// A chat template: the part of Jinja2 that the templates of Llama, Qwen, Mistral, SmolLM and
// TinyLlama models use, in a sandbox. docs/chat-templates.md lists what is there.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/value.h"

namespace burin::jinja {

// What one rendering may use; more is an error.
struct Limits {
  int64_t steps = 4'000'000;         // nodes of the template run, items of lists made
  size_t bytes = size_t{256} << 20;  // of all texts made on the way
  size_t output_bytes = size_t{32} << 20;
  int depth = 400;  // expressions and macros inside each other
};

// Const once parsed: may be rendered by many threads. Copies share the tree.
class Template {
 public:
  // Parses `source`; `name` stands in errors.
  // Errors: kBadInput with the line, for a wrong syntax and for what is not supported.
  static Result<Template> Parse(std::string_view source, const std::string& name);

  // The text with `globals` as variables.
  // Errors: kBadInput with the line: an operation that Python refuses, an unknown filter or
  // function, raise_exception, or a limit.
  Result<MarkedText> Render(const Dict& globals, const Limits& limits = {}) const;

 private:
  struct Tree;
  explicit Template(std::shared_ptr<const Tree> tree) : tree_(std::move(tree)) {}
  std::shared_ptr<const Tree> tree_;
};

}  // namespace burin::jinja
