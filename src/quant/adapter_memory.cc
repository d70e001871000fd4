#include "quant/adapter_memory.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>

#include "base/check.h"

namespace burin {
namespace {

static_assert(std::endian::native == std::endian::little, "table entries are copied");

constexpr int64_t kMostPositions = 32;

// Matrices that have their inputs in common, in the order of a token's work.
constexpr std::pair<size_t, size_t> kSteps[] = {{0, 3}, {3, 4}, {4, 6}, {6, 7}};

int64_t CeilDiv(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t Turns(const AdapterMatrix& m, const AdapterEngine& e) { return CeilDiv(m.rank, e.ranks); }

class Packer {
 public:
  Packer(const AdapterEngine& engine, std::vector<int8_t>& words)
      : engine_(engine), words_(words) {}

  uint64_t words() const { return words_.size() / static_cast<uint64_t>(engine_.WordBytes()); }

  void AddA(const AdapterMatrix& m) {
    for (int64_t block = 0; block < m.inputs; block += engine_.positions) {
      AddTurns(m, block, m.inputs, m.a);
    }
  }

  void AddB(const AdapterMatrix& m) {
    const int64_t word = engine_.WordBytes();
    for (int64_t first = 0; first < m.outputs; first += word) {
      const int64_t last = std::min(m.outputs, first + word);
      int8_t* exponents = NewWord();
      for (int64_t n = first; n < last; ++n) {
        exponents[n - first] = m.exponents[static_cast<size_t>(n)];
      }
      for (int64_t block = first; block < last; block += engine_.positions) {
        AddTurns(m, block, m.outputs, m.b);
      }
    }
  }

 private:
  int8_t* NewWord() {
    words_.resize(words_.size() + static_cast<size_t>(engine_.WordBytes()));
    return words_.data() + words_.size() - engine_.WordBytes();
  }

  // The words of positions [block, block + P) for each turn, of values [rank][count].
  void AddTurns(const AdapterMatrix& m, int64_t block, int64_t count,
                std::span<const int8_t> values) {
    for (int64_t turn = 0; turn < Turns(m, engine_); ++turn) {
      int8_t* word = NewWord();
      for (int64_t p = 0; p < std::min(engine_.positions, count - block); ++p) {
        for (int64_t l = 0; l < std::min(engine_.ranks, m.rank - turn * engine_.ranks); ++l) {
          const int64_t r = turn * engine_.ranks + l;
          word[p * engine_.ranks + l] = values[static_cast<size_t>(r * count + block + p)];
        }
      }
    }
  }

  const AdapterEngine engine_;
  std::vector<int8_t>& words_;
};

}  // namespace

AdapterEngine EngineOf(int64_t lanes, int64_t max_rank) {
  AdapterEngine engine;
  engine.ranks = std::clamp<int64_t>(std::min(lanes, max_rank), 1, kMaxAdapterRank);
  const auto fit = static_cast<uint64_t>(std::max<int64_t>(1, lanes / engine.ranks));
  engine.positions = std::min(kMostPositions, static_cast<int64_t>(std::bit_floor(fit)));
  return engine;
}

uint64_t AdapterWordsA(const AdapterMatrix& m, const AdapterEngine& e) {
  if (m.empty()) return 0;
  return static_cast<uint64_t>(CeilDiv(m.inputs, e.positions) * Turns(m, e));
}

uint64_t AdapterWordsB(const AdapterMatrix& m, const AdapterEngine& e) {
  if (m.empty()) return 0;
  return static_cast<uint64_t>(CeilDiv(m.outputs, e.positions) * Turns(m, e) +
                               CeilDiv(m.outputs, e.WordBytes()));
}

uint64_t AdapterMemoryBytes(const Adapter& adapter, const AdapterEngine& engine) {
  uint64_t words = 0;
  for (const Adapter::Layer& layer : adapter.layers) {
    for (const AdapterMatrix& m : layer) {
      words += AdapterWordsA(m, engine) + AdapterWordsB(m, engine);
    }
  }
  return words * static_cast<uint64_t>(engine.WordBytes());
}

Result<AdapterMemory> PackAdapter(const Adapter& adapter, const AdapterEngine& engine) {
  BURIN_CHECK(engine.positions >= 1 && engine.positions <= kMostPositions &&
              std::has_single_bit(static_cast<uint64_t>(engine.positions)) && engine.ranks >= 1 &&
              engine.ranks <= kMaxAdapterRank);
  const uint64_t bytes = AdapterMemoryBytes(adapter, engine);
  const uint64_t words = bytes / static_cast<uint64_t>(engine.WordBytes());
  if (words > std::numeric_limits<uint32_t>::max()) {
    return BadInput("adapter", fmt::format("{} words of {} bytes", words, engine.WordBytes()),
                    "at most 2^32 - 1 words", "Use a smaller rank or fewer matrices.");
  }
  AdapterMemory memory{.engine = engine, .table = {}, .words = {}};
  memory.words.reserve(bytes);
  Packer packer(engine, memory.words);
  for (const Adapter::Layer& layer : adapter.layers) {
    std::array<AdapterTableEntry, kAdaptedKinds> entries;
    for (const auto& [begin, end] : kSteps) {
      for (size_t k = begin; k < end; ++k) {
        if (layer[k].empty()) continue;
        entries[k].a_word = static_cast<uint32_t>(packer.words());
        entries[k].rank = static_cast<uint16_t>(layer[k].rank);
        entries[k].turns = static_cast<uint16_t>(Turns(layer[k], engine));
        packer.AddA(layer[k]);
      }
      for (size_t k = begin; k < end; ++k) {
        if (layer[k].empty()) continue;
        entries[k].b_word = static_cast<uint32_t>(packer.words());
        packer.AddB(layer[k]);
      }
    }
    memory.table.insert(memory.table.end(), entries.begin(), entries.end());
  }
  BURIN_CHECK(memory.words.size() == bytes);
  return memory;
}

std::vector<std::byte> PortBytes(const AdapterMemory& memory) {
  std::vector<std::byte> bytes(memory.table.size() * kAdapterTableEntryBytes + memory.words.size());
  std::byte* at = bytes.data();
  for (const AdapterTableEntry& entry : memory.table) {
    std::memcpy(at, &entry.a_word, 4);
    std::memcpy(at + 4, &entry.b_word, 4);
    std::memcpy(at + 8, &entry.rank, 2);
    std::memcpy(at + 10, &entry.turns, 2);
    at += kAdapterTableEntryBytes;
  }
  if (!memory.words.empty()) std::memcpy(at, memory.words.data(), memory.words.size());
  return bytes;
}

}  // namespace burin
