// Automata without choice from such with, and what is made of two of them. Internal to automaton.h.
#pragma once

#include <optional>
#include <vector>

#include "text/constraint/automaton.h"

namespace burin::constraint {

struct NfaState {
  std::vector<uint32_t> free;  // edges that take no byte
  std::vector<ByteEdge> bytes;
  std::vector<CallEdge> calls;
  uint32_t alike = 0;  // see AutomatonState
};

// The subset construction from `start`; nothing when that takes more than it may.
std::optional<Automaton> Determinized(const std::vector<NfaState>& nfa, uint32_t start,
                                      uint32_t accept, Budget& budget);

// Merges states that take the same texts (Moore's refinement); for automata without calls.
Automaton Minimized(const Automaton& automaton);

// What is in `a` and (`inside`) in `b`, or not in it; neither has calls.
std::optional<Automaton> ProductOf(const Automaton& a, const Automaton& b, bool inside,
                                   Budget& budget);

// Where `byte` leads to, or UINT32_MAX.
uint32_t Next(const AutomatonState& state, uint8_t byte);

}  // namespace burin::constraint
