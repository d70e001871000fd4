#include "text/constraint/regex_reader.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "text/definition.h"
#include "text/utf8.h"

namespace burin::constraint {
namespace {

constexpr int kMaxGroups = 60;  // inside each other
constexpr uint32_t kMaxCount = 1'000'000;

CodePoints Digits() { return {'0', '9'}; }

CodePoints WordCharacters() {
  CodePoints points('a', 'z');
  points.Add('A', 'Z');
  points.Add('0', '9');
  points.Add('_', '_');
  return points;
}

CodePoints LineEnds() {
  CodePoints points('\n', '\n');
  points.Add('\r', '\r');
  points.Add(0x2028, 0x2029);
  return points;
}

CodePoints Spaces() {
  CodePoints points('\t', '\r');
  points.Add(' ', ' ');
  for (const char32_t code : {0xA0, 0x1680, 0x202F, 0x205F, 0x3000, 0xFEFF}) {
    points.Add(code, code);
  }
  points.Add(0x2000, 0x200A);
  points.Add(0x2028, 0x2029);
  return points;
}

class Reader {
 public:
  Reader(std::string_view pattern, RegexStyle style, const std::string& object)
      : text_(pattern), style_(style), object_(object) {}

  Result<Expr> Run() {
    if (text_.size() > kMaxPatternBytes) {
      return BadInput(object_, fmt::format("a pattern of {} bytes", text_.size()),
                      fmt::format("at most {}", kMaxPatternBytes));
    }
    if (!IsValidUtf8(text_)) return BadInput(object_, "a pattern that is no UTF-8");
    BURIN_ASSIGN(Expr expression, Alternatives(/*top=*/true));
    if (pos_ < text_.size()) return Fail("')' without '('");
    return expression;
  }

 private:
  tl::unexpected<Error> Fail(std::string found, std::string expected = {}) const {
    return BadInput(fmt::format("{}: pattern {} at {}", object_, Quoted(text_), pos_),
                    std::move(found), std::move(expected));
  }
  tl::unexpected<Error> Unsupported(const char* what) const {
    return Fail(std::string(what) + " is not supported");
  }
  bool At(std::string_view part) const { return text_.substr(pos_).starts_with(part); }
  bool Skip(std::string_view part) {
    if (!At(part)) return false;
    pos_ += part.size();
    return true;
  }
  Expr Leaf(const CodePoints& points) const {
    return style_.json ? JsonCharacters(points) : Points(points);
  }
  Expr Anything() const { return Repeat(Leaf(CodePoints::All()), 0, kUnlimited); }

  Result<Expr> Alternatives(bool top) {
    std::vector<Expr> alternatives;
    do {
      BURIN_ASSIGN(Expr alternative, Alternative(top));
      alternatives.push_back(std::move(alternative));
    } while (Skip("|"));
    return Choice(std::move(alternatives));
  }

  Result<Expr> Alternative(bool top) {
    std::vector<Expr> parts;
    const bool begins = top && Skip("^");
    bool ends = false;
    while (pos_ < text_.size() && !At("|") && !At(")")) {
      if (At("^")) return Unsupported("'^' that is not at the begin of an alternative");
      if (Skip("$")) {
        ends = top && (pos_ == text_.size() || At("|"));
        if (!ends) return Unsupported("'$' that is not at the end of an alternative");
        break;
      }
      BURIN_ASSIGN(Expr atom, Atom());
      BURIN_ASSIGN(atom, Quantified(std::move(atom)));
      parts.push_back(std::move(atom));
    }
    if (top && !style_.whole && !begins) parts.insert(parts.begin(), Anything());
    if (top && !style_.whole && !ends) parts.push_back(Anything());
    return Sequence(std::move(parts));
  }

  Result<Expr> Atom() {
    if (Skip("(")) return Group();
    if (Skip("[")) {
      BURIN_ASSIGN(const CodePoints points, Class());
      return Leaf(points);
    }
    if (Skip(".")) return Leaf(LineEnds().Complement());
    if (At("*") || At("+") || At("?") || At("{")) return Fail("nothing to repeat");
    if (Skip("\\")) {
      BURIN_ASSIGN(const CodePoints points, Escape(/*in_class=*/false));
      return Leaf(points);
    }
    const Utf8Step step = NextUtf8(text_, pos_);
    pos_ += step.length;
    return Leaf({step.code, step.code});
  }

  Result<Expr> Group() {
    if (At("?=") || At("?!") || At("?<=") || At("?<!")) return Unsupported("look-around");
    if (Skip("?<")) {
      const size_t close = text_.find('>', pos_);
      if (close == std::string_view::npos) return Fail("the name of a group without '>'");
      pos_ = close + 1;
    } else if (!Skip("?:") && At("?")) {
      return Unsupported("a flag or another kind of group");
    }
    if (++depth_ > kMaxGroups) return Fail(fmt::format("groups nested above {} deep", kMaxGroups));
    BURIN_ASSIGN(Expr inner, Alternatives(/*top=*/false));
    --depth_;
    if (!Skip(")")) return Fail("'(' without ')'");
    return inner;
  }

  std::optional<uint32_t> Number() {
    uint32_t number = 0;
    const char* const begin = text_.data() + pos_;
    const auto read = std::from_chars(begin, text_.data() + text_.size(), number);
    if (read.ec != std::errc() || number > kMaxCount) return std::nullopt;
    pos_ += static_cast<size_t>(read.ptr - begin);
    return number;
  }

