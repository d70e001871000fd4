#include "base/thread_pool.h"

#include <sched.h>

#include "base/check.h"

namespace burin {
namespace {

constexpr int kSpins = 4000;  // about 20-100 us, the time between two parallel steps of a token

// Of a gate, from the top: the number of the Run (it may come round: a worker that slept through
// all of them joins the present one), the mark of a closed one, the workers inside.
constexpr uint32_t kOneRun = 1u << 13, kRunMask = ~(kOneRun - 1), kClosed = 1u << 12,
                   kJoinedMask = kClosed - 1;
constexpr int kMostThreads = 4096;  // the workers beside the caller fit in kJoinedMask

inline void Pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) : gate_(kClosed) {
  BURIN_CHECK(threads >= 1 && threads <= kMostThreads);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { Work(); });
}

ThreadPool::~ThreadPool() {
  stop_ = true;
  gate_.fetch_add(kOneRun, std::memory_order_release);
  gate_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::Run(int parts, Task task, void* context) {
  task_ = task;
  context_ = context;
  parts_ = parts;
  next_part_.store(0, std::memory_order_relaxed);
  left_.store(0, std::memory_order_relaxed);
  // Nobody else changes a closed gate.
  const uint32_t run = (gate_.load(std::memory_order_relaxed) & kRunMask) + kOneRun;
  gate_.store(run, std::memory_order_release);
  gate_.notify_all();
  TakeParts();
  // All parts are taken. Who has not joined by now has nothing to do here any more.
  const uint32_t joined = gate_.fetch_or(kClosed, std::memory_order_acq_rel) & kJoinedMask;
  for (int spin = 0;; ++spin) {
    const uint32_t left = left_.load(std::memory_order_acquire);
    if (left == joined) return;
    if (spin < kSpins) {
      Pause();
    } else {
      left_.wait(left, std::memory_order_acquire);
    }
  }
}

void ThreadPool::TakeParts() {
  for (;;) {
    const int part = next_part_.fetch_add(1, std::memory_order_relaxed);
    if (part >= parts_) return;
    task_(context_, part);
  }
}

void ThreadPool::Work() {
  uint32_t seen = 0;  // the Run that this worker was in or missed
  for (;;) {
    uint32_t gate = gate_.load(std::memory_order_acquire);
    for (int spin = 0; (gate & kRunMask) == seen; ++spin) {
      if (spin < kSpins) {
        Pause();
      } else {
        gate_.wait(gate, std::memory_order_acquire);
      }
      gate = gate_.load(std::memory_order_acquire);
    }
    if (stop_) return;
    // In, unless it is closed already; each failure reads the gate anew.
    while ((gate & kClosed) == 0 &&
           !gate_.compare_exchange_weak(gate, gate + 1, std::memory_order_acquire)) {
    }
    seen = gate & kRunMask;
    if ((gate & kClosed) != 0) continue;
    TakeParts();
    left_.fetch_add(1, std::memory_order_release);
    left_.notify_one();
  }
}

int DefaultThreads() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

}  // namespace burin
