#include "text/jinja/lexer.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "text/utf8.h"

namespace burin::jinja {
namespace {

using Kind = Token::Kind;

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }
bool IsDigit(char c) { return c >= '0' && c <= '9'; }
bool IsNameStart(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
         static_cast<uint8_t>(c) >= 0x80;
}

// Line ends become \n; the last one is dropped, as Jinja2 does.
std::string WithPlainLineEnds(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out += source[i];
    } else {
      out += '\n';
      if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
    }
  }
  if (!out.empty() && out.back() == '\n') out.pop_back();
  return out;
}

class Lexer {
 public:
  Lexer(std::string_view source, const std::string& object)
      : source_(WithPlainLineEnds(source)), object_(object) {}

  Result<std::vector<Token>> Run() {
    while (pos_ < source_.size()) BURIN_TRY(TextThenTag());
    Add(Kind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  void Add(Kind kind, std::string text) { tokens_.push_back({kind, std::move(text), 0, 0, line_}); }
  void Advance(size_t to) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<ptrdiff_t>(pos_),
                                         source_.begin() + static_cast<ptrdiff_t>(to), '\n'));
    line_starting_ = to > pos_ ? source_[to - 1] == '\n' : line_starting_;
    pos_ = to;
  }
  tl::unexpected<Error> Fail(std::string found, std::string expected = {}) const {
    return TemplateError(object_, line_, std::move(found), std::move(expected));
  }
  bool At(size_t pos, std::string_view text) const {
    return source_.compare(pos, text.size(), text) == 0;
  }
  size_t SkipSpaces(size_t pos) const {
    while (pos < source_.size() && IsSpace(source_[pos])) ++pos;
    return pos;
  }

  // Adds the text [pos_, end), trimmed for the tag that begins at `end` with `sign` ('-', '+', 0).
  void AddText(size_t end, char sign, bool output_tag) {
    std::string text = source_.substr(pos_, end - pos_);
    if (sign == '-') {
      while (!text.empty() && IsSpace(text.back())) text.pop_back();
    } else if (sign != '+' && !output_tag) {
      const size_t line_begin = text.rfind('\n') + 1;  // 0 without one
      if ((line_begin > 0 || line_starting_) &&
          std::all_of(text.begin() + static_cast<ptrdiff_t>(line_begin), text.end(), IsSpace)) {
        text.resize(line_begin);
      }
    }
    if (!text.empty()) Add(Kind::kText, std::move(text));
    Advance(end);
  }

  // Behind the closing mark of a tag or comment at `pos`: a line end goes with it.
  size_t BehindTag(size_t pos, char sign) const {
    if (sign == '-') return SkipSpaces(pos);
    if (sign != '+' && pos < source_.size() && source_[pos] == '\n') return pos + 1;
    return pos;
  }

  Status TextThenTag() {
    size_t open = source_.find('{', pos_);
    while (open != std::string::npos && !At(open, "{{") && !At(open, "{%") && !At(open, "{#")) {
      open = source_.find('{', open + 1);
    }
    if (open == std::string::npos) {
      Add(Kind::kText, source_.substr(pos_));
      Advance(source_.size());
      return {};
    }
    const char type = source_[open + 1];
    char sign = open + 2 < source_.size() ? source_[open + 2] : '\0';
    if (sign != '-' && sign != '+') sign = '\0';
    AddText(open, sign, type == '{');
    Advance(open + 2 + (sign != '\0' ? 1 : 0));
    if (type == '#') return Comment();
    if (type == '%') {
      if (const auto body = RawBody()) return Raw(*body);
    }
    Add(type == '{' ? Kind::kOutputOpen : Kind::kTagOpen, "");
    return Inside(type == '{');
  }

  Status Comment() {
    const size_t close = source_.find("#}", pos_);
    if (close == std::string::npos) return Fail("a comment without an end", "#}");
    const char sign = close > pos_ ? source_[close - 1] : '\0';
    Advance(BehindTag(close + 2, sign));
    return {};
  }

  // Where the text of {% raw %} begins, if the tag at pos_ is one.
  std::optional<size_t> RawBody() const {
    size_t pos = SkipSpaces(pos_);
    if (!At(pos, "raw")) return std::nullopt;
    pos = SkipSpaces(pos + 3);
    if (At(pos, "-%}")) return SkipSpaces(pos + 3);
    if (At(pos, "%}")) return pos + 2;
    return std::nullopt;
  }

  Status Raw(size_t body) {
    Advance(body);
    for (size_t open = pos_; (open = source_.find("{%", open)) != std::string::npos; open += 2) {
      size_t pos = open + 2;
      const char sign = pos < source_.size() ? source_[pos] : '\0';
      if (sign == '-' || sign == '+') ++pos;
      pos = SkipSpaces(pos);
      if (!At(pos, "endraw")) continue;
      pos = SkipSpaces(pos + 6);
      const char end_sign = pos < source_.size() ? source_[pos] : '\0';
      if (end_sign == '-' || end_sign == '+') ++pos;
      if (!At(pos, "%}")) continue;
      AddText(open, sign, /*output_tag=*/false);
      Advance(BehindTag(pos + 2, end_sign));
      return {};
    }
    return Fail("{% raw %} without an end", "{% endraw %}");
  }

  // The tokens of one tag.
  Status Inside(bool output) {
    const std::string_view close = output ? "}}" : "%}";
    std::string open_brackets;
    for (;;) {
      Advance(SkipSpaces(pos_));
      if (pos_ >= source_.size()) return Fail("a tag without an end", std::string(close));
      if (open_brackets.empty()) {
        const char sign = source_[pos_];
        const bool signed_close = (sign == '-' || (sign == '+' && !output)) && At(pos_ + 1, close);
        if (signed_close || At(pos_, close)) {
          Add(output ? Kind::kOutputClose : Kind::kTagClose, "");
          const size_t behind = pos_ + close.size() + (signed_close ? 1 : 0);
          if (output) {
            Advance(signed_close ? SkipSpaces(behind) : behind);
          } else {
            Advance(BehindTag(behind, signed_close ? sign : '\0'));
          }
          return {};
        }
      }
      BURIN_TRY(OneToken(open_brackets));
    }
  }

  Status OneToken(std::string& open_brackets) {
    const char c = source_[pos_];
    if (IsNameStart(c)) {
      size_t end = pos_;
      while (end < source_.size() && (IsNameStart(source_[end]) || IsDigit(source_[end]))) ++end;
      Add(Kind::kName, source_.substr(pos_, end - pos_));
      Advance(end);
      return {};
    }
    if (IsDigit(c)) return Number();
    if (c == '"' || c == '\'') return String(c);
    constexpr std::string_view kLong[] = {"//", "**", "==", "!=", ">=", "<="};
    for (const std::string_view op : kLong) {
      if (At(pos_, op)) return Operator(std::string(op));
    }
    if (std::string_view("+-/*%~[](){}><=.:|,;").find(c) == std::string_view::npos) {
      return Fail(fmt::format("unexpected character '{}'", c));
    }
    if (c == '(' || c == '[' || c == '{') {
      open_brackets += c == '(' ? ')' : (c == '[' ? ']' : '}');
    } else if (c == ')' || c == ']' || c == '}') {
      if (open_brackets.empty() || open_brackets.back() != c) {
        return Fail(fmt::format("unexpected '{}'", c));
      }
      open_brackets.pop_back();
    }
    return Operator(std::string(1, c));
  }

  Status Operator(std::string text) {
    const size_t size = text.size();
    Add(Kind::kOperator, std::move(text));
    Advance(pos_ + size);
    return {};
  }

  size_t Digits(size_t pos) const {
    while (pos < source_.size() &&
           (IsDigit(source_[pos]) ||
            (source_[pos] == '_' && pos + 1 < source_.size() && IsDigit(source_[pos + 1])))) {
      ++pos;
    }
    return pos;
  }

  Status Number() {
    size_t end = Digits(pos_);
    bool is_float = false;
    if (end + 1 < source_.size() && source_[end] == '.' && IsDigit(source_[end + 1])) {
      is_float = true;
      end = Digits(end + 1);
    }
    if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
      size_t exponent = end + 1;
      if (exponent < source_.size() && (source_[exponent] == '+' || source_[exponent] == '-')) {
        ++exponent;
      }
      if (exponent < source_.size() && IsDigit(source_[exponent])) {
        is_float = true;
        end = Digits(exponent);
      }
    }
    std::string text = source_.substr(pos_, end - pos_);
    std::erase(text, '_');
    Add(is_float ? Kind::kFloat : Kind::kInteger, text);
    const char* const last = text.data() + text.size();
    const auto read = is_float ? std::from_chars(text.data(), last, tokens_.back().number)
                               : std::from_chars(text.data(), last, tokens_.back().integer);
    if (read.ec != std::errc() || read.ptr != last) {
      return Fail("the number " + text.substr(0, 40), "one of 64 bits");
    }
    Advance(end);
    return {};
  }

  Status String(char quote) {
    std::string text;
    size_t pos = pos_ + 1;
    while (pos < source_.size() && source_[pos] != quote) {
      if (source_[pos] != '\\') {
        text += source_[pos++];
      } else if (!Escape(pos, text)) {
        return Fail("a wrong escape in a string");
      }
    }
    if (pos >= source_.size()) return Fail("a string without an end");
    Add(Kind::kString, std::move(text));
    Advance(pos + 1);
    return {};
  }

  // The escape sequences of a Python string at `pos`, which stands on the backslash.
  bool Escape(size_t& pos, std::string& out) const {
    if (pos + 1 >= source_.size()) return false;
    const char c = source_[pos + 1];
    constexpr std::string_view kFrom = "ntr\\'\"abfv", kTo = "\n\t\r\\'\"\a\b\f\v";
    const size_t simple = kFrom.find(c);
    if (c == '\n') {
      pos += 2;
    } else if (simple != std::string_view::npos) {
      out += kTo[simple];
      pos += 2;
    } else if (c == 'x' || c == 'u' || c == 'U') {
      return CodePoint(pos, c == 'x' ? 2 : (c == 'u' ? 4 : 8), out);
    } else if (c >= '0' && c <= '7') {
      uint32_t code = 0;
      size_t end = pos + 1;
      for (; end < std::min(pos + 4, source_.size()) && source_[end] >= '0' && source_[end] <= '7';
           ++end) {
        code = 8 * code + static_cast<uint32_t>(source_[end] - '0');
      }
      AppendUtf8(out, code);
      pos = end;
    } else {
      out += '\\';
      ++pos;
    }
    return true;
  }

  bool CodePoint(size_t& pos, size_t digits, std::string& out) const {
    const size_t begin = pos + 2;
    uint32_t code = 0;
    if (begin + digits > source_.size()) return false;
    const auto read =
        std::from_chars(source_.data() + begin, source_.data() + begin + digits, code, 16);
    if (read.ptr != source_.data() + begin + digits) return false;
    if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return false;
    AppendUtf8(out, code);
    pos = begin + digits;
    return true;
  }

  const std::string source_;
  const std::string& object_;
  std::vector<Token> tokens_;
  size_t pos_ = 0;
  int line_ = 1;
  bool line_starting_ = true;
};

}  // namespace

tl::unexpected<Error> TemplateError(const std::string& object, int line, std::string found,
                                    std::string expected, std::string advice) {
  return BadInput(fmt::format("{}, line {}", object, line), std::move(found), std::move(expected),
                  std::move(advice));
}

Result<std::vector<Token>> Tokenize(std::string_view source, const std::string& object) {
  return Lexer(source, object).Run();
}

}  // namespace burin::jinja
