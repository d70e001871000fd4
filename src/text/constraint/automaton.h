// Expressions as deterministic automata over bytes that may call each other.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "text/constraint/expression.h"

namespace burin::constraint {

// What one constraint may take; more is refused.
inline constexpr size_t kMaxNfaStates = 600'000;  // of one rule
inline constexpr size_t kMaxStates = 200'000;     // of all rules together
inline constexpr size_t kMaxRules = 5'000;
inline constexpr size_t kMaxTable = size_t{16} << 20;  // states times classes of bytes

struct ByteEdge {
  uint8_t first;
  uint8_t last;
  uint32_t to;
};
// Rule `rule`, and then on from `to`.
struct CallEdge {
  uint32_t rule;
  uint32_t to;
};

struct AutomatonState {
  std::vector<ByteEdge> bytes;  // in order, not overlapping
  std::vector<CallEdge> calls;  // one a rule
  bool final = false;
  // The first state that no text of up to Budget::longest_token bytes tells from this one: the
  // counted repetitions of a part are alike far from their end.
  uint32_t alike = 0;
};

// Begins in state 0.
struct Automaton {
  std::vector<AutomatonState> states;
};

// What the making of one constraint may take: states of all automata, of parts too.
struct Budget {
  size_t states = 3'000'000;
  uint32_t longest_token = 1024;  // bytes
};

// The automaton of an expression.
// Errors: kBadInput, with `object`, above kMaxStates, when `budget` is used up, or when rules stand
// where they may not.
Result<Automaton> MakeAutomaton(const Expr& expression, const std::string& object, Budget& budget);

// True when the automaton, which has no calls, takes `text`.
bool Accepts(const Automaton& automaton, std::string_view text);

}  // namespace burin::constraint
