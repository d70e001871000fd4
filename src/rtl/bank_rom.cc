#include "rtl/bank_rom.h"

#include <algorithm>

#include "numeric/fixed.h"

namespace burin {
namespace {

int64_t Log2(int64_t n) { return CeilLog2(static_cast<uint64_t>(n)); }

int64_t Depth(const BankGeometry& geometry, int64_t page_words, int64_t address_bits) {
  return ((geometry.fold - 1) << address_bits) + page_words;
}

}  // namespace

BankGeometry BankGeometry::Of(const PlacedFabric& fabric) {
  const ChipSpec& chip = fabric.chip;
  BankGeometry g{};
  g.rows = chip.rows;
  g.columns = chip.columns;
  g.levels = chip.levels;
  g.walk = chip.columns_per_scaler;
  g.scalers = chip.columns / chip.columns_per_scaler;
  g.groups = chip.rows / fabric.plan.group;
  g.code_bits = Log2(chip.levels);
  g.row_bits = RomStore::AddressBits(chip.rows);
  g.scale_bits = RomStore::AddressBits(g.groups * g.walk);
  int32_t pages = 1;  // in use
  for (const PlacedBlock& block : fabric.blocks) pages = std::max(pages, block.page + 1);
  g.fold = pages;
  g.page_bits = Log2(pages);
  g.code_word = chip.columns * g.code_bits;
  g.scale_word = g.scalers * 8;
  return g;
}

RomImage CodeImage(const PlacedFabric& fabric, const BankGeometry& g,
                   const std::vector<const PlacedBlock*>& pages) {
  RomImage image(Depth(g, g.rows, g.row_bits), g.code_word);
  std::vector<uint8_t> codes(static_cast<size_t>(g.rows * g.columns));
  for (size_t page = 0; page < pages.size(); ++page) {
    if (pages[page] == nullptr) continue;
    const PlacedBlock& block = *pages[page];
    BlockCodes(fabric, block, codes);
    const int64_t first = static_cast<int64_t>(page) << g.row_bits;
    for (int64_t row = 0; row < block.row_end - block.row_begin; ++row) {
      for (int64_t column = 0; column < block.column_end - block.column_begin; ++column) {
        image.Set(first + row, column * g.code_bits, g.code_bits,
                  codes[static_cast<size_t>(row * g.columns + column)]);
      }
    }
  }
  return image;
}

RomImage ScaleImage(const PlacedFabric& fabric, const BankGeometry& g,
                    const std::vector<const PlacedBlock*>& pages) {
  RomImage image(Depth(g, g.groups * g.walk, g.scale_bits), g.scale_word);
  const std::vector<const PackedMatrix*> matrices = MatricesIn(*fabric.plan.weights);
  for (size_t page = 0; page < pages.size(); ++page) {
    if (pages[page] == nullptr) continue;
    const PlacedBlock& block = *pages[page];
    const PackedMatrix& matrix = *matrices[static_cast<size_t>(block.matrix)];
    const bool six = matrix.shape.bits == 6;
    const int64_t first = static_cast<int64_t>(page) << g.scale_bits;
    const int64_t first_group = block.row_begin / matrix.shape.group;
    const int64_t groups = std::min(g.groups, matrix.shape.groups() - first_group);
    const int64_t first_column = block.column_begin / (six ? 2 : 1);
    const int64_t columns = (block.column_end - block.column_begin) / (six ? 2 : 1);
    const int64_t a_step = six ? g.scalers / 2 : g.scalers;  // logical columns
    for (int64_t group = 0; group < groups; ++group) {
      for (int64_t n = 0; n < columns; ++n) {
        const int64_t step = n / a_step, lane = n % a_step;
        const int64_t byte = six && step % 2 == 1 ? g.scalers / 2 + lane : lane;
        const int64_t scale = ScaleIndex(matrix.shape, first_group + group, first_column + n);
        image.Set(first + group * g.walk + step, byte * 8, 8,
                  matrix.scales[static_cast<size_t>(scale)]);
      }
    }
  }
  return image;
}

}  // namespace burin
