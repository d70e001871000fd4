#include "serve/answer_text.h"

#include <algorithm>

namespace burin {

std::string StopMatcher::Push(std::string_view piece) {
  if (found_) return {};
  if (stops_.empty()) return std::string(piece);
  held_ += piece;
  size_t at = std::string::npos;
  for (const std::string& stop : stops_) {
    const size_t place = held_.find(stop);
    // The first one in the text; of two at one place the longer one.
    if (place < at || (place == at && place != std::string::npos && stop.size() > found_->size())) {
      at = place;
      found_ = stop;
    }
  }
  if (found_) {
    std::string before = held_.substr(0, at);
    held_.clear();
    return before;
  }
  // The longest end of the text that begins a stop is held back.
  size_t keep = 0;
  for (const std::string& stop : stops_) {
    for (size_t n = std::min(stop.size() - 1, held_.size()); n > keep; --n) {
      if (held_.compare(held_.size() - n, n, stop, 0, n) == 0) keep = n;
    }
  }
  std::string ready = held_.substr(0, held_.size() - keep);
  held_.erase(0, held_.size() - keep);
  return ready;
}

std::string StopMatcher::Finish() {
  std::string rest;
  rest.swap(held_);
  return rest;
}

AnswerText::AnswerText(const Tokenizer& tokenizer, std::vector<std::string> stops,
                       bool continuation, std::vector<int32_t> shown_ids)
    : tokenizer_(tokenizer),
      shown_ids_(std::move(shown_ids)),
      decoder_(tokenizer, /*skip_special=*/true, continuation),
      matcher_(std::move(stops)) {}

void AnswerText::Push(NewToken token, Piece& piece) {
  if (stop()) return;
  ++tokens_;
  std::string part = decoder_.Push(token.id);
  if (std::ranges::find(shown_ids_, token.id) != shown_ids_.end()) {
    part += tokenizer_.TokenText(token.id);
  }
  waiting_.push_back({std::move(token), decoded_});
  decoded_ += part.size();
  const std::string ready = matcher_.Push(part);
  text_ += ready;
  piece.text += ready;
  Release(false, piece);
}

void AnswerText::Finish(Piece& piece) {
  if (!stop()) {
    std::string ready = matcher_.Push(decoder_.Finish());
    ready += matcher_.Finish();
    text_ += ready;
    piece.text += ready;
  }
  Release(!stop(), piece);
  waiting_.clear();
}

void AnswerText::Release(bool all, Piece& piece) {
  while (!waiting_.empty() && (all || waiting_.front().offset < text_.size())) {
    piece.tokens.push_back(std::move(waiting_.front()));
    waiting_.pop_front();
  }
}

}  // namespace burin
