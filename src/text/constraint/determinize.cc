#include "text/constraint/determinize.h"

#include <algorithm>
#include <map>
#include <unordered_map>

namespace burin::constraint {
namespace {

struct StateSetHash {
  size_t operator()(const std::vector<uint32_t>& set) const {
    uint64_t hash = 1469598103934665603u;
    for (const uint32_t state : set) hash = (hash ^ state) * 1099511628211u;
    return hash;
  }
};

// Subset construction.
class Determinizer {
 public:
  Determinizer(const std::vector<NfaState>& nfa, uint32_t accept, Budget& budget)
      : nfa_(nfa), accept_(accept), budget_(budget), seen_(nfa.size(), 0) {}

  // Nothing when there are too many states.
  std::optional<Automaton> Run(uint32_t start) {
    Add({start});
    for (size_t i = 0; i < sets_.size(); ++i) {
      if (sets_.size() > kMaxStates || sets_[i].size() >= budget_.states) return std::nullopt;
      budget_.states -= sets_[i].size();
      Expand(static_cast<uint32_t>(i));
    }
    return std::move(automaton_);
  }

 private:
  uint32_t Add(std::vector<uint32_t> states) {
    Close(states);
    const auto [place, fresh] = index_.try_emplace(states, static_cast<uint32_t>(sets_.size()));
    if (fresh) {
      AutomatonState& made = automaton_.states.emplace_back();
      made.final = std::binary_search(states.begin(), states.end(), accept_);
      std::vector<uint32_t> signature;
      signature.reserve(states.size());
      for (const uint32_t state : states) signature.push_back(nfa_[state].alike);
      std::sort(signature.begin(), signature.end());
      signature.erase(std::unique(signature.begin(), signature.end()), signature.end());
      made.alike = alike_.try_emplace(std::move(signature), place->second).first->second;
      sets_.push_back(std::move(states));
    }
    return place->second;
  }

  void Close(std::vector<uint32_t>& states) {
    ++round_;
    std::vector<uint32_t> closed;
    for (const uint32_t state : states) Visit(state, closed);
    for (size_t i = 0; i < closed.size(); ++i) {
      for (const uint32_t next : nfa_[closed[i]].free) Visit(next, closed);
    }
    // States that only lead on say nothing about the set.
    std::erase_if(closed, [&](uint32_t state) {
      const NfaState& s = nfa_[state];
      return s.bytes.empty() && s.calls.empty() && state != accept_;
    });
    std::sort(closed.begin(), closed.end());
    states = std::move(closed);
  }
  void Visit(uint32_t state, std::vector<uint32_t>& out) {
    if (std::exchange(seen_[state], round_) != round_) out.push_back(state);
  }

  void Expand(uint32_t from) {
    std::vector<ByteEdge> edges;
    std::map<uint32_t, std::vector<uint32_t>> calls;
    for (const uint32_t state : sets_[from]) {
      edges.insert(edges.end(), nfa_[state].bytes.begin(), nfa_[state].bytes.end());
      for (const CallEdge& call : nfa_[state].calls) calls[call.rule].push_back(call.to);
    }
    std::vector<uint32_t> borders;  // where some edge begins or has ended
    for (const ByteEdge& edge : edges) {
      borders.push_back(edge.first);
      borders.push_back(edge.last + 1u);
    }
    std::sort(borders.begin(), borders.end());
    borders.erase(std::unique(borders.begin(), borders.end()), borders.end());
    std::vector<ByteEdge> made;
    for (size_t i = 0; i + 1 < borders.size(); ++i) {
      std::vector<uint32_t> targets;
      for (const ByteEdge& edge : edges) {
        if (edge.first <= borders[i] && borders[i] <= edge.last) targets.push_back(edge.to);
      }
      if (targets.empty()) continue;
      const uint32_t to = Add(std::move(targets));
      const auto last = static_cast<uint8_t>(borders[i + 1] - 1);
      if (!made.empty() && made.back().to == to && made.back().last + 1u == borders[i]) {
        made.back().last = last;
      } else {
        made.push_back({static_cast<uint8_t>(borders[i]), last, to});
      }
    }
    for (auto& [rule, targets] : calls) {
      const uint32_t to = Add(std::move(targets));
      automaton_.states[from].calls.push_back({rule, to});
    }
    automaton_.states[from].bytes = std::move(made);
  }

