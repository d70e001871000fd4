// A compiled regular expression of a pre-tokenizer, with the meaning that Oniguruma gives it in
// Hugging Face tokenizers, run by PCRE2 (just-in-time compiled where the machine allows).
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace burin {

struct PatternMatch {
  size_t begin;
  size_t end;
};

class Regex {
 public:
  // What one thread needs to search; not shared between threads.
  class Searcher;

  // Compiles `pattern` (at most kMaxPatternBytes). \s, \w and their complements mean the same
  // characters as in Oniguruma; ^ and $ stand at line ends.
  // Errors: kBadInput for a pattern that is too long, wrong, or uses what the two engines read
  // differently (\h, \K, \Q, nested classes, verbs).
  static Result<Regex> Compile(std::string_view pattern, const std::string& object);

  Regex(Regex&&) noexcept;
  Regex& operator=(Regex&&) noexcept;
  ~Regex();

 private:
  struct Impl;
  explicit Regex(std::unique_ptr<const Impl> impl);
  std::unique_ptr<const Impl> impl_;
};

class Regex::Searcher {
 public:
  explicit Searcher(const Regex& regex);
  Searcher(Searcher&&) noexcept;
  ~Searcher();

  // The first match in `text` at or after `from`, or false. `text` must be valid UTF-8 and `from`
  // a character boundary. A pattern that exceeds its step or memory limit does not match, from
  // then on for every call: a hostile pattern costs one limit, not one for each character.
  bool Find(std::string_view text, size_t from, PatternMatch* match);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Rewrites `pattern` for PCRE2: see Compile.
Result<std::string> TranslatePattern(std::string_view pattern, const std::string& object);

}  // namespace burin
