// The matrix pass of every kernel set: 4096-wide matrices larger than the last cache, near-Gaussian
// codes (so are trained weights), one token (decode) and 64 tokens (prefill), one and all threads.
// Each set's sums are compared with the first vector set's before timing.
//   build/release/multiply_bench --benchmark_filter=avx2/3bit
#include <benchmark/benchmark.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/check.h"
#include "base/philox.h"
#include "kernels/kernel_set.h"
#include "kernels/memory_probe.h"

namespace burin {
namespace {

constexpr int64_t kRows = 4096, kWeights = int64_t{1} << 30;

struct Workload {
  PackedMatrix matrix;
  std::vector<uint8_t> codes, scales;
  std::vector<int32_t> out;
};

Workload MakeWorkload(int bits) {
  Workload w;
  w.matrix.shape = {kRows, kWeights / kRows, bits, 128};
  w.matrix.exponent = -20;
  for (size_t i = 0; i < (bits == 4 ? 16u : 8u); ++i) {
    w.matrix.codebook[i] =
        static_cast<int8_t>(bits == 6 ? 2 * static_cast<int>(i) - 7 : 4 * static_cast<int>(i) - 16);
  }
  w.codes.resize(w.matrix.shape.CodeBytes());
  for (size_t i = 0; i + 16 <= w.codes.size(); i += 16) {
    const auto words = Philox(1, 0, i);
    std::copy_n(reinterpret_cast<const uint8_t*>(words.data()), 16, w.codes.data() + i);
  }
  w.scales.assign(w.matrix.shape.ScaleBytes(), 0xc7);
  w.matrix.codes = w.codes;
  w.matrix.scales = w.scales;
  return w;
}

const Workload& WorkloadOf(int bits) {
  static Workload three = MakeWorkload(3), four = MakeWorkload(4), six = MakeWorkload(6);
  return bits == 3 ? three : bits == 4 ? four : six;
}

void Multiply(benchmark::State& state, const KernelSet* set, int bits, int64_t tokens,
              int threads) {
  const Workload& w = WorkloadOf(bits);
  BlockFloatBatch x;
  x.Resize(tokens, kRows, 128);
  std::vector<int32_t> values(kRows), out(static_cast<size_t>(tokens * w.matrix.shape.cols)),
      expected(1024);
  for (int64_t t = 0; t < tokens; ++t) {
    for (size_t i = 0; i < values.size(); ++i) {
      values[i] = static_cast<int32_t>(Philox(2, static_cast<uint64_t>(t), i)[0]) >> 12;
    }
    QuantizeToken(values, kNormFraction, x, t);
  }
  AvailableKernelSets()[1]->multiply_tiles(w.matrix, x, 0, 1, expected.data(), 16);
  ThreadPool pool(threads);
  for (auto _ : state) {
    pool.ParallelFor(
        static_cast<size_t>(w.matrix.shape.tiles()), 1, [&](size_t begin, size_t end, int) {
          set->multiply_tiles(w.matrix, x, static_cast<int64_t>(begin), static_cast<int64_t>(end),
                              out.data(), w.matrix.shape.cols);
        });
  }
  BURIN_CHECK(std::equal(out.begin(), out.begin() + 16, expected.begin()));
  const auto passes = static_cast<double>(state.iterations());
  state.counters["Gweights/s"] = benchmark::Counter(
      passes * static_cast<double>(kWeights * tokens) / 1e9, benchmark::Counter::kIsRate);
  state.counters["GB/s"] =
      benchmark::Counter(passes * static_cast<double>(w.codes.size() + w.scales.size()) / 1e9,
                         benchmark::Counter::kIsRate);
}

void ReadMemory(benchmark::State& state, int threads) {
  const Workload& w = WorkloadOf(3);
  ThreadPool pool(threads);
  double best = 0;
  for (auto _ : state) best = MeasureReadBytesPerSecond(std::as_bytes(std::span(w.codes)), 3, pool);
  state.counters["GB/s"] = best / 1e9;
}

void RegisterAll() {
  for (const int threads : {1, 2}) {
    benchmark::RegisterBenchmark(("read/" + std::to_string(threads) + "threads").c_str(),
                                 ReadMemory, threads)
        ->UseRealTime()
        ->Iterations(2);
    for (const KernelSet* set : AvailableKernelSets().subspan(1)) {
      for (const int bits : {3, 4, 6}) {
        for (const int64_t tokens : {1, 64}) {
          const std::string name = std::string(set->name) + "/" + std::to_string(bits) + "bit/" +
                                   std::to_string(tokens) + "tokens/" + std::to_string(threads) +
                                   "threads";
          benchmark::RegisterBenchmark(name.c_str(), Multiply, set, bits, tokens, threads)
              ->UseRealTime()
              ->Unit(benchmark::kMillisecond);
        }
      }
    }
  }
}

}  // namespace
}  // namespace burin

int main(int argc, char** argv) {
  burin::RegisterAll();
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
