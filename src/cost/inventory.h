// What a placed chip consists of, as counts that no process changes: cells, columns, bits of
// memory, lanes. All dies together.
#pragma once

#include <cstdint>

#include "fabric/placed_fabric.h"

namespace burin {

struct Inventory {
  int64_t dies = 1;
  int64_t banks = 0;       // built: all that the chip has, used or not
  int64_t cell_sites = 0;  // banks * F * R * C
  int64_t cells_used = 0;  // cells that hold a code of the model
  int64_t word_lines = 0;  // banks * F * R
  int64_t pages = 0;       // banks * F
  int64_t columns = 0;     // banks * C: selector, accumulator, drain register, column sum
  int64_t levels = 8;
  int64_t scalers = 0;
  int64_t scale_bits = 0;     // ROM: 8 a group and column, on all pages
  int64_t constant_bits = 0;  // ROM: codebooks, biases, gains, rotary and function tables, program
  int64_t row_drivers = 0;    // activation buffers of R bytes
  int64_t driver_bits = 0;    // flip-flops of them
  int64_t tree_adders = 0;    // 32 bits, with register
  int64_t wire_bits = 0;      // flip-flops on long wires
  int64_t engines = 1;
  int64_t vector_lanes = 0;  // of all engines
  int64_t vector_bits = 0;   // vector memory, SRAM
  int64_t attention_macs = 0;
  int64_t adapter_macs = 0;
  int64_t kv_bits = 0;  // built
  int64_t adapter_bits = 0;
  int64_t head_cells = 0;  // comparators of the top-k list
};

Inventory CountParts(const PlacedFabric& fabric);

// Events of one token, for its energy. Rows and columns are those that work; a bank opens one word
// line a cycle of its pass.
struct Events {
  double weights = 0;    // cells read: select and add
  double code_bits = 0;  // bits that the cells mean
  double scale_bits = 0;
  double product_bits_mm = 0;  // products along a bank's columns, bit times mm; see BankGeometry
  double activation_bits = 0;  // bits that leave an engine for its row blocks
  double sum_bits = 0;         // bits that come back
  double reach_mm = 0;         // mean way of these, from the floorplan
  double kv_bytes = 0;         // read and written
  double adapter_bytes = 0;
  double attention_macs = 0;
  double adapter_macs = 0;
  double vector_ops = 0;
  double vector_bytes = 0;  // vector memory
  double link_bytes = 0;
};

// `bank_width_mm`: way of a product along its bank. positions >= 1.
Events CountEvents(const PlacedFabric& fabric, int64_t positions, int64_t adapter_rank,
                   double bank_width_mm);

}  // namespace burin
