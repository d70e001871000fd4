// A chip as data: data/chips/NAME.toml (docs/machine.md says what each knob does).
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabric/bracket.h"

namespace burin {

// The master knobs are integers that a designer chose; what depends on silicon is a Bracket.
struct ChipSpec {
  std::string name;
  std::string title;    // one line for people
  std::string process;  // name of data/tech/NAME.toml

  int64_t rows = 256;     // R: word lines of a page; a multiple of the cartridge's group
  int64_t columns = 256;  // C: physical columns of a bank; a multiple of 16
  int64_t fold = 1;       // F: pages of a bank
  int64_t banks = 0;      // on one die; 0: as many as the model needs
  int64_t levels = 8;     // L: level lines of a column, 8 or 16
  int64_t smallest_group =
      32;  // rows of the shortest scale group that the banks have constants for
  int64_t columns_per_scaler = 32;  // S: columns that share a scale multiplier; <= group
  int64_t vector_lanes = 64;        // W; of rows and of columns a divisor or a multiple
  int64_t layer_engines = 1;        // vector units, attention and adapter engines, sequencers
  int64_t attention_heads = 1;      // A: query heads at once
  int64_t attention_positions = 1;  // P: positions a cycle and head
  int64_t head_lanes = 1;           // logits a cycle into the top-k unit
  int64_t top_k = 8;                // largest logits that the chip reports
  int64_t adapter_lanes = 16;       // multiply-adds a cycle of the adapter engine, P * L (quant)
  int64_t max_rank = 16;            // of a LoRA matrix
  int64_t kv_bytes = 0;             // KV SRAM of a die
  int64_t adapter_bytes = 0;        // adapter SRAM of a die
  int64_t table_bytes = 1 << 20;  // constant ROM of a die: program, rotary table, vectors, identity
  int64_t dies = 1;               // the most dies that one card may hold

  Bracket clock_hz;
  Bracket mm_per_cycle;                      // of wire that a signal crosses between two registers
  Bracket link_bytes_per_s, link_latency_s;  // card to card
  std::filesystem::path file;                // where it came from
};

// Checks what the knobs promise each other, whatever the model: ranges, C a multiple of 16, S
// divides C, W a divisor or a multiple of R and of C, L 8 or 16, no adapter lane that cannot be
// used. LoadChip has done so; for a ChipSpec that a program changed.
Status ValidateChip(const ChipSpec& chip);

// Reads a chip by preset name (data/chips) or by file name.
// Errors: unknown name (the near ones are named); a key that is missing, unknown, negative, without
// unit, source or grade: file, line, key.
Result<ChipSpec> LoadChip(const std::string& name_or_path);

// Names of data/chips, sorted.
std::vector<std::string> ChipNames();

}  // namespace burin
