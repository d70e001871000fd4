#include "text/constraint/expression.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin::constraint {
namespace {

using Kind = Expression::Kind;

std::shared_ptr<Expression> Make(Kind kind) {
  auto made = std::make_shared<Expression>();
  made->kind = kind;
  return made;
}

Expr MakeParts(Kind kind, std::vector<Expr> parts) {
  auto made = Make(kind);
  made->parts = std::move(parts);
  return made;
}

// How JSON writes a character that it must escape.
std::string Escape(char32_t code) {
  switch (code) {
    case '"':
      return "\\\"";
    case '\\':
      return "\\\\";
    case '\n':
      return "\\n";
    case '\r':
      return "\\r";
    case '\t':
      return "\\t";
    case '\b':
      return "\\b";
    case '\f':
      return "\\f";
    default:
      return fmt::format("\\u{:04x}", static_cast<uint32_t>(code));
  }
}

bool NeedsEscape(char32_t code) { return code < 0x20 || code == '"' || code == '\\'; }

}  // namespace

void CodePoints::Add(char32_t first, char32_t last) {
  if (first > last) return;
  std::vector<std::pair<char32_t, char32_t>> ranges;
  for (const auto& [low, high] : ranges_) {
    if (high + 1 < first || low > last + 1) {
      ranges.emplace_back(low, high);
    } else {
      first = std::min(first, low);
      last = std::max(last, high);
    }
  }
  ranges.emplace_back(first, last);
  std::sort(ranges.begin(), ranges.end());
  ranges_ = std::move(ranges);
}

void CodePoints::Add(const CodePoints& other) {
  for (const auto& [first, last] : other.ranges_) Add(first, last);
}

CodePoints CodePoints::Complement() const {
  CodePoints rest;
  char32_t next = 0;
  for (const auto& [first, last] : ranges_) {
    if (first > next) rest.ranges_.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= 0x10FFFF) rest.ranges_.emplace_back(next, 0x10FFFF);
  return rest;
}

CodePoints CodePoints::Without(const CodePoints& other) const {
  CodePoints outside = Complement();
  outside.Add(other);
  return outside.Complement();
}

bool CodePoints::Has(char32_t code) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [code](const auto& range) {
    return range.first <= code && code <= range.second;
  });
}

Expr Nothing() { return Make(Kind::kNothing); }

Expr Bytes(std::string bytes) {
  auto made = Make(Kind::kBytes);
  made->bytes = std::move(bytes);
  return made;
}

Expr Points(CodePoints points) {
  if (points.empty()) return Nothing();
  auto made = Make(Kind::kCodePoints);
  made->code_points = std::move(points);
  return made;
}

Expr Sequence(std::vector<Expr> parts) {
  if (parts.size() == 1) return parts[0];
  return MakeParts(Kind::kSequence, std::move(parts));
}

Expr Choice(std::vector<Expr> parts) {
  if (parts.empty()) return Nothing();
  if (parts.size() == 1) return parts[0];
  return MakeParts(Kind::kChoice, std::move(parts));
}

Expr Repeat(Expr part, uint32_t min, uint32_t max) {
  auto made = Make(Kind::kRepeat);
  made->parts = {std::move(part)};
  made->min = min;
  made->max = max;
  return made;
}

Expr Rule(uint32_t rule) {
  auto made = Make(Kind::kRule);
  made->rule = rule;
  return made;
}

Expr Both(Expr a, Expr b) { return MakeParts(Kind::kBoth, {std::move(a), std::move(b)}); }
Expr Except(Expr a, Expr b) { return MakeParts(Kind::kExcept, {std::move(a), std::move(b)}); }

Expr Fields(std::vector<Expr> parts, std::vector<bool> optional, Expr separator, bool repeat_last) {
  auto made = Make(Kind::kFields);
  made->parts = std::move(parts);
  made->optional = std::move(optional);
  made->separator = std::move(separator);
  made->repeat_last = repeat_last;
  return made;
}

Expr JsonCharacters(const CodePoints& points) {
  CodePoints special(0, 0x1F);
  special.Add('"', '"');
  special.Add('\\', '\\');
  std::vector<Expr> choices = {Points(points.Without(special))};
  for (const auto& [first, last] : special.ranges()) {
    for (char32_t code = first; code <= last; ++code) {
      if (points.Has(code)) choices.push_back(Bytes(Escape(code)));
    }
  }
  return Choice(std::move(choices));
}

std::string JsonQuoted(std::string_view text) {
  std::string quoted = "\"";
  for (const char c : text) {
    const auto code = static_cast<uint8_t>(c);
    quoted += NeedsEscape(code) ? Escape(code) : std::string(1, c);
  }
  return quoted + "\"";
}

}  // namespace burin::constraint
