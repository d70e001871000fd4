#include <algorithm>
#include <map>

#include "text/constraint/compiled.h"

namespace burin::constraint {
namespace {

// Places that one state may lead to without a byte.
constexpr size_t kMaxFollowing = 2000;

// All rules' states in one list.
struct Joined {
  std::vector<AutomatonState> states;
  std::vector<uint32_t> rule_start;
};

Result<Joined> Join(const Grammar& grammar, const Vocabulary& vocabulary,
                    const std::string& object) {
  Joined joined;
  Budget budget;
  budget.longest_token = vocabulary.longest;
  if (grammar.rules.size() > kMaxRules) {
    return BadInput(object, fmt::format("{} rules", grammar.rules.size()),
                    fmt::format("at most {}", kMaxRules));
  }
  for (const Expr& rule : grammar.rules) {
    BURIN_ASSIGN(Automaton automaton, MakeAutomaton(rule, object, budget));
    const auto base = static_cast<uint32_t>(joined.states.size());
    joined.rule_start.push_back(base);
    for (AutomatonState& state : automaton.states) {
      for (ByteEdge& edge : state.bytes) edge.to += base;
      for (CallEdge& edge : state.calls) edge.to += base;
      state.alike += base;
      joined.states.push_back(std::move(state));
    }
    if (joined.states.size() > kMaxStates) {
      return BadInput(object, "a language of too many states",
                      fmt::format("at most {}", kMaxStates), "Make it simpler.");
    }
  }
  return joined;
}

// Only bytes that have a token of their own can be promised to be there: others are taken out.
void DropBytesWithoutToken(const Vocabulary& vocabulary, Joined& joined) {
  for (AutomatonState& state : joined.states) {
    std::vector<ByteEdge> kept;
    for (const ByteEdge& edge : state.bytes) {
      for (uint32_t byte = edge.first; byte <= edge.last; ++byte) {
        if (!vocabulary.has_byte[byte]) continue;
        const auto b = static_cast<uint8_t>(byte);
        if (!kept.empty() && kept.back().to == edge.to && kept.back().last + 1u == byte) {
          kept.back().last = b;
        } else {
          kept.push_back({b, b, edge.to});
        }
      }
    }
    state.bytes = std::move(kept);
  }
}

// By state: how many calls inside each other its rule's end takes at least; kNever: it has no end.
std::vector<uint32_t> Needs(const Joined& joined) {
  std::vector<uint32_t> need(joined.states.size(), kNever);
  // A rule that needs more rounds than this nests too deep to be of use, and counts as never
  // ending.
  constexpr int kMaxRounds = 1000;
  bool changed = true;
  for (int round = 0; changed && round < kMaxRounds; ++round) {
    changed = false;
    for (size_t i = joined.states.size(); i-- > 0;) {
      const AutomatonState& state = joined.states[i];
      uint32_t best = state.final ? 0 : need[i];
      for (const ByteEdge& edge : state.bytes) best = std::min(best, need[edge.to]);
      for (const CallEdge& call : state.calls) {
        const uint32_t inner = need[joined.rule_start[call.rule]] + 1;
        best = std::min(best, std::max(inner, need[call.to]));
      }
      if (best < need[i]) {
        need[i] = best;
        changed = true;
      }
    }
  }
  return need;
}

void DropDeadEnds(const std::vector<uint32_t>& need, Joined& joined) {
  for (AutomatonState& state : joined.states) {
    std::erase_if(state.bytes, [&](const ByteEdge& edge) { return need[edge.to] >= kNever; });
    std::erase_if(state.calls, [&](const CallEdge& call) {
      return need[call.to] >= kNever || need[joined.rule_start[call.rule]] >= kNever;
    });
  }
}

// Finds rules that call themselves before they take a byte.
class LeftRecursion {
 public:
  explicit LeftRecursion(const Joined& joined)
      : joined_(joined),
        nullable_(joined.rule_start.size(), false),
        colour_(joined.rule_start.size(), 0) {
    for (bool changed = true; changed;) {
      changed = false;
      for (size_t rule = 0; rule < nullable_.size(); ++rule) {
        if (nullable_[rule]) continue;
        const auto states = AtStart(rule);
        nullable_[rule] = std::any_of(states.begin(), states.end(),
                                      [&](uint32_t state) { return joined_.states[state].final; });
        changed = changed || nullable_[rule];
      }
    }
  }

  bool NullableAt(uint32_t rule) const { return nullable_[rule]; }

  // True when some state leads to too many places before it takes a byte.
  bool IsTooAmbiguous() const {
    std::vector<size_t> following(joined_.states.size(), 0);
    for (uint32_t state = 0; state < following.size(); ++state) {
      if (Following(state, following, 0) > kMaxFollowing) return true;
    }
    return false;
  }

  // The number of a rule in a circle, or of rules when there is none.
  size_t Find() {
    for (size_t rule = 0; rule < colour_.size(); ++rule) {
      if (colour_[rule] == 0 && Visit(rule)) return rule;
    }
    return colour_.size();
  }

 private:
  // 0 in `known`: not counted yet, or being counted (a circle of empty rules).
  size_t Following(uint32_t state, std::vector<size_t>& known, int depth) const {
    if (known[state] > 0) return known[state];
    const std::vector<CallEdge>& calls = joined_.states[state].calls;
    if (calls.empty()) return known[state] = 1;
    if (depth > 500) return kMaxFollowing + 1;
    size_t count = 1;
    for (const CallEdge& call : calls) {
      count += Following(joined_.rule_start[call.rule], known, depth + 1);
      if (nullable_[call.rule] && call.to != state) count += Following(call.to, known, depth + 1);
      if (count > kMaxFollowing) break;
    }
    return known[state] = count;
  }

