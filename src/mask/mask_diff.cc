#include "mask/mask_diff.h"

#include <algorithm>
#include <bit>

#include "base/interrupt.h"
#include "mask/layer_reader.h"
#include "mask/low_rank.h"
#include "mask/masks_writer.h"
#include "mask/page_constants.h"
#include "mask/rounding.h"
#include "mask/table_rom.h"

namespace burin::mask {
namespace {

using Bytes = std::vector<uint8_t>;

int64_t BitsBetween(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  int64_t bits = 0;
  for (size_t i = 0; i < a.size(); ++i) bits += std::popcount(static_cast<unsigned>(a[i] ^ b[i]));
  return bits;
}

// Pages of a placement: what lies on (die, bank of the die, page).
class Pages {
 public:
  Pages(const PlacedFabric& fabric, const Die& die)
      : fabric_(fabric), die_(die), blocks_(BlocksByPage(fabric)) {}

  const PlacedBlock* At(int64_t which, int64_t local, int64_t page) const {
    if (which >= fabric_.dies) return nullptr;
    const auto d = static_cast<size_t>(which);
    const int64_t bank = fabric_.die_first_bank[d] + local;
    if (bank >= fabric_.die_first_bank[d + 1]) return nullptr;
    return blocks_[static_cast<size_t>(bank * fabric_.chip.fold + page)];
  }
  // Codes of a page, kNoVia without a block.
  Bytes Codes(const PlacedBlock* block) const {
    Bytes codes(static_cast<size_t>(fabric_.chip.rows * fabric_.chip.columns), kNoVia);
    if (block != nullptr) BlockCodes(fabric_, *block, codes);
    return codes;
  }
  Bytes Constants(const PlacedBlock* block) const {
    Bytes bytes(static_cast<size_t>(die_.PageBytes()));
    if (block != nullptr) FillPageConstants(fabric_, *block, bytes);
    return bytes;
  }

 private:
  const PlacedFabric& fabric_;
  const Die& die_;
  const std::vector<const PlacedBlock*> blocks_;
};

void CountPages(const PlacedFabric& from, const PlacedFabric& to, const Die& die, MaskDiff& diff) {
  const Pages old_pages(from, die), new_pages(to, die);
  for (int64_t which = 0; which < std::max(from.dies, to.dies); ++which) {
    for (int64_t bank = 0; bank < die.chip().banks; ++bank) {
      for (int64_t page = 0; page < die.chip().fold; ++page) {
        const PlacedBlock* a = old_pages.At(which, bank, page);
        const PlacedBlock* b = new_pages.At(which, bank, page);
        if (a == nullptr && b == nullptr) continue;
        TensorDiff none;
        TensorDiff& tensor = b != nullptr ? diff.tensors[static_cast<size_t>(b->matrix)] : none;
        const Bytes before = old_pages.Codes(a), after = new_pages.Codes(b);
        for (size_t i = 0; i < before.size(); ++i) {
          if (before[i] == after[i]) continue;
          if (before[i] == kNoVia) {
            ++tensor.added;
          } else if (after[i] == kNoVia) {
            ++tensor.removed;
          } else {
            ++tensor.moved;
          }
        }
        if (b != nullptr) tensor.cells += die.chip().rows * die.chip().columns;
        tensor.scale_bits += BitsBetween(old_pages.Constants(a), new_pages.Constants(b));
        diff.other_removed += none.removed;
        diff.table_bits += none.scale_bits;
      }
    }
  }
}

void MeasureEnergy(const PackedMatrix& before, const PackedMatrix& after, int most_rank,
                   TensorDiff& tensor) {
  const MatrixShape& shape = after.shape;
  std::vector<float> change(static_cast<size_t>(shape.rows * shape.cols));
  double old_energy = 0, energy = 0, rounding = 0;
  const RoundingError old_error(before), new_error(after);
  for (int64_t r = 0; r < shape.rows; ++r) {
    for (int64_t c = 0; c < shape.cols; ++c) {
      const double old_value = WeightValue(before, r, c),
                   delta = WeightValue(after, r, c) - old_value;
      old_energy += old_value * old_value;
      energy += delta * delta;
      rounding += old_error.At(r, c) + new_error.At(r, c);
      change[static_cast<size_t>(r * shape.cols + c)] = static_cast<float>(delta);
    }
  }
  tensor.change_energy = energy;
  tensor.rounding_energy = rounding;
  tensor.relative_energy = old_energy > 0 ? energy / old_energy : 0;
  if (energy > 0) tensor.energy_by_rank = EnergyByRank(change, shape.rows, shape.cols, most_rank);
}

}  // namespace

int64_t MaskDiff::weight_vias_changed() const {
  int64_t changed = other_removed;
  for (const TensorDiff& t : tensors) changed += t.moved + t.added + t.removed;
  return changed;
}

LowRankShare MaskDiff::LowRank() const {
  double held = 0, change = 0, rounding = 0;
  for (const TensorDiff& t : tensors) {
    if (t.energy_by_rank.empty()) continue;
    held += t.change_energy * t.energy_by_rank.back();
    change += t.change_energy;
    rounding += t.rounding_energy;
  }
  if (change == 0) return {1, 0};
  return {held / change, rounding > 0 ? (change - held) / rounding : 0};
}

int64_t MaskDiff::constant_vias_changed() const {
  int64_t changed = table_bits;
  for (const TensorDiff& t : tensors) changed += t.scale_bits;
  return changed;
}

Result<MaskDiff> DiffMasks(const PlacedFabric& from, const PlacedFabric& to, const Die& die,
                           int most_rank, Progress* progress) {
  MaskDiff diff;
  for (const MatrixEntry& entry : to.plan.matrices)
    diff.tensors.push_back({entry.name, 0, 0, 0, 0, 0, 0, 0, 0, {}});
  BURIN_ASSIGN(Bytes before, TableRomOf(from));
  BURIN_ASSIGN(Bytes after, TableRomOf(to));
  before.resize(std::max(before.size(), after.size()));
  after.resize(before.size());
  diff.table_bits = BitsBetween(before, after) * std::max(from.dies, to.dies);
  CountPages(from, to, die, diff);
  const auto old_matrices = MatricesIn(*from.plan.weights),
             new_matrices = MatricesIn(*to.plan.weights);
  for (size_t m = 0; m < new_matrices.size() && most_rank > 0; ++m) {
    if (InterruptRequested()) return Interrupted("burin mask diff");
    const bool same = m < old_matrices.size() &&
                      from.plan.matrices[m].name == to.plan.matrices[m].name &&
                      old_matrices[m]->shape.rows == new_matrices[m]->shape.rows &&
                      old_matrices[m]->shape.cols == new_matrices[m]->shape.cols;
    if (same) MeasureEnergy(*old_matrices[m], *new_matrices[m], most_rank, diff.tensors[m]);
    if (progress != nullptr) progress->Add(1);
  }
  return diff;
}

}  // namespace burin::mask
