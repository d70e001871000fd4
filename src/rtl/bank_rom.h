// The programmed contents of a bank as its two ROMs: codes (a word a word line) and scales (a word
// a step of the scalers' walk).
#pragma once

#include <cstdint>
#include <vector>

#include "fabric/placed_fabric.h"
#include "rtl/rom.h"

namespace burin {

// The geometry of a bank's ROMs on a chip. Pages are powers of two apart, so that the page is the
// high part of the address.
struct BankGeometry {
  int64_t rows, columns, fold, levels;
  int64_t scalers;     // C / S
  int64_t walk;        // S: steps of a walk over the drain registers
  int64_t groups;      // R / G, of a page
  int64_t code_bits;   // of a cell: log2(levels)
  int64_t row_bits;    // of a word line
  int64_t scale_bits;  // of (group, step)
  int64_t page_bits;   // 0 when fold is 1
  int64_t code_word, scale_word;

  static BankGeometry Of(const PlacedFabric& fabric);
};

// Code ROM: address {page, word line}, column c in bits code_bits * c.
RomImage CodeImage(const PlacedFabric& fabric, const BankGeometry& geometry,
                   const std::vector<const PlacedBlock*>& pages);
// Scale ROM: address {page, group * S + step}, scaler j's byte in bits 8 j (hw/README.md).
RomImage ScaleImage(const PlacedFabric& fabric, const BankGeometry& geometry,
                    const std::vector<const PlacedBlock*>& pages);

}  // namespace burin
