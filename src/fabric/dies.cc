#include "fabric/dies.h"

#include <algorithm>
#include <limits>

namespace burin {
namespace {

constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Fills dies one after the other as far as `most_banks` and `most_layers` allow; empty when a unit
// alone is too much.
std::vector<DieShare> Fill(const std::vector<Unit>& units, int64_t fold, int64_t most_banks,
                           int64_t most_layers) {
  std::vector<DieShare> dies;
  int64_t blocks = 0, largest = 0;
  for (size_t i = 0; i < units.size(); ++i) {
    const Unit& unit = units[i];
    const int64_t alone = std::max(CeilDiv(unit.blocks, fold), unit.largest_step);
    if (alone > most_banks || unit.layers > most_layers) return {};
    const int64_t joined =
        std::max(CeilDiv(blocks + unit.blocks, fold), std::max(largest, unit.largest_step));
    if (dies.empty() || joined > most_banks || dies.back().layers + unit.layers > most_layers) {
      dies.push_back({i, i, 0, 0});
      blocks = largest = 0;
    }
    blocks += unit.blocks;
    largest = std::max(largest, unit.largest_step);
    DieShare& die = dies.back();
    die.end = i + 1;
    die.layers += unit.layers;
    die.banks = std::max(CeilDiv(blocks, fold), largest);
  }
  return dies;
}

// The least limit of banks a die, at most `most`, with which `count` dies do.
int64_t LeastLimit(const std::vector<Unit>& units, int64_t fold, size_t count, int64_t most,
                   int64_t most_layers) {
  int64_t low = 1, high = most;
  while (low < high) {
    const int64_t middle = low + (high - low) / 2;
    const auto spread = Fill(units, fold, middle, most_layers);
    if (!spread.empty() && spread.size() <= count) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

// The smallest fold with which the units go into the chip's dies; 0 if none does.
int64_t FoldThatFits(const ChipSpec& chip, const std::vector<Unit>& units, int64_t most_layers) {
  auto fits = [&](int64_t fold) {
    const auto dies = Fill(units, fold, chip.banks, most_layers);
    return !dies.empty() && static_cast<int64_t>(dies.size()) <= chip.dies;
  };
  constexpr int64_t kMostFold = 4096;
  if (!fits(kMostFold)) return 0;
  int64_t low = 1, high = kMostFold;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (fits(middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

tl::unexpected<Error> TooLarge(const ModelPlan& plan, const ChipSpec& chip,
                               const std::vector<Unit>& units, int64_t most_layers) {
  int64_t blocks = 0;
  for (const Unit& unit : units) blocks += unit.blocks;
  const int64_t banks = CeilDiv(blocks, chip.fold);
  const int64_t fold = FoldThatFits(chip, units, most_layers);
  std::string advice;
  if (fold > 0) advice = fmt::format("With fold = {} it would fit. ", fold);
  const auto dies = Fill(units, chip.fold, chip.banks, most_layers);
  advice += dies.empty() ? "No number of dies helps: a layer or the head alone is larger than a die"
                         : fmt::format("On {} dies it would fit as it is", dies.size());
  return BadInput(fmt::format("{} on chip {}", plan.name, chip.name),
                  fmt::format("{} blocks of {} x {} cells need {} banks at fold {}", blocks,
                              chip.rows, chip.columns, banks, chip.fold),
                  fmt::format("at most {} banks ({} {} of {})", chip.banks * chip.dies, chip.dies,
                              chip.dies == 1 ? "die" : "dies", chip.banks),
                  advice + ".");
}

}  // namespace

std::vector<Unit> UnitsOf(const ModelPlan& plan, const std::vector<PlacedMatrix>& matrices,
                          const Program& program) {
  std::vector<Unit> units;
  auto add = [&](size_t begin, size_t end, int64_t layers) {
    Unit unit{static_cast<int32_t>(begin), static_cast<int32_t>(end), layers, 0, 0};
    for (size_t m = begin; m < end; ++m) {
      unit.blocks += matrices[m].row_blocks * matrices[m].column_blocks;
    }
    units.push_back(unit);
  };
  for (size_t m = 0; m < plan.matrices.size();) {
    size_t end = m + 1;
    const int64_t layer = plan.matrices[m].layer;
    while (layer != kNoLayer && end < plan.matrices.size() && plan.matrices[end].layer == layer) {
      ++end;
    }
    add(m, end, layer == kNoLayer ? 0 : 1);
    m = end;
  }
  for (const Step& step : program) {
    if (step.op != Op::kPass && step.op != Op::kEmbed) continue;
    int64_t blocks = 0;
    for (const int32_t m : step.matrices) {
      if (m < 0) continue;
      const PlacedMatrix& matrix = matrices[static_cast<size_t>(m)];
      // A token is read from one column of the embedding's blocks.
      blocks += matrix.row_blocks * (step.op == Op::kEmbed ? 1 : matrix.column_blocks);
    }
    auto unit = std::find_if(units.begin(), units.end(),
                             [&](const Unit& u) { return step.matrices[0] < u.end_matrix; });
    unit->largest_step = std::max(unit->largest_step, blocks);
  }
  return units;
}

Result<std::vector<DieShare>> CutIntoDies(const ModelPlan& plan, const ChipSpec& chip,
                                          const std::vector<Unit>& units) {
  const int64_t layer_bytes = KvBytesPerPosition(plan.config, 1);
  const int64_t most_layers = chip.kv_bytes / layer_bytes / plan.needed_context;
  if (most_layers * chip.dies < plan.config.layers) {
    const int64_t layers_a_die = CeilDiv(plan.config.layers, chip.dies);
    return BadInput(fmt::format("{} on chip {}: context", plan.name, chip.name),
                    fmt::format("{} positions need {} bytes of KV SRAM a die", plan.needed_context,
                                plan.needed_context * layer_bytes * layers_a_die),
                    fmt::format("at most the {} bytes of the chip", chip.kv_bytes),
                    fmt::format("It holds {} positions; or use more dies.",
                                chip.kv_bytes / (layer_bytes * layers_a_die)));
  }
  if (chip.banks == 0) return Fill(units, chip.fold, kNoLimit, kNoLimit);
  auto dies = Fill(units, chip.fold, chip.banks, most_layers);
  if (dies.empty() || static_cast<int64_t>(dies.size()) > chip.dies) {
    return TooLarge(plan, chip, units, most_layers);
  }
  // The same number of dies, the load spread: the least limit that still needs no more of them.
  const int64_t least = LeastLimit(units, chip.fold, dies.size(), chip.banks, most_layers);
  return Fill(units, chip.fold, least, most_layers);
}

int64_t LeastBanksOf(const std::vector<Unit>& units, int64_t fold, int64_t dies) {
  if (static_cast<int64_t>(units.size()) < dies) return 0;
  int64_t blocks = 0, largest = 0;
  for (const Unit& unit : units) {
    blocks += unit.blocks;
    largest = std::max(largest, unit.largest_step);
  }
  const int64_t all = std::max(CeilDiv(blocks, fold), largest);
  return LeastLimit(units, fold, static_cast<size_t>(dies), all, kNoLimit);
}

}  // namespace burin
