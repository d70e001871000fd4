// The adapter memory of a chip: the words that an engine of P x L multipliers reads, and the table
// of where each matrix begins (docs/formats/adapter.md, "Adapter memory").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "base/result.h"
#include "quant/adapter.h"

namespace burin {

// P positions (inputs of A, outputs of B) by L ranks in a word of P * L bytes.
struct AdapterEngine {
  int64_t positions = 1;  // a power of two, 1 to 32
  int64_t ranks = 8;      // 1 to kMaxAdapterRank
  int64_t WordBytes() const { return positions * ranks; }
};

// The engine of a chip with `lanes` multipliers and that largest rank: L = min(lanes, max_rank), P
// = the largest power of two of at most 32 with P * L <= lanes. Both at least 1.
AdapterEngine EngineOf(int64_t lanes, int64_t max_rank);

struct AdapterTableEntry {
  uint32_t a_word = 0, b_word = 0;  // first words of A and B
  uint16_t rank = 0, turns = 0;     // 0: the matrix has no addition
};

inline constexpr uint64_t kAdapterTableEntryBytes = 16;

struct AdapterMemory {
  AdapterEngine engine;
  std::vector<AdapterTableEntry> table;  // [layers * 7]: q, k, v, o, gate, up, down of each layer
  std::vector<int8_t> words;             // [words][positions][ranks]
};

// Words of A and of B of a matrix; 0 when it has no addition.
uint64_t AdapterWordsA(const AdapterMatrix& matrix, const AdapterEngine& engine);
uint64_t AdapterWordsB(const AdapterMatrix& matrix, const AdapterEngine& engine);

// Bytes of words that the adapter takes in the memory of that engine; the table is beside them.
uint64_t AdapterMemoryBytes(const Adapter& adapter, const AdapterEngine& engine);

// The content of the memory. Errors: more words than 32 bits can count.
Result<AdapterMemory> PackAdapter(const Adapter& adapter, const AdapterEngine& engine);

// What the host sends through the port: the table, 16 bytes an entry, then the words.
std::vector<std::byte> PortBytes(const AdapterMemory& memory);

}  // namespace burin
