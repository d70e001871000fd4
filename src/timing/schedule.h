// The schedule of tokens on a placed chip. Steps of one token follow one another, so its time is
// the sum over its steps. Tokens of different users share the chip: a *station* (a layer engine
// with its banks; with folded banks the whole die; a link between dies) serves one token at a time,
// first come first served, and every token visits the stations in the same order.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "fabric/placed_fabric.h"
#include "timing/step_cycles.h"

namespace burin {

// A link between dies in cycles of the chip's clock.
struct LinkTiming {
  int64_t latency_cycles = 0;
  double cycles_per_byte = 0;
  // clock in Hz, bandwidth in B/s, latency in s; rounded up to whole cycles.
  static LinkTiming Of(double clock_hz, double bytes_per_s, double latency_s);
  int64_t TransferCycles(int64_t bytes) const;  // at least 1
};

// What serves one token at a time.
struct Station {
  std::string name;  // "engine 0", "die 1", "link 0-1"
  int32_t die = 0;   // a link: where it starts
  bool is_link = false;
  bool is_way_back = false;  // the link that carries the token's id to the first die
  int64_t busy_cycles = 0;   // for one token
  int64_t delay_cycles = 0;  // behind it, not occupying it: the latency of a link
  int64_t attends = 0;       // attention steps among them
};

struct StepTime {
  int32_t step = 0;  // index into the program
  int32_t station = 0;
  int64_t begin = 0, cycles = 0;  // from the token's start; `begin` counts links before it
};

struct TokenSchedule {
  TokenRequest request;
  std::vector<StepTime> steps;  // those that run, in order
  std::vector<Station> stations;
  int64_t cycles = 0;             // of one token alone, links and the way back included
  int64_t link_cycles = 0;        // of these, on links
  int64_t way_back_cycles = 0;    // of a single station over several dies: in its busy cycles
  int64_t bottleneck_cycles = 0;  // of the busiest station
};

TokenSchedule ScheduleToken(const PlacedFabric& fabric, const TokenRequest& request,
                            const LinkTiming& link);

// The cycle in which token `job` ends: 0, 1, ... in order of their starts, `users` >= 1 at a time,
// a user's next token behind its last. All tokens take what the schedule says. Closed form:
//   cycles + floor(job / users) * max(cycles, users * bottleneck) + (job mod users) * bottleneck
int64_t FinishCycle(const TokenSchedule& schedule, int64_t users, int64_t job);

// Tokens a cycle of all users together, in the long run: min(users / cycles, 1 / bottleneck).
double TokensPerCycle(const TokenSchedule& schedule, int64_t users);

// Fewest users that keep the busiest station busy.
int64_t UsersToSaturate(const TokenSchedule& schedule);

// Cycles from the first of `prompt` >= 1 tokens to the logits behind the last, on an empty chip:
// each token attends to those before it, and enters a station as soon as the one before has left
// it. Without overlap (`overlap` false) a token starts when the one before has passed all stations.
int64_t PrefillCycles(const PlacedFabric& fabric, int64_t prompt, int64_t adapter_rank,
                      const LinkTiming& link, bool overlap = true);

// Cycles by kind of work of one token: why it takes its time. They sum to the schedule's cycles.
struct CycleCauses {
  int64_t word_lines = 0;  // rows that passes open, one a cycle
  int64_t attention = 0;   // walks over the positions and their pipes
  int64_t vector = 0;      // norm, rotation, quantizers, SwiGLU
  int64_t collect = 0;     // W sums (or logits) a cycle, and the trees
  int64_t fill = 0;        // bank pipes, drain of the last groups, issue of steps
  int64_t wire = 0;        // registers between engine and banks
  int64_t adapter = 0;     // LoRA: rank vectors, and collects that wait for B t
  int64_t link = 0;
};
CycleCauses CausesOf(const PlacedFabric& fabric, const TokenSchedule& schedule);

}  // namespace burin
