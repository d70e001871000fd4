#include "text/marked_text.h"

#include <algorithm>

namespace burin {
namespace {

// The first range that ends behind `pos`.
auto FirstBehind(const std::vector<ByteRange>& ranges, size_t pos) {
  return std::upper_bound(ranges.begin(), ranges.end(), pos,
                          [](size_t at, const ByteRange& range) { return at < range.end; });
}

}  // namespace

MarkedText::MarkedText(std::string text, bool foreign) : text_(std::move(text)) {
  if (foreign) AddForeign(0, text_.size());
}

void MarkedText::AppendForeign(std::string_view text) {
  const size_t begin = text_.size();
  text_ += text;
  AddForeign(begin, text_.size());
}

void MarkedText::AppendSlice(const MarkedText& other, size_t begin, size_t end) {
  const size_t start = text_.size();
  text_.append(other.text_, begin, end - begin);
  for (auto range = FirstBehind(other.foreign_, begin);
       range != other.foreign_.end() && range->begin < end; ++range) {
    AddForeign(start + std::max(range->begin, begin) - begin,
               start + std::min(range->end, end) - begin);
  }
}

MarkedText MarkedText::Slice(size_t begin, size_t end) const {
  MarkedText slice;
  slice.AppendSlice(*this, begin, end);
  return slice;
}

void MarkedText::AddForeign(size_t begin, size_t end) {
  if (begin == end) return;
  if (!foreign_.empty() && foreign_.back().end == begin) {
    foreign_.back().end = end;
  } else {
    foreign_.push_back({begin, end});
  }
}

bool IsFreeOf(const std::vector<ByteRange>& ranges, size_t begin, size_t end) {
  const auto range = FirstBehind(ranges, begin);
  return range == ranges.end() || range->begin >= end;
}

}  // namespace burin
