#include <algorithm>
#include <numeric>
#include <set>
#include <tuple>

#include "fabric/placed_fabric.h"

// Nothing here asks the code of place.cc: places are sorted, cells counted, steps replayed.
namespace burin {
namespace {

std::string Name(const PlacedFabric& f, const PlacedBlock& b) {
  const bool known = b.matrix >= 0 && b.matrix < static_cast<int64_t>(f.plan.matrices.size());
  return fmt::format("block ({}, {}) of {}", b.row_block, b.column_block,
                     known ? f.plan.matrices[static_cast<size_t>(b.matrix)].name : "no matrix");
}

Status CheckRanges(const PlacedFabric& f) {
  for (const PlacedBlock& b : f.blocks) {
    const bool known = b.matrix >= 0 && b.matrix < static_cast<int64_t>(f.matrices.size());
    if (!known || b.bank < 0 || b.bank >= f.banks || b.page < 0 || b.page >= f.chip.fold) {
      return BadInput(Name(f, b), fmt::format("bank {}, page {}", b.bank, b.page),
                      fmt::format("a bank below {} and a page below {}", f.banks, f.chip.fold));
    }
    const PlacedMatrix& m = f.matrices[static_cast<size_t>(b.matrix)];
    const int64_t columns = m.shape.cols * (m.shape.bits == 6 ? 2 : 1);
    const int64_t height = b.row_end - b.row_begin, width = b.column_end - b.column_begin;
    if (b.row_begin < 0 || height < 1 || height > f.chip.rows || b.row_end > m.shape.rows ||
        b.column_begin < 0 || width < 1 || width > f.chip.columns || b.column_end > columns ||
        b.row_begin % m.shape.group != 0 || b.column_begin % 2 != 0) {
      return BadInput(Name(f, b),
                      fmt::format("rows {} to {}, columns {} to {}", b.row_begin, b.row_end,
                                  b.column_begin, b.column_end),
                      fmt::format("a part of {} x {} that fits a bank of {} x {}", m.shape.rows,
                                  columns, f.chip.rows, f.chip.columns));
    }
  }
  return {};
}

Status CheckPlacesAreUnique(const PlacedFabric& f) {
  std::vector<size_t> order(f.blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  auto place = [&](size_t i) { return std::pair(f.blocks[i].bank, f.blocks[i].page); };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return place(a) < place(b); });
  for (size_t i = 1; i < order.size(); ++i) {
    if (place(order[i - 1]) != place(order[i])) continue;
    const PlacedBlock& block = f.blocks[order[i]];
    return BadInput(Name(f, block),
                    fmt::format("in bank {}, page {} with {}", block.bank, block.page,
                                Name(f, f.blocks[order[i - 1]])),
                    "a place of its own");
  }
  return {};
}

// Every weight exactly once: the blocks of a matrix do not overlap and their cells add up.
Status CheckCoverage(const PlacedFabric& f) {
  std::vector<size_t> order(f.blocks.size());
  std::iota(order.begin(), order.end(), size_t{0});
  auto key = [&](size_t i) {
    const PlacedBlock& b = f.blocks[i];
    return std::tuple(b.matrix, b.column_begin, b.row_begin);
  };
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return key(a) < key(b); });
  std::vector<int64_t> cells(f.matrices.size());
  for (size_t i = 0; i < order.size(); ++i) {
    const PlacedBlock& b = f.blocks[order[i]];
    cells[static_cast<size_t>(b.matrix)] +=
        (b.row_end - b.row_begin) * (b.column_end - b.column_begin);
    if (i == 0) continue;
    const PlacedBlock& a = f.blocks[order[i - 1]];
    if (a.matrix != b.matrix) continue;
    const bool above = a.column_begin == b.column_begin && a.column_end == b.column_end &&
                       a.row_end <= b.row_begin;
    if (!above && a.column_end > b.column_begin) {
      return BadInput(Name(f, b), "overlaps " + Name(f, a), "every weight in one place");
    }
  }
  for (size_t m = 0; m < f.matrices.size(); ++m) {
    const MatrixShape& shape = f.matrices[m].shape;
    const int64_t wanted = shape.rows * shape.cols * (shape.bits == 6 ? 2 : 1);
    if (cells[m] != wanted) {
      return BadInput(f.plan.matrices[m].name, fmt::format("{} cells placed", cells[m]),
                      fmt::format("{}", wanted));
    }
  }
  return {};
}

