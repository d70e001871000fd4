// What another model on the same base die changes: vias of the two programmed layers, by tensor.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "mask/die.h"

namespace burin::mask {

struct TensorDiff {
  std::string name;
  int64_t cells = 0;               // places of weights of the new model
  int64_t moved = 0;               // vias at another line
  int64_t added = 0, removed = 0;  // vias where the other model has none
  int64_t scale_bits = 0;  // constant vias that move: scales, codebook and head of its pages
  // |new - old|^2 over |old|^2 of the weights, and the share of it that a LoRA of rank 1, 2, ...
  // holds; empty where the two have no such tensor of equal shape, or where it was not asked for.
  double change_energy = 0;  // |new - old|^2
  double relative_energy = 0;
  double rounding_energy = 0;  // expected of rounding both to their codes (rounding.h)
  std::vector<double> energy_by_rank;
};

// How much of a change a LoRA holds, and what is left of it against what rounding moves anyway. A
// change of that rank or less leaves about 1 at most: the adapter then does what new masks would.
struct LowRankShare {
  double held = 1;  // of the change's energy
  double left_over_rounding = 0;
};

struct MaskDiff {
  std::vector<TensorDiff> tensors;  // of the new model
  int64_t other_removed = 0;        // vias of pages that only the old model uses
  int64_t table_bits = 0;           // constant vias of the table units that move
  int64_t weight_vias_changed() const;
  int64_t constant_vias_changed() const;
  LowRankShare LowRank() const;  // of all tensors that both have, weighted by their change
};

// Both placed on the same chip, with weights. `most_rank` 0: no energies. `progress` may be null;
// it counts tensors. Errors: tables above table_bytes; an interrupt.
Result<MaskDiff> DiffMasks(const PlacedFabric& from, const PlacedFabric& to, const Die& die,
                           int most_rank, Progress* progress);

}  // namespace burin::mask