  // The states that `rule` can be in before it takes a byte.
  std::vector<uint32_t> AtStart(size_t rule) const {
    std::vector<uint32_t> states = {joined_.rule_start[rule]};
    for (size_t i = 0; i < states.size(); ++i) {
      for (const CallEdge& call : joined_.states[states[i]].calls) {
        if (nullable_[call.rule] &&
            std::find(states.begin(), states.end(), call.to) == states.end()) {
          states.push_back(call.to);
        }
      }
    }
    return states;
  }

  std::vector<uint32_t> Callees(size_t rule) const {
    std::vector<uint32_t> callees;
    for (const uint32_t state : AtStart(rule)) {
      for (const CallEdge& call : joined_.states[state].calls) callees.push_back(call.rule);
    }
    return callees;
  }

  bool Visit(size_t root) {
    struct Open {
      size_t rule;
      std::vector<uint32_t> callees;
    };
    std::vector<Open> open = {{root, Callees(root)}};
    colour_[root] = 1;
    while (!open.empty()) {
      if (open.back().callees.empty()) {
        colour_[open.back().rule] = 2;
        open.pop_back();
        continue;
      }
      const uint32_t next = open.back().callees.back();
      open.back().callees.pop_back();
      if (colour_[next] == 1) return true;
      if (colour_[next] == 2) continue;
      colour_[next] = 1;
      open.push_back({next, Callees(next)});
    }
    return false;
  }

  const Joined& joined_;
  std::vector<bool> nullable_;
  std::vector<uint8_t> colour_;  // 0 new, 1 open, 2 done
};

// Bytes that no edge tells apart get one class.
void MakeClasses(const Joined& joined, Compiled& compiled) {
  std::array<bool, 257> border{};
  for (const AutomatonState& state : joined.states) {
    for (const ByteEdge& edge : state.bytes) {
      border[edge.first] = true;
      border[edge.last + 1u] = true;
    }
  }
  uint32_t current = 0;
  for (uint32_t byte = 0; byte < 256; ++byte) {
    if (byte > 0 && border[byte]) ++current;
    compiled.class_of[byte] = static_cast<uint8_t>(current);
  }
  compiled.classes = current + 1;
}

Status MakeTables(const Joined& joined, const std::vector<uint32_t>& need,
                  const std::string& object, Compiled& compiled) {
  MakeClasses(joined, compiled);
  const size_t count = joined.states.size();
  if (count * compiled.classes > kMaxTable) {
    return BadInput(object, fmt::format("{} states of {} kinds of bytes", count, compiled.classes),
                    fmt::format("a table of at most {}", kMaxTable), "Make it simpler.");
  }
  compiled.next.assign(count * compiled.classes, kNoState);
  for (size_t i = 0; i < count; ++i) {
    const AutomatonState& state = joined.states[i];
    uint32_t byte_need = kNever;
    for (const ByteEdge& edge : state.bytes) byte_need = std::min(byte_need, need[edge.to]);
    compiled.states.push_back({static_cast<uint32_t>(compiled.calls.size()), need[i], byte_need,
                               state.alike, state.final, !state.final && state.calls.empty()});
    compiled.calls.insert(compiled.calls.end(), state.calls.begin(), state.calls.end());
    for (const ByteEdge& edge : state.bytes) {
      for (uint32_t c = compiled.class_of[edge.first]; c <= compiled.class_of[edge.last]; ++c) {
        compiled.next[i * compiled.classes + c] = edge.to;
      }
    }
  }
  compiled.states.push_back(
      {static_cast<uint32_t>(compiled.calls.size()), 0, kNever, 0, false, false});
  compiled.rule_start = joined.rule_start;
  return {};
}

}  // namespace

Result<std::shared_ptr<const Compiled>> Compile(const Grammar& grammar,
                                                std::shared_ptr<const Vocabulary> vocabulary,
                                                const std::string& object) {
  BURIN_ASSIGN(Joined joined, Join(grammar, *vocabulary, object));
  DropBytesWithoutToken(*vocabulary, joined);
  const std::vector<uint32_t> need = Needs(joined);
  const uint32_t start = joined.rule_start[grammar.root];
  if (need[start] >= kNever) {
    return BadInput(object, "no text at all that fits, in the bytes that this vocabulary has",
                    "at least one");
  }
  if (need[start] >= kMaxStack) {
    return BadInput(object, fmt::format("texts that nest at least {} deep", need[start]),
                    fmt::format("less than {}", kMaxStack));
  }
  DropDeadEnds(need, joined);
  LeftRecursion recursion(joined);
  if (const size_t rule = recursion.Find(); rule < grammar.rules.size()) {
    return BadInput(object,
                    fmt::format("rule '{}' calls itself before it takes a character",
                                rule < grammar.names.size() ? grammar.names[rule] : ""),
                    "no left recursion", "Write `a ::= b a | b` instead of `a ::= a b | b`.");
  }
  if (recursion.IsTooAmbiguous()) {
    return BadInput(object, "too many alternatives at one place",
                    fmt::format("at most {}", kMaxFollowing), "Make it simpler.");
  }
  auto compiled = std::make_shared<Compiled>();
  compiled->vocabulary = std::move(vocabulary);
  compiled->root = grammar.root;
  compiled->complete_at_start = recursion.NullableAt(grammar.root);
  BURIN_TRY(MakeTables(joined, need, object, *compiled));
  return std::shared_ptr<const Compiled>(std::move(compiled));
}

}  // namespace burin::constraint
