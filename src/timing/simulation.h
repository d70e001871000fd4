// The schedule once more, event by event: what the closed forms of schedule.h are held to. Tokens
// walk through their program step by step; an engine (or a folded die, or a link) takes them one at
// a time, first come first served; a pass holds its banks. Written apart from schedule.cc: it knows
// neither stations' sums nor the formulas, only the cycles of single steps.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "fabric/placed_fabric.h"
#include "timing/schedule.h"
#include "timing/step_cycles.h"

namespace burin {

struct SimulatedTokens {
  std::vector<int64_t> finish;  // [jobs]: cycle in which the token has ended
  int64_t bank_conflicts = 0;   // passes that found a bank of theirs in use: must be 0
  int64_t busiest_cycles = 0;   // of the engine or link that worked longest
  int64_t events = 0;
};

// `jobs` tokens in order. Job j starts when job j - `users` has ended, at once if there is none.
// `request_of(job)`: its positions, adapter and whether logits are wanted. `way_back`: whether the
// token crosses back to the first die at its end, as in decoding.
SimulatedTokens SimulateTokens(const PlacedFabric& fabric, int64_t users, int64_t jobs,
                               const std::function<TokenRequest(int64_t job)>& request_of,
                               const LinkTiming& link, bool way_back);

}  // namespace burin