Status CheckStepsDoNotMeet(const PlacedFabric& f) {
  std::vector<std::vector<const PlacedBlock*>> blocks_of(f.matrices.size());
  for (const PlacedBlock& b : f.blocks) blocks_of[static_cast<size_t>(b.matrix)].push_back(&b);
  std::vector<const PlacedBlock*> user(static_cast<size_t>(f.banks));
  std::vector<size_t> used_in(static_cast<size_t>(f.banks), f.program.size());
  for (size_t step = 0; step < f.program.size(); ++step) {
    if (f.program[step].op != Op::kPass) continue;
    for (const int32_t m : f.program[step].matrices) {
      if (m < 0) continue;
      for (const PlacedBlock* b : blocks_of[static_cast<size_t>(m)]) {
        const auto bank = static_cast<size_t>(b->bank);
        if (used_in[bank] == step) {
          return BadInput(Name(f, *b),
                          fmt::format("in bank {} with {}, which works in the same step", b->bank,
                                      Name(f, *user[bank])),
                          "a bank of its own in each step");
        }
        used_in[bank] = step;
        user[bank] = b;
      }
    }
  }
  return {};
}

// Layers are not torn between dies, dies follow each other, and each has the banks and memory that
// it is asked for.
Status CheckDies(const PlacedFabric& f) {
  if (f.dies > f.chip.dies) {
    return BadInput(f.plan.name, fmt::format("{} dies", f.dies),
                    fmt::format("at most {}", f.chip.dies));
  }
  std::vector<std::set<int64_t>> layers(static_cast<size_t>(f.dies));
  std::vector<int32_t> die_of_matrix(f.matrices.size(), -1);
  for (const PlacedBlock& b : f.blocks) {
    const int32_t die = f.bank_die[static_cast<size_t>(b.bank)];
    int32_t& known = die_of_matrix[static_cast<size_t>(b.matrix)];
    if (known >= 0 && known != die) {
      return BadInput(Name(f, b), fmt::format("on die {}", die),
                      fmt::format("die {} with the rest", known));
    }
    known = die;
    layers[static_cast<size_t>(die)].insert(f.plan.matrices[static_cast<size_t>(b.matrix)].layer);
  }
  std::vector<int64_t> banks(static_cast<size_t>(f.dies));
  for (const int32_t die : f.bank_die) ++banks[static_cast<size_t>(die)];
  for (size_t m = 0; m < f.matrices.size(); ++m) {
    const bool torn = m > 0 && f.plan.matrices[m].layer == f.plan.matrices[m - 1].layer &&
                      die_of_matrix[m] != die_of_matrix[m - 1];
    if (torn || die_of_matrix[m] != f.matrices[m].die ||
        (m > 0 && die_of_matrix[m] < die_of_matrix[m - 1])) {
      return BadInput(f.plan.matrices[m].name, fmt::format("on die {}", die_of_matrix[m]),
                      "layers in order and whole");
    }
  }
  for (size_t die = 0; die < layers.size(); ++die) {
    layers[die].erase(kNoLayer);
    const auto bytes =
        KvBytesPerPosition(f.plan.config, static_cast<int64_t>(layers[die].size())) * f.max_context;
    if ((f.chip.banks > 0 && banks[die] > f.chip.banks) || bytes > f.chip.kv_bytes) {
      return BadInput(fmt::format("die {}", die),
                      fmt::format("{} banks, {} bytes of KV", banks[die], bytes),
                      fmt::format("at most {} and {}", f.chip.banks, f.chip.kv_bytes));
    }
  }
  return {};
}

}  // namespace

Status VerifyPlacement(const PlacedFabric& fabric) {
  BURIN_TRY(CheckRanges(fabric));
  BURIN_TRY(CheckPlacesAreUnique(fabric));
  BURIN_TRY(CheckCoverage(fabric));
  BURIN_TRY(CheckStepsDoNotMeet(fabric));
  return CheckDies(fabric);
}

}  // namespace burin
