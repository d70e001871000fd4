// A fixed set of threads that run one function over parts of a range. Made for many short parallel
// steps a token: workers spin for a short while before they sleep, and a step does not wait for a
// worker that the system holds up before it has begun: the others do its part.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <thread>
#include <type_traits>
#include <vector>

namespace burin {

class ThreadPool {
 public:
  // `threads` >= 1 counts the caller, which does its share.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Cuts [0, count) in at most size() contiguous parts, each a multiple of `grain` but the last,
  // and calls body(begin, end, part) once a non-empty part; returns when all are done. `body` must
  // not throw and must not call the pool. One caller at a time. Parts depend on (count, grain,
  // size()) only.
  template <typename Body>
  void ParallelFor(size_t count, size_t grain, Body&& body) {
    const size_t units = (count + grain - 1) / grain;
    const size_t parts = std::min<size_t>(units, static_cast<size_t>(size()));
    if (parts <= 1) {
      if (count > 0) body(size_t{0}, count, 0);
      return;
    }
    auto run = [&](int part) {
      const size_t begin = units * static_cast<size_t>(part) / parts * grain;
      const size_t end = std::min(count, units * static_cast<size_t>(part + 1) / parts * grain);
      if (begin < end) body(begin, end, part);
    };
    Run(
        static_cast<int>(parts),
        [](void* context, int part) { (*static_cast<decltype(run)*>(context))(part); }, &run);
  }

  // Calls body(index) for each index of [0, count), handed out one by one: for steps of uneven
  // length whose result does not depend on who does them.
  template <typename Body>
  void ForEach(size_t count, Body&& body) {
    std::atomic<size_t> next{0};
    auto run = [&](int) {
      for (size_t i = next.fetch_add(1); i < count; i = next.fetch_add(1)) body(i);
    };
    if (size() == 1 || count <= 1) return run(0);
    Run(
        static_cast<int>(std::min<size_t>(count, static_cast<size_t>(size()))),
        [](void* context, int part) { (*static_cast<decltype(run)*>(context))(part); }, &run);
  }

 private:
  using Task = void (*)(void* context, int part);
  void Run(int parts, Task task, void* context);
  void Work();
  void TakeParts();

  std::vector<std::thread> workers_;
  // Of the present Run: written before the gate opens, read by those who are inside.
  Task task_ = nullptr;
  void* context_ = nullptr;
  int parts_ = 0;
  std::atomic<int> next_part_{0};
  // The number of the Run, whether it is closed, and how many workers joined it before that.
  std::atomic<uint32_t> gate_;
  std::atomic<uint32_t> left_{0};  // workers that joined the present Run and have finished
  std::atomic<bool> stop_{false};
};

// The number of threads to use when none is asked for: the processors this process may run on.
int DefaultThreads();

}  // namespace burin
