// What the layer engine is told about a model: where vectors lie in the vector memory, which
// activation vector feeds which matrices, the words of the program ROM and the constants
// (hw/README.md, "Program word").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "rtl/rom.h"

namespace burin {

// First words of the vectors in the vector memory.
struct VectorMap {
  int64_t residual = 0, q = 0, k = 0, v = 0, attention = 0, gate = 0, up = 0;
  int64_t words = 0;  // of the whole memory
};

// A vector that enters the fabric, and the matrices that read it: they pass together.
struct ActivationVector {
  std::string name;               // "l3_qkv"
  int64_t inputs = 0;             // K
  std::vector<int32_t> matrices;  // indices into ModelPlan::matrices
};

// What a step leaves in the vector memory, for a bench: `values` values from word `address` on.
// values 0: nothing that the reference knows.
struct StepResult {
  Op op = Op::kEmbed;
  int32_t layer = -1;
  int32_t matrix = -1;
  int64_t address = 0, values = 0;
};

struct EnginePlan {
  int64_t lanes = 0;   // W
  bool embeds = true;  // false: the fabric of a tile, without the embedding's readers
  VectorMap map;
  std::vector<ActivationVector> vectors;  // index = `select`
  std::vector<int32_t> vector_of;         // of each matrix; -1: no pass reads it (the embedding)
  std::vector<StepResult> results;        // of each step of the program
  RomImage program{1, 160};               // one word a step, and the end
  RomImage constants{1, 32};              // gains and biases, W a word
  RomImage rotary_coarse{1, 32}, rotary_fine{1, 32};  // [turn][pair] {sin, cos}
};

// `fabric.plan.weights` must be there.
// Errors: kBadInput for a chip and a model that the modules of hw/ cannot serve together, with the
// condition and a value that would do.
Result<EnginePlan> PlanEngine(const PlacedFabric& fabric);

// Logical columns of a bank for that matrix: half the physical ones at 6 bits.
int64_t LogicalColumns(const PlacedFabric& fabric, int64_t matrix);

}  // namespace burin