  Result<Expr> Quantified(Expr atom) {
    uint32_t min = 1, max = 1;
    if (Skip("*")) {
      min = 0;
      max = kUnlimited;
    } else if (Skip("+")) {
      max = kUnlimited;
    } else if (Skip("?")) {
      min = 0;
    } else if (Skip("{")) {
      const auto first = Number();
      if (!first) return Fail("a wrong count", fmt::format("{{m,n}} up to {}", kMaxCount));
      min = max = *first;
      if (Skip(",")) {
        max = kUnlimited;
        if (!At("}")) {
          const auto last = Number();
          if (!last || *last < min) return Fail("a wrong count");
          max = *last;
        }
      }
      if (!Skip("}")) return Fail("a count without '}'");
    } else {
      return atom;
    }
    Skip("?");  // matching as little as possible: the same language
    if (At("*") || At("+") || At("?") || At("{")) return Fail("a repetition of a repetition");
    return Repeat(std::move(atom), min, max);
  }

  std::optional<char32_t> Hex(size_t digits) {
    uint32_t code = 0;
    if (pos_ + digits > text_.size()) return std::nullopt;
    const char* const begin = text_.data() + pos_;
    const auto read = std::from_chars(begin, begin + digits, code, 16);
    if (read.ptr != begin + digits) return std::nullopt;
    pos_ += digits;
    return code;
  }

  std::optional<char32_t> UnicodeEscape() {
    if (Skip("{")) {
      const size_t close = text_.find('}', pos_);
      if (close == std::string_view::npos || close == pos_ || close - pos_ > 6) return std::nullopt;
      const auto code = Hex(close - pos_);
      if (!code || *code > 0x10FFFF) return std::nullopt;
      ++pos_;
      return code;
    }
    auto code = Hex(4);
    if (code && *code >= 0xD800 && *code < 0xDC00 && Skip("\\u")) {
      const auto low = Hex(4);
      if (!low || *low < 0xDC00 || *low > 0xDFFF) return std::nullopt;
      return 0x10000 + ((*code - 0xD800) << 10) + (*low - 0xDC00);
    }
    return code;
  }

  // Behind a backslash.
  Result<CodePoints> Escape(bool in_class) {
    if (pos_ >= text_.size()) return Fail("a backslash at the end");
    const char c = text_[pos_++];
    const auto one = [](char32_t code) { return CodePoints(code, code); };
    switch (c) {
      case 'd':
        return Digits();
      case 'D':
        return Digits().Complement();
      case 'w':
        return WordCharacters();
      case 'W':
        return WordCharacters().Complement();
      case 's':
        return Spaces();
      case 'S':
        return Spaces().Complement();
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 't':
        return one('\t');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case 'b':
      case 'B':
        if (in_class && c == 'b') return one('\b');
        return Unsupported("a word border");
      case 'p':
      case 'P':
        return Unsupported("a Unicode property");
      case 'k':
        return Unsupported("a back reference");
      case 'x':
      case 'u': {
        const auto code = c == 'x' ? Hex(2) : UnicodeEscape();
        if (!code || (*code >= 0xD800 && *code < 0xE000)) return Fail("a wrong escape");
        return one(*code);
      }
      default:
        break;
    }
    if (c == '0') return one(0);
    if (c >= '1' && c <= '9') return Unsupported("a back reference");
    if (std::string_view("^$\\.*+?()[]{}|/-\"'`~!@#%&=:;,<>_ ").find(c) == std::string_view::npos) {
      return Fail("an unknown escape");
    }
    return one(static_cast<uint8_t>(c));
  }

  // One item of a class; `single` says whether it may begin a range.
  Result<CodePoints> ClassItem(bool* single) {
    *single = true;
    if (Skip("\\")) {
      const size_t begin = pos_;
      BURIN_ASSIGN(const CodePoints points, Escape(/*in_class=*/true));
      *single = std::string_view("dDwWsS").find(text_[begin]) == std::string_view::npos;
      return points;
    }
    const Utf8Step step = NextUtf8(text_, pos_);
    pos_ += step.length;
    return CodePoints(step.code, step.code);
  }

  // Behind '['.
  Result<CodePoints> Class() {
    const bool negated = Skip("^");
    CodePoints points;
    while (!Skip("]")) {
      if (pos_ >= text_.size()) return Fail("'[' without ']'");
      bool single = false;
      BURIN_ASSIGN(const CodePoints first, ClassItem(&single));
      if (At("-") && !At("-]") && pos_ + 1 < text_.size()) {
        ++pos_;
        bool single_last = false;
        BURIN_ASSIGN(const CodePoints last, ClassItem(&single_last));
        if (!single || !single_last) return Fail("a range of classes");
        const char32_t low = first.ranges()[0].first, high = last.ranges()[0].first;
        if (low > high) return Fail("a range that ends before it begins");
        points.Add(low, high);
      } else {
        points.Add(first);
      }
    }
    return negated ? points.Complement() : points;
  }

  const std::string_view text_;
  const RegexStyle style_;
  const std::string& object_;
  size_t pos_ = 0;
  int depth_ = 0;
};

}  // namespace

Result<Expr> ReadRegex(std::string_view pattern, RegexStyle style, const std::string& object) {
  return Reader(pattern, style, object).Run();
}

}  // namespace burin::constraint
