// A text that knows which of its bytes came from outside: what a user, a tool or an earlier answer
// said, as against what a chat template wrote. Special tokens are read only in the latter, so that
// what a user types is never taken for a mark.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace burin {

// The bytes [begin, end).
struct ByteRange {
  size_t begin;
  size_t end;
  bool operator==(const ByteRange&) const = default;
};

class MarkedText {
 public:
  MarkedText() = default;
  // `foreign`: all of it comes from outside.
  explicit MarkedText(std::string text, bool foreign = false);

  const std::string& text() const { return text_; }
  // Where foreign bytes stand: in order, not empty, not touching each other.
  const std::vector<ByteRange>& foreign() const { return foreign_; }
  size_t size() const { return text_.size(); }
  bool empty() const { return text_.empty(); }

  void Append(std::string_view own) { text_ += own; }
  void AppendForeign(std::string_view text);
  void Append(const MarkedText& other) { AppendSlice(other, 0, other.size()); }
  // Appends the bytes [begin, end) of `other`, which must lie in it and which is not this text.
  void AppendSlice(const MarkedText& other, size_t begin, size_t end);
  // The bytes [begin, end), which must lie in the text.
  MarkedText Slice(size_t begin, size_t end) const;

 private:
  void AddForeign(size_t begin, size_t end);
  std::string text_;
  std::vector<ByteRange> foreign_;
};

// True when [begin, end) touches none of `ranges` (as MarkedText::foreign gives them).
bool IsFreeOf(const std::vector<ByteRange>& ranges, size_t begin, size_t end);

}  // namespace burin
