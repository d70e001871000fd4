// The layer engine and what stands around it in its benches: the ROMs, the fabric and the host. The
// vector memory is loaded by EMBED steps, which this model answers, and mirrored from the trace
// port. Three shapes of the engine (ENGINE_SHAPE), as in engine_bench.sv.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <memory>
#include <vector>

#include "Vengine_bench.h"
#include "bench.h"
#include "numeric/vector_ops.h"

namespace burin::hw {

#if ENGINE_SHAPE != 2  // two heads in a word
constexpr int kLanes = 16, kGroup = 32, kHidden = 112, kHeads = 6, kKvHeads = 2, kHeadDim = 8,
              kContext = 80;
constexpr int kRanks = 16, kPositions = 1, kTurns = 1;
#if ENGINE_SHAPE == 1
constexpr int kHeadLanes = 1, kHeadsAtOnce = 1, kPositionsAtOnce = 1;
#else
constexpr int kHeadLanes = 4, kHeadsAtOnce = 6, kPositionsAtOnce = 3;
#endif
#else  // two words in a head
constexpr int kLanes = 8, kGroup = 64, kHidden = 120, kHeads = 4, kKvHeads = 4, kHeadDim = 16,
              kContext = 80;
constexpr int kHeadLanes = 2, kHeadsAtOnce = 2, kPositionsAtOnce = 4;
constexpr int kRanks = 4, kPositions = 2, kTurns = 2;
#endif
constexpr int kLayers = 2, kTopK = 8, kResidualFraction = 20, kEmbedColumns = 48, kPassTail = 20;
constexpr int kSegment = std::min(kLanes, kHeadDim), kSegments = kHeadDim / kSegment;
constexpr double kEpsilon = 1e-5;

enum Op {
  kEmbed,
  kNorm,
  kAdaptDown,
  kPass,
  kCollect,
  kCollectAdd,
  kHeadNorm,
  kRotate,
  kQuantizeHeads,
  kAttend,
  kQuantize,
  kSwiGlu,
  kCollectLogits,
  kEnd = 15
};

struct Step {
  int op = kEnd;
  int gain = 0, bias = 0, kind = 0, select = 3;
  int source = 0, source2 = 0, target = 0, values = 0, exponent = 0, drop = 0;
  int block_words = 4, layer = 0, matrix = 9, constant = 0, adapter_entry = 0;
  int only_with_adapter = 0, only_sampling = 0;
  size_t embedding = 0;  // EMBED: what this file answers
};

inline int CeilDiv(int a, int b) { return (a + b - 1) / b; }
inline int PaddedWords(int n) { return CeilDiv(n, kGroup) * (kGroup / kLanes); }

struct Activations {
  std::vector<int8_t> mantissas;
  std::vector<int> exponents;
  int common = 0, select = 0, drop = 0;
  bool committed = false;
};

class Engine {
 public:
  Engine();
  // Runs a program; step_cycles has what each step took, from its fetch to that of the next.
  void Run(std::vector<Step> program, int64_t token = 0, int64_t position = 0, bool adapter = false,
           bool sampling = true);
  // Steps that put a vector of any length at `word`.
  std::vector<Step> Load(int word, std::vector<int32_t> values);
  std::vector<int32_t> Vector(int word, int n) const {
    return {memory.begin() + word * kLanes, memory.begin() + word * kLanes + n};
  }
  static std::vector<double> Frequencies() {
    std::vector<double> f;
    for (int i = 0; i < kHeadDim / 2; ++i) f.push_back(std::pow(10000.0, -2.0 * i / kHeadDim));
    return f;
  }
  Vengine_bench& top() { return *top_; }
  void Cycle();

  std::vector<int32_t> memory;                  // mirror of the vector memory
  std::vector<std::vector<int32_t>> constants;  // words of the constant ROM
  std::vector<int32_t> raw;                     // what the fabric answers to a collect
  int raw_block_words = 4;
  int tree = 2;
  std::vector<int16_t> rotary;
  Activations activations;
  std::vector<int64_t> step_cycles;
  int passes = 0;

 private:
  std::unique_ptr<Vengine_bench> top_ = std::make_unique<Vengine_bench>();
  std::vector<Step> program_;
  std::vector<std::vector<int32_t>> embeddings_;
  size_t embedding_ = 0, embed_word_ = SIZE_MAX;
  std::vector<int64_t> fetches_;
  int64_t now_ = 0;
  std::map<int64_t, size_t> returns_;  // cycle -> word of `raw`
};

// Values whose size is spread over all shifts; some are extreme.
std::vector<int32_t> Random(uint64_t seed, int n, int max_bits = 32);

template <typename T>
std::vector<T> operator+(std::vector<T> a, const std::vector<T>& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

}  // namespace burin::hw
