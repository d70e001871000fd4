#include "text/constraint/gbnf.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>

#include "text/constraint/automaton.h"
#include "text/utf8.h"

namespace burin::constraint {
namespace {

constexpr int kMaxGroups = 60;
constexpr uint32_t kMaxCount = 100'000;

bool IsNameCharacter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

class Reader {
 public:
  Reader(std::string_view text, const std::string& object) : text_(text), object_(object) {}

  Result<Grammar> Run() {
    if (text_.size() > kMaxGrammarBytes) {
      return BadInput(object_, fmt::format("{} bytes", text_.size()),
                      fmt::format("at most {}", kMaxGrammarBytes));
    }
    if (!IsValidUtf8(text_)) return BadInput(object_, "bytes that are no UTF-8");
    for (SkipSpace(true); pos_ < text_.size(); SkipSpace(true)) BURIN_TRY(ReadRule());
    for (const auto& [name, number] : numbers_) {
      if (grammar_.rules[number] == nullptr) {
        return BadInput(object_, "the rule '" + name + "' is used, but not there");
      }
    }
    const auto root = numbers_.find("root");
    if (root == numbers_.end()) return BadInput(object_, "no rule 'root'", "root ::= ...");
    grammar_.root = root->second;
    return std::move(grammar_);
  }

 private:
  tl::unexpected<Error> Fail(std::string found, std::string expected = {}) const {
    const auto line = std::count(text_.begin(), text_.begin() + static_cast<ptrdiff_t>(pos_), '\n');
    return BadInput(fmt::format("{}, line {}", object_, line + 1), std::move(found),
                    std::move(expected));
  }
  bool At(std::string_view part) const { return text_.substr(pos_).starts_with(part); }
  bool Skip(std::string_view part) {
    if (!At(part)) return false;
    pos_ += part.size();
    return true;
  }
  void SkipSpace(bool lines) {
    while (pos_ < text_.size()) {
      const char c = text_[pos_];
      if (c == '#') {
        pos_ = std::min(text_.find('\n', pos_), text_.size());
      } else if (c == ' ' || c == '\t' || (lines && (c == '\n' || c == '\r'))) {
        ++pos_;
      } else {
        return;
      }
    }
  }

  std::string Name() {
    const size_t begin = pos_;
    while (pos_ < text_.size() && IsNameCharacter(text_[pos_])) ++pos_;
    return std::string(text_.substr(begin, pos_ - begin));
  }

  uint32_t NumberOf(const std::string& name) {
    const auto [place, fresh] =
        numbers_.try_emplace(name, static_cast<uint32_t>(grammar_.rules.size()));
    if (fresh) {
      grammar_.rules.push_back(nullptr);
      grammar_.names.push_back(name);
    }
    return place->second;
  }

  Status ReadRule() {
    const std::string name = Name();
    if (name.empty()) return Fail("no name of a rule", "name ::= ...");
    SkipSpace(false);
    if (!Skip("::=")) return Fail("no '::=' behind the name of a rule");
    SkipSpace(true);
    if (grammar_.rules.size() >= kMaxRules) {
      return Fail(fmt::format("more than {} rules", kMaxRules));
    }
    const uint32_t number = NumberOf(name);
    if (grammar_.rules[number] != nullptr) return Fail("the rule '" + name + "' again");
    BURIN_ASSIGN(grammar_.rules[number], Alternatives(/*nested=*/false));
    if (pos_ < text_.size() && text_[pos_] != '\n' && text_[pos_] != '\r') {
      return Fail(fmt::format("unexpected '{}'", text_[pos_]));
    }
    return {};
  }

  // Inside of parentheses a line end is white space.
  Result<Expr> Alternatives(bool nested) {
    std::vector<Expr> alternatives;
    for (;;) {
      BURIN_ASSIGN(Expr sequence, OneSequence(nested));
      alternatives.push_back(std::move(sequence));
      if (!Skip("|")) break;
      SkipSpace(true);
    }
    return Choice(std::move(alternatives));
  }

  Result<Expr> OneSequence(bool nested) {
    std::vector<Expr> parts;
    for (;;) {
      SkipSpace(nested);
      if (pos_ >= text_.size() || At("|") || At(")") || At("\n") || At("\r")) break;
      BURIN_ASSIGN(Expr part, Part());
      for (SkipSpace(nested); AtRepetition(); SkipSpace(nested)) {
        BURIN_ASSIGN(part, Repetition(std::move(part)));
      }
      parts.push_back(std::move(part));
    }
    // An alternative may go on in the next line behind a '|' only.
    return Sequence(std::move(parts));
  }

