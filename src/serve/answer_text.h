// From new tokens to the text of an answer: characters are never cut, stop strings end the text
// and are not part of it, and each token's log-probabilities go with the piece that holds its text.
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "serve/sequence.h"
#include "text/tokenizer.h"

namespace burin {

// Finds the first of several strings in a text that comes in pieces.
class StopMatcher {
 public:
  explicit StopMatcher(std::vector<std::string> stops) : stops_(std::move(stops)) {}

  // What of the text so far can be given out: all before a stop, or all that cannot be the
  // beginning of one.
  std::string Push(std::string_view piece);
  // What was held back, once no more text comes; nothing after a stop.
  std::string Finish();
  // The stop that was found.
  const std::optional<std::string>& found() const { return found_; }

 private:
  const std::vector<std::string> stops_;
  std::string held_;
  std::optional<std::string> found_;
};

// A token in the text, as log-probabilities name it.
struct TokenEntry {
  NewToken token;
  size_t offset = 0;  // in the text, in bytes
};

class AnswerText {
 public:
  // `continuation`: the text goes on after another one, so that its leading space counts.
  // `shown_ids`: special tokens whose text is given out, too.
  AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stops, bool continuation,
             std::vector<int32_t> shown_ids = {});

  struct Piece {
    std::string text;
    std::vector<TokenEntry> tokens;  // those whose text begins in what was given out so far
  };
  // The piece that `token` makes ready; after a stop was found nothing more.
  void Push(NewToken token, Piece& piece);
  void Finish(Piece& piece);

  const std::optional<std::string>& stop() const { return matcher_.found(); }
  int64_t tokens() const { return tokens_; }  // up to the stop
  const std::string& text() const { return text_; }

 private:
  void Release(bool all, Piece& piece);

  const Tokenizer& tokenizer_;
  const std::vector<int32_t> shown_ids_;
  StreamDecoder decoder_;
  StopMatcher matcher_;
  std::string text_;    // given out
  size_t decoded_ = 0;  // bytes, given out or held back
  int64_t tokens_ = 0;
  std::deque<TokenEntry> waiting_;
};

}  // namespace burin
