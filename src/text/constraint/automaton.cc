#include "text/constraint/automaton.h"

#include <algorithm>
#include <optional>

#include "text/constraint/determinize.h"
#include "text/utf8.h"

namespace burin::constraint {
namespace {

using Kind = Expression::Kind;

// Gives the UTF-8 forms of [first, last] as sequences of byte ranges.
template <typename Emit>
void Utf8Ranges(char32_t first, char32_t last, const Emit& emit) {
  if (first > last) return;
  for (const char32_t border : {0x7Fu, 0x7FFu, 0xD7FFu, 0xDFFFu, 0xFFFFu}) {
    if (first <= border && border < last) {
      Utf8Ranges(first, border, emit);
      return Utf8Ranges(border + 1, last, emit);
    }
  }
  if (first >= 0xD800 && last <= 0xDFFF) return;
  const int more = last < 0x80 ? 0 : (last < 0x800 ? 1 : (last < 0x10000 ? 2 : 3));
  for (int i = 1; i <= more; ++i) {
    const char32_t low_bits = (char32_t{1} << (6 * i)) - 1;
    if ((first & ~low_bits) == (last & ~low_bits)) continue;
    if ((first & low_bits) != 0) {
      Utf8Ranges(first, first | low_bits, emit);
      return Utf8Ranges((first | low_bits) + 1, last, emit);
    }
    if ((last & low_bits) != low_bits) {
      Utf8Ranges(first, (last & ~low_bits) - 1, emit);
      return Utf8Ranges(last & ~low_bits, last, emit);
    }
  }
  std::string from, to;
  AppendUtf8(from, first);
  AppendUtf8(to, last);
  emit(from, to);
}

class Builder {
 public:
  Builder(const std::string& object, Budget& budget) : object_(object), budget_(budget) {}

  Result<Automaton> Build(const Expr& expression) {
    const uint32_t start = NewState();
    const uint32_t end = Add(*expression, start);
    if (error_) return tl::unexpected<Error>(*error_);
    auto automaton = Determinized(nfa_, start, end, budget_);
    if (!automaton) return TooLarge();
    return std::move(*automaton);
  }

 private:
  tl::unexpected<Error> TooLarge() const {
    return BadInput(object_, "a language of too many states",
                    fmt::format("at most {} states in all", kMaxStates),
                    "Use smaller counts and lengths, or fewer choices.");
  }
  uint32_t NewState() {
    if (nfa_.size() >= kMaxNfaStates || budget_.states == 0) {
      if (!error_) error_ = TooLarge().value();
      return 0;
    }
    --budget_.states;
    nfa_.emplace_back();
    nfa_.back().alike = static_cast<uint32_t>(nfa_.size() - 1);
    return nfa_.back().alike;
  }
  void Free(uint32_t from, uint32_t to) { nfa_[from].free.push_back(to); }

  // Adds what leads from `from` to the state that is returned.
  uint32_t Add(const Expression& expression, uint32_t from) {
    if (error_) return from;
    switch (expression.kind) {
      case Kind::kNothing:
        return NewState();
      case Kind::kBytes:
        for (const char c : expression.bytes) from = Byte(from, static_cast<uint8_t>(c));
        return from;
      case Kind::kCodePoints:
        return AddPoints(expression.code_points, from);
      case Kind::kSequence:
        for (const Expr& part : expression.parts) from = Add(*part, from);
        return from;
      case Kind::kChoice: {
        const uint32_t end = NewState();
        for (const Expr& part : expression.parts) {
          const uint32_t begin = NewState();
          Free(from, begin);
          Free(Add(*part, begin), end);
        }
        return end;
      }
      case Kind::kRepeat:
        return AddRepeat(expression, from);
      case Kind::kRule: {
        const uint32_t end = NewState();
        nfa_[from].calls.push_back({expression.rule, end});
        return end;
      }
      case Kind::kBoth:
      case Kind::kExcept:
        return AddProduct(expression, from);
      case Kind::kFields:
        return AddFields(expression, from);
    }
    return from;
  }

  uint32_t Byte(uint32_t from, uint8_t byte) {
    const uint32_t to = NewState();
    nfa_[from].bytes.push_back({byte, byte, to});
    return to;
  }

  uint32_t AddPoints(const CodePoints& points, uint32_t from) {
    const uint32_t end = NewState();
    for (const auto& [first, last] : points.ranges()) {
      Utf8Ranges(first, last, [&](const std::string& low, const std::string& high) {
        uint32_t at = from;
        for (size_t i = 0; i < low.size(); ++i) {
          const uint32_t to = i + 1 == low.size() ? end : NewState();
          nfa_[at].bytes.push_back(
              {static_cast<uint8_t>(low[i]), static_cast<uint8_t>(high[i]), to});
          at = to;
        }
      });
    }
    return end;
  }

  static bool HasRules(const Expression& expression) {
    if (expression.kind == Kind::kRule) return true;
    if (expression.separator && HasRules(*expression.separator)) return true;
    return std::any_of(expression.parts.begin(), expression.parts.end(),
                       [](const Expr& part) { return HasRules(*part); });
  }

