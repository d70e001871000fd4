#include "kernels/memory_probe.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>

namespace burin {
namespace {

// The xor of all 64-bit words, in 32 independent chains of which the compiler makes vector loads.
uint64_t XorOf(const std::byte* p, size_t bytes) {
  uint64_t lanes[32] = {};
  for (size_t i = 0; i + sizeof lanes <= bytes; i += sizeof lanes) {
    uint64_t words[32];
    std::memcpy(words, p + i, sizeof words);
    for (int k = 0; k < 32; ++k) lanes[k] ^= words[k];
  }
  uint64_t all = 0;
  for (const uint64_t lane : lanes) all ^= lane;
  return all;
}

}  // namespace

double MeasureReadBytesPerSecond(std::span<const std::byte> buffer, int rounds, ThreadPool& pool) {
  std::atomic<uint64_t> sink{0};  // keeps the reads alive
  double best = 0;
  for (int round = 0; round <= rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    pool.ParallelFor(buffer.size(), 4096, [&](size_t begin, size_t end, int) {
      sink ^= XorOf(buffer.data() + begin, end - begin);
    });
    const double seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (round > 0) best = std::max(best, static_cast<double>(buffer.size()) / seconds);
  }
  return best;
}

}  // namespace burin