  bool AtRepetition() const { return At("*") || At("+") || At("?") || At("{"); }

  Result<Expr> Repetition(Expr part) {
    if (Skip("*")) return Repeat(std::move(part), 0, kUnlimited);
    if (Skip("+")) return Repeat(std::move(part), 1, kUnlimited);
    if (Skip("?")) return Optional(std::move(part));
    Skip("{");
    const auto min = Count();
    if (!min) return Fail("a wrong count", fmt::format("{{m,n}} up to {}", kMaxCount));
    uint32_t max = *min;
    if (Skip(",")) {
      max = kUnlimited;
      if (!At("}")) {
        const auto last = Count();
        if (!last || *last < *min) return Fail("a wrong count");
        max = *last;
      }
    }
    if (!Skip("}")) return Fail("a count without '}'");
    return Repeat(std::move(part), *min, max);
  }

  std::optional<uint32_t> Count() {
    uint32_t number = 0;
    const char* const begin = text_.data() + pos_;
    const auto read = std::from_chars(begin, text_.data() + text_.size(), number);
    if (read.ec != std::errc() || number > kMaxCount) return std::nullopt;
    pos_ += static_cast<size_t>(read.ptr - begin);
    return number;
  }

  Result<Expr> Part() {
    if (Skip("\"")) return Literal();
    if (Skip("[")) return Class();
    if (Skip(".")) return Points(CodePoints::All());
    if (Skip("(")) {
      if (++depth_ > kMaxGroups) return Fail("groups nested too deep");
      SkipSpace(true);
      BURIN_ASSIGN(Expr inner, Alternatives(/*nested=*/true));
      --depth_;
      if (!Skip(")")) return Fail("'(' without ')'");
      return inner;
    }
    const std::string name = Name();
    if (name.empty()) return Fail(fmt::format("unexpected '{}'", text_[pos_]));
    return Rule(NumberOf(name));
  }

  // One character of a literal or class, escapes resolved.
  Result<char32_t> Character() {
    if (pos_ >= text_.size()) return Fail("the end inside of a literal or class");
    if (!Skip("\\")) {
      const Utf8Step step = NextUtf8(text_, pos_);
      pos_ += step.length;
      return step.code;
    }
    if (pos_ >= text_.size()) return Fail("a backslash at the end");
    const char c = text_[pos_++];
    constexpr std::string_view kFrom = "nrt\\\"[]-^'/", kTo = "\n\r\t\\\"[]-^'/";
    if (const size_t index = kFrom.find(c); index != std::string_view::npos) {
      return static_cast<uint8_t>(kTo[index]);
    }
    const size_t digits = c == 'x' ? 2 : (c == 'u' ? 4 : (c == 'U' ? 8 : 0));
    uint32_t code = 0;
    if (digits == 0 || pos_ + digits > text_.size()) return Fail("an unknown escape");
    const char* const begin = text_.data() + pos_;
    const auto read = std::from_chars(begin, begin + digits, code, 16);
    if (read.ptr != begin + digits || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) {
      return Fail("a wrong escape");
    }
    pos_ += digits;
    return char32_t{code};
  }

  Result<Expr> Literal() {
    std::string bytes;
    while (!Skip("\"")) {
      BURIN_ASSIGN(const char32_t code, Character());
      AppendUtf8(bytes, code);
    }
    return Bytes(std::move(bytes));
  }

  Result<Expr> Class() {
    const bool negated = Skip("^");
    CodePoints points;
    while (!Skip("]")) {
      BURIN_ASSIGN(const char32_t first, Character());
      char32_t last = first;
      if (At("-") && !At("-]")) {
        ++pos_;
        BURIN_ASSIGN(last, Character());
        if (last < first) return Fail("a range that ends before it begins");
      }
      points.Add(first, last);
    }
    return Points(negated ? points.Complement() : points);
  }

  const std::string_view text_;
  const std::string& object_;
  size_t pos_ = 0;
  int depth_ = 0;
  Grammar grammar_;
  std::map<std::string, uint32_t> numbers_;
};

}  // namespace

Result<Grammar> ReadGbnf(std::string_view text, const std::string& object) {
  return Reader(text, object).Run();
}

}  // namespace burin::constraint
