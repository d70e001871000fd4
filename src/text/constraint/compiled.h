// A grammar as tables, and the masks that were computed with it.
//
// A place in a text is a stack of states: the top one is where the current rule stands, those below
// are where the rules that called it go on. Several stacks are possible at once.
#pragma once

#include <array>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "text/constraint/automaton.h"
#include "text/constraint/vocabulary.h"

namespace burin::constraint {

inline constexpr uint32_t kNoState = UINT32_MAX;
// Rules inside each other. What must still be called to end a text is counted in before a call, so
// that the limit is no dead end.
inline constexpr uint32_t kMaxStack = 400;
inline constexpr size_t kMaxCacheBytes = size_t{16} << 20;

using Stack = std::vector<uint32_t>;  // bottom first

struct StateInfo {
  uint32_t first_call = 0;  // in `calls`; those of the next state begin where its own end
  uint32_t need = 0;        // levels of the stack that are needed from here to the rule's end
  uint32_t byte_need = 0;   // the same when the next step takes a byte; kNever: none can
  uint32_t alike = 0;       // see AutomatonState
  bool final = false;
  bool plain = false;  // nothing follows but by a byte
};

inline constexpr uint32_t kNever = UINT32_MAX / 4;

// The tokens that one stack allows, if what was looked at is the same.
struct CachedMask {
  std::vector<uint64_t> words;
  uint32_t rise = 0;  // levels above the stack that were needed
};

struct Compiled {
  std::shared_ptr<const Vocabulary> vocabulary;
  std::array<uint8_t, 256> class_of{};
  uint32_t classes = 1;
  std::vector<uint32_t> next;     // [states, classes]: a state or kNoState
  std::vector<StateInfo> states;  // one more at the end
  std::vector<CallEdge> calls;
  std::vector<uint32_t> rule_start;
  uint32_t root = 0;
  bool complete_at_start = false;

  uint32_t Next(uint32_t state, uint8_t byte) const {
    return next[static_cast<size_t>(state) * classes + class_of[byte]];
  }
  uint32_t FirstCall(uint32_t state) const { return states[state].first_call; }
  uint32_t EndCall(uint32_t state) const { return states[state + 1].first_call; }
  bool HasCalls(uint32_t state) const { return FirstCall(state) != EndCall(state); }

  // The masks by the states that they depend on, top first; nothing: it depends on more of them.
  struct Cache {
    std::mutex mutex;
    std::unordered_map<std::string, std::shared_ptr<const CachedMask>> masks;
    size_t bytes = 0;
  };
  mutable Cache cache;
};

// Checks `grammar` and makes its tables for `vocabulary`. `object` stands in errors.
// Errors: kBadInput: a rule that calls itself before it takes a byte, no text at all, a limit.
Result<std::shared_ptr<const Compiled>> Compile(const Grammar& grammar,
                                                std::shared_ptr<const Vocabulary> vocabulary,
                                                const std::string& object);

}  // namespace burin::constraint
