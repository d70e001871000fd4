// Cuts a text into the words that BPE then works on, one by one.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "text/definition.h"
#include "text/regex.h"

namespace burin {

class PreTokenizer {
 public:
  using WordSink = std::function<void(std::string_view)>;
  // One thread's working memory, for one call of Encode.
  using Scratch = std::vector<Regex::Searcher>;

  // Errors: those of Regex::Compile.
  static Result<PreTokenizer> Build(std::vector<PreTokenizerStep> steps, const std::string& object);

  Scratch MakeScratch() const;

  // Gives the words of `text` to `sink`, in order. `at_start`: the text begins where the input
  // begins (kMetaspace kFirst). A stretch of bytes that are not UTF-8 is a word of its own for
  // patterns and digits; what stands on both sides of it is split as two texts.
  void Split(std::string_view text, bool at_start, Scratch& scratch, const WordSink& sink) const;

 private:
  struct Walk;
  std::vector<PreTokenizerStep> steps_;
  std::vector<Regex> regexes_;       // one for each kRegex step, in order
  std::vector<size_t> regex_index_;  // by step
};

}  // namespace burin
