// The program of one token: what the sequencer does, step after step (docs/machine.md). Mask data
// as much as the weights are.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model/model.h"

namespace burin {

enum class Op : uint8_t {
  kEmbed,      // residual = embedding column of the token
  kNorm,       // residual -> RMSNorm (-> gain) -> block float -> activation buffers
  kAdaptDown,  // adapter: rank vectors t = A x of the matrices of the next pass
  kPass,       // raw sums of up to three matrices
  kCollect,  // sums of one matrix -> adder tree -> output stage (+ adapter, bias) -> vector memory
  kCollectAdd,     // the same, added to the residual stream
  kHeadNorm,       // RMSNorm with gain of each head of q or k
  kRotate,         // rotary embedding of q or k
  kQuantizeHeads,  // heads of q, k or v -> int8 + exponent; k and v to the KV SRAM
  kAttend,         // all query heads over the positions so far
  kQuantize,       // attention output -> block float -> activation buffers
  kSwiGlu,         // gate, up -> block float -> activation buffers
  kCollectLogits,  // head -> logits -> top-k
};
const char* OpName(Op op);

struct Step {
  Op op = Op::kEmbed;
  int32_t layer = -1;                           // -1: outside the layers
  std::array<int32_t, 3> matrices{-1, -1, -1};  // indices into ModelPlan::matrices
  int64_t values = 0;                           // length of the vector that the step walks over
  bool only_with_adapter = false;               // skipped when the request has no adapter
};

using Program = std::vector<Step>;

// The steps of a token of that geometry, in order. Pure: depends on nothing else.
Program MakeProgram(const ModelConfig& config);

}  // namespace burin