  // The small automaton of a part that is needed many times or for a product.
  std::optional<Automaton> Small(const Expr& part) {
    if (HasRules(*part)) {
      error_ =
          BadInput(object_, "a part that may nest, where only a regular one can stand").value();
      return std::nullopt;
    }
    auto made = MakeAutomaton(part, object_, budget_);
    if (!made) {
      error_ = made.error();
      return std::nullopt;
    }
    return made->states.size() <= 3000 ? Minimized(*made) : std::move(*made);
  }

  uint32_t AddAutomaton(const Automaton& automaton, uint32_t from) {
    std::vector<uint32_t> ids;
    const uint32_t end = NewState();
    for (size_t i = 0; i < automaton.states.size(); ++i) ids.push_back(NewState());
    if (error_) return from;
    for (size_t i = 0; i < ids.size(); ++i) {
      for (const ByteEdge& edge : automaton.states[i].bytes) {
        nfa_[ids[i]].bytes.push_back({edge.first, edge.last, ids[edge.to]});
      }
      if (automaton.states[i].final) Free(ids[i], end);
    }
    Free(from, ids[0]);
    return end;
  }

  uint32_t AddRepeat(const Expression& repeat, uint32_t from) {
    const Expression& part = *repeat.parts[0];
    std::optional<Automaton> small;
    if (std::max(repeat.min, repeat.max == kUnlimited ? 0 : repeat.max) > 4 && !HasRules(part)) {
      small = Small(repeat.parts[0]);
      if (!small) return from;
    }
    // Each copy takes a byte at least: the copies that a token can reach lie that near.
    const bool takes_bytes = small && !small->states[0].final;
    uint32_t copy = 0, first_base = 0;
    const auto once = [&](uint32_t at) {
      if (!small) return Add(part, at);
      const auto base = static_cast<uint32_t>(nfa_.size());
      if (copy == 0) first_base = base;
      const uint32_t to = AddAutomaton(*small, at);
      if (takes_bytes && !error_) MarkAlike(repeat, copy, first_base, base);
      ++copy;
      return to;
    };
    const uint32_t end = NewState();
    for (uint32_t i = 0; i < repeat.min && !error_; ++i) from = once(from);
    if (repeat.max == kUnlimited) {
      const uint32_t loop = NewState();
      Free(from, loop);
      const uint32_t begin = NewState();
      Free(loop, begin);
      const uint32_t back = once(begin);
      if (!error_) Free(back, loop);
      return loop;
    }
    Free(from, end);
    for (uint32_t i = repeat.min; i < repeat.max && !error_; ++i) {
      from = once(from);
      Free(from, end);
    }
    return end;
  }

  // The states of copy `copy` of a repetition, which begin at `base`, as those of the first copy
  // that differs only behind what a token can reach. All copies have equally many states, one
  // behind the other.
  void MarkAlike(const Expression& repeat, uint32_t copy, uint32_t first_base, uint32_t base) {
    const uint64_t reach = uint64_t{copy} + budget_.longest_token + 1;
    uint32_t first = copy;
    if (copy < repeat.min) {
      if (reach < repeat.min) first = 0;
    } else if (reach < repeat.max && repeat.max != kUnlimited) {
      first = repeat.min;
    }
    if (first == copy) return;
    const auto size = static_cast<uint32_t>(nfa_.size()) - base;
    const uint32_t other = first_base + first * size;
    for (uint32_t i = 0; i < size; ++i) nfa_[base + i].alike = other + i;
  }

  uint32_t AddProduct(const Expression& product, uint32_t from) {
    const auto a = Small(product.parts[0]);
    const auto b = error_ ? std::nullopt : Small(product.parts[1]);
    if (error_) return from;
    const auto made = ProductOf(*a, *b, product.kind == Kind::kBoth, budget_);
    if (!made) {
      error_ = TooLarge().value();
      return from;
    }
    return AddAutomaton(*made, from);
  }

  // Two rows of states: nothing was written yet, and something was.
  uint32_t AddFields(const Expression& fields, uint32_t from) {
    const uint32_t end = NewState();
    uint32_t none = from, some = NewState();
    for (size_t i = 0; i < fields.parts.size() && !error_; ++i) {
      const Expression& part = *fields.parts[i];
      const uint32_t next_none = NewState(), next_some = NewState();
      const uint32_t begin = NewState(), behind_separator = NewState();
      Free(none, begin);
      Free(Add(part, begin), next_some);
      Free(Add(*fields.separator, some), behind_separator);
      const uint32_t written = Add(part, behind_separator);
      Free(written, next_some);
      if (fields.repeat_last && i + 1 == fields.parts.size()) Free(next_some, some);
      if (fields.optional[i]) {
        Free(none, next_none);
        Free(some, next_some);
      }
      none = next_none;
      some = next_some;
    }
    Free(none, end);
    Free(some, end);
    return end;
  }

  const std::string& object_;
  Budget& budget_;
  std::vector<NfaState> nfa_;
  std::optional<Error> error_;
};

}  // namespace

Result<Automaton> MakeAutomaton(const Expr& expression, const std::string& object, Budget& budget) {
  return Builder(object, budget).Build(expression);
}

bool Accepts(const Automaton& automaton, std::string_view text) {
  uint32_t state = 0;
  for (const char c : text) {
    state = Next(automaton.states[state], static_cast<uint8_t>(c));
    if (state == UINT32_MAX) return false;
  }
  return automaton.states[state].final;
}

}  // namespace burin::constraint