  const std::vector<NfaState>& nfa_;
  const uint32_t accept_;
  Budget& budget_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  std::vector<std::vector<uint32_t>> sets_;
  std::unordered_map<std::vector<uint32_t>, uint32_t, StateSetHash> index_, alike_;
  Automaton automaton_;
};

// The states of a product: what is in `a` and (`inside`) in `b` or not in it.
class Product {
 public:
  Product(const Automaton& a, const Automaton& b, bool inside) : a_(a), b_(b), inside_(inside) {}

  std::optional<Automaton> Run(Budget& budget) {
    Add(0, 0);
    for (size_t i = 0; i < pairs_.size(); ++i) {
      if (pairs_.size() > kMaxStates || budget.states < 10) return std::nullopt;
      budget.states -= 10;  // 256 bytes each
      const auto [x, y] = pairs_[i];
      std::vector<ByteEdge> made;
      for (uint32_t byte = 0; byte < 256; ++byte) {
        const auto b = static_cast<uint8_t>(byte);
        const uint32_t to_a = Next(a_.states[x], b);
        const uint32_t to_b = y == UINT32_MAX ? y : Next(b_.states[y], b);
        if (to_a == UINT32_MAX || (inside_ && to_b == UINT32_MAX)) continue;
        const uint32_t to = Add(to_a, to_b);
        if (!made.empty() && made.back().to == to && made.back().last + 1u == byte) {
          made.back().last = b;
        } else {
          made.push_back({b, b, to});
        }
      }
      out_.states[i].bytes = std::move(made);
    }
    return std::move(out_);
  }

 private:
  uint32_t Add(uint32_t x, uint32_t y) {
    const auto [place, fresh] = index_.try_emplace({x, y}, static_cast<uint32_t>(pairs_.size()));
    if (fresh) {
      pairs_.emplace_back(x, y);
      const bool in_b = y != UINT32_MAX && b_.states[y].final;
      AutomatonState& state = out_.states.emplace_back();
      state.final = a_.states[x].final && in_b == inside_;
    }
    return place->second;
  }

  const Automaton &a_, &b_;
  const bool inside_;
  std::vector<std::pair<uint32_t, uint32_t>> pairs_;
  std::map<std::pair<uint32_t, uint32_t>, uint32_t> index_;
  Automaton out_;
};

}  // namespace

std::optional<Automaton> Determinized(const std::vector<NfaState>& nfa, uint32_t start,
                                      uint32_t accept, Budget& budget) {
  return Determinizer(nfa, accept, budget).Run(start);
}

std::optional<Automaton> ProductOf(const Automaton& a, const Automaton& b, bool inside,
                                   Budget& budget) {
  return Product(a, b, inside).Run(budget);
}

uint32_t Next(const AutomatonState& state, uint8_t byte) {
  for (const ByteEdge& edge : state.bytes) {
    if (edge.first <= byte && byte <= edge.last) return edge.to;
  }
  return UINT32_MAX;
}

Automaton Minimized(const Automaton& automaton) {
  const size_t count = automaton.states.size();
  std::vector<uint32_t> group(count);
  for (size_t i = 0; i < count; ++i) group[i] = automaton.states[i].final ? 1 : 0;
  for (size_t groups = 0;;) {
    std::map<std::vector<uint32_t>, uint32_t> ids;
    std::vector<uint32_t> refined(count);
    for (size_t i = 0; i < count; ++i) {
      std::vector<uint32_t> signature = {group[i]};
      for (const ByteEdge& edge : automaton.states[i].bytes) {
        const uint32_t to = group[edge.to];
        const size_t size = signature.size();  // adjacent edges into one group count as one
        if (size > 3 && signature[size - 1] == to && signature[size - 2] + 1 == edge.first) {
          signature[size - 2] = edge.last;
        } else {
          signature.insert(signature.end(), {edge.first, edge.last, to});
        }
      }
      refined[i] =
          ids.try_emplace(std::move(signature), static_cast<uint32_t>(ids.size())).first->second;
    }
    group = std::move(refined);
    if (ids.size() == groups) break;
    groups = ids.size();
  }
  Automaton small;
  small.states.resize(*std::max_element(group.begin(), group.end()) + 1);
  for (size_t i = count; i-- > 0;) {
    AutomatonState& state = small.states[group[i]];
    state = automaton.states[i];
    state.alike = group[i];
    for (ByteEdge& edge : state.bytes) edge.to = group[edge.to];
  }
  return small;  // group[0] is 0: state 0 comes first in the last round
}

}  // namespace burin::constraint
