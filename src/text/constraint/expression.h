// Languages as expressions: what the readers of schemas, patterns and grammars build, and what the
// compiler makes automata of. Internal to constraint.h.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace burin::constraint {

// Code points as ranges in order, which do not touch. Surrogates in them are never written.
class CodePoints {
 public:
  CodePoints() = default;
  CodePoints(char32_t first, char32_t last) { Add(first, last); }
  static CodePoints All() { return {0, 0x10FFFF}; }

  void Add(char32_t first, char32_t last);
  void Add(const CodePoints& other);
  CodePoints Complement() const;
  CodePoints Without(const CodePoints& other) const;
  bool Has(char32_t code) const;
  bool empty() const { return ranges_.empty(); }
  const std::vector<std::pair<char32_t, char32_t>>& ranges() const { return ranges_; }

 private:
  std::vector<std::pair<char32_t, char32_t>> ranges_;
};

struct Expression;
using Expr = std::shared_ptr<const Expression>;

inline constexpr uint32_t kUnlimited = UINT32_MAX;

struct Expression {
  enum class Kind : uint8_t {
    kNothing,     // no text at all
    kBytes,       // bytes; empty: the empty text
    kCodePoints,  // one of code_points, as UTF-8
    kSequence,
    kChoice,
    kRepeat,  // parts[0], min to max times
    kRule,    // what rule `rule` says
    kBoth,    // what is in parts[0] and in parts[1]; neither may hold rules
    kExcept,  // what is in parts[0] and not in parts[1]; neither may hold rules
    // parts in this order with separator between those that are there; optional[i] may be missing.
    // The last one may come again and again if `repeat_last`.
    kFields,
  };
  Kind kind = Kind::kNothing;
  std::string bytes;
  CodePoints code_points;
  std::vector<Expr> parts;
  uint32_t min = 0, max = 0;
  uint32_t rule = 0;
  Expr separator;
  std::vector<bool> optional;
  bool repeat_last = false;
};

Expr Nothing();
Expr Bytes(std::string bytes);
Expr Points(CodePoints points);
Expr Sequence(std::vector<Expr> parts);
Expr Choice(std::vector<Expr> parts);  // of none: Nothing
Expr Repeat(Expr part, uint32_t min, uint32_t max);
inline Expr Optional(Expr part) { return Repeat(std::move(part), 0, 1); }
Expr Rule(uint32_t rule);
Expr Both(Expr a, Expr b);
Expr Except(Expr a, Expr b);
Expr Fields(std::vector<Expr> parts, std::vector<bool> optional, Expr separator, bool repeat_last);

// A language: rules that name each other, of which `root` is the one.
struct Grammar {
  std::vector<Expr> rules;
  std::vector<std::string> names;  // for messages
  uint32_t root = 0;
};

// The expression of a text inside a JSON string, of one that may be any of `points`; `"`, `\` and
// control characters as the shortest escape.
Expr JsonCharacters(const CodePoints& points);
// `text` (UTF-8) as JSON writes it, quotes included.
std::string JsonQuoted(std::string_view text);

}  // namespace burin::constraint
