// Continuous batching: all sequences at work share each Forward call. Every step takes one token of
// each sequence that writes, and a share of the prompts of those that begin.
//
// What a sequence says depends on its request alone: the emulator's integers depend neither on what
// shares a call nor on how a prompt is cut, and a draw on (seed, stream, position) only.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <thread>
#include <vector>

#include "base/thread_pool.h"
#include "emu/emulator.h"
#include "serve/fair_queue.h"
#include "serve/kv_store.h"
#include "serve/metrics.h"
#include "serve/sequence.h"

namespace burin {

struct SchedulerOptions {
  int64_t max_sequences = 64;  // at work together: the users of a chip
  int64_t max_waiting = 512;
  int64_t kv_positions = 0;  // of all sequences together, prompts kept for reuse included
};

// Why a group was not taken.
struct Refusal {
  enum class Kind : uint8_t { kQueueFull, kNeverFits, kStopping };
  Kind kind;
  int64_t asked = 0, limit = 0;  // sequences that wait, or positions
  int retry_after_s = 1;
};

struct SchedulerState {
  int64_t running = 0, waiting = 0;
  int64_t kv_reserved = 0, kv_retained = 0, kv_budget = 0;  // positions
};

class Scheduler {
 public:
  // All must outlive it; `pool` may be null and is used by the scheduler's thread alone.
  Scheduler(const Emulator& emulator, ThreadPool* pool, Metrics& metrics, SchedulerOptions options);
  ~Scheduler();  // Stop(), if that has not been called

  // Takes all of `group` or none. Sequences with one prompt compute it once. Any thread.
  tl::expected<void, Refusal> Submit(std::span<const std::shared_ptr<Sequence>> group);
  // Positions that the sequence occupies at its longest.
  int64_t PositionsOf(const SequenceRequest& request) const;
  SchedulerState state() const;
  const SchedulerOptions& options() const { return options_; }
  // Frees what an unloaded adapter's texts left behind. Any thread.
  void ForgetAdapter(uint64_t adapter);

  // Ends every sequence with kStopped. No sequence is taken afterwards.
  void Stop();

 private:
  struct Work;
  void Run();
  bool AdmitAndSweep();
  void Sweep(std::chrono::steady_clock::time_point now);
  void Admit(std::chrono::steady_clock::time_point now);
  void Step();
  Status StartPrompt(Work& work);
  void PlanPrompts(int64_t tokens);
  void AddChunk(Work& work, int64_t tokens);
  void Sample(Work& work);
  void TakePromptLogits(Work& work);
  void Deliver(Work& work, bool tell);
  void End(Work& work, EndReason reason);
  void RemoveEnded();

  const Emulator& emulator_;
  ThreadPool* const pool_;
  Metrics& metrics_;
  const SchedulerOptions options_;

  mutable std::mutex mutex_;  // guards what follows, up to the blank line
  std::condition_variable changed_;
  FairQueue queue_;
  std::vector<uint64_t> forgotten_;
  SchedulerState state_;
  bool stop_ = false;

  // The scheduler's thread only.
  KvStore kv_;
  std::vector<std::unique_ptr<Work>> work_;
  std::vector<Chunk> chunks_;
  std::vector<Work*> in_step_;
  Workspace workspace_;
  size_t turn_ = 0;  // whose prompt goes first
  std::chrono::steady_clock::time_point told_{};
  int64_t step_prompt_tokens_ = 0;
  std::thread thread_;
};

}  // namespace burin
