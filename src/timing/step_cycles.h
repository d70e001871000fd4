// Cycles of a step of the token's program on a placed chip: which formula of units.h, with which
// sizes. The RTL's sequencer counts the same intervals.
#pragma once

#include <cstdint>
#include <string>

#include "fabric/placed_fabric.h"

namespace burin {

// What a token's time depends on, beside the chip and the model.
struct TokenRequest {
  int64_t positions = 1;     // that it attends to, its own included; >= 1
  int64_t adapter_rank = 0;  // of a LoRA on all matrices of the layers; 0: none
  bool logits = true;        // false: a token of the prompt before the last one; no head pass
};

// Whether the sequencer runs the step for that token: adapter steps only with an adapter, the steps
// behind the last layer only if logits are wanted.
bool Runs(const Step& step, const TokenRequest& request);

// Cycles from the fetch of the step's word to the fetch of the next; for a step that does not run
// kIssue.
int64_t OwnCycles(const PlacedFabric& fabric, const Step& step, const TokenRequest& request);

// The same with the words that are fetched for nothing: those of steps in front of it that do not
// run, and behind the token's last step all to its end. 0 for a step that does not run. All steps
// of a token together are the token. `step` is one of fabric.program.
int64_t StepCycles(const PlacedFabric& fabric, const Step& step, const TokenRequest& request);

// Registers of wire between the engine of the step's layer and the farthest bank of its matrices,
// one way; 0 for a step that stays inside its engine.
int64_t WireStages(const PlacedFabric& fabric, const Step& step);

// What people call the step: "pass gate up", "collect q", "norm", "attend". Steps of different
// layers have the same name; those behind the last layer end in " head".
std::string StageName(const PlacedFabric& fabric, const Step& step);

}  // namespace burin
