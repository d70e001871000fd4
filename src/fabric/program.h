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
  int32_t layer = -1;  // -1: outside the layers
  // Indices into ModelPlan::matrices: those of a pass (and of its adapter step), the one that is
  // collected; for head norms, rotations and head quantizers the one that made the vector (q, k or
  // v).
  std::array<int32_t, 3> matrices{-1, -1, -1};
  int64_t values =
      0;  // of the vector that the step walks over: inputs of a pass, outputs of a collect
  bool only_with_adapter = false;  // skipped when the request has no adapter
};

using Program = std::vector<Step>;

// The matrices of a layer lie in ModelPlan::matrices at 1 + 7 * layer: q, k, v, o, gate, up, down;
// 0 is the embedding, the last one the head unless it is tied (then 0 is the head, too). The steps
// of a token of that geometry, in order. Pure: depends on nothing else.
Program MakeProgram(const ModelConfig& config);

}  // namespace burin
