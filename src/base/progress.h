// A progress line on standard error: done of total, rate and time left. Silent unless that is a
// terminal, and for the first second.
#pragma once

#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>

namespace burin {

class Progress {
 public:
  // `label` names the work ("quantize"), `unit` what is counted ("weights"), `total` how many.
  Progress(std::string label, std::string unit, uint64_t total);
  ~Progress();  // wipes the line
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  // Adds `amount` to what is done; any thread may call it.
  void Add(uint64_t amount);
  // `amount` that an earlier run did: it counts as done but not in the rate.
  void Skip(uint64_t amount);

  // "quantize  42 %  1.2 G of 8.0 G weights  85 M/s  1 min 20 s left": a pure function, for tests.
  static std::string Line(const std::string& label, const std::string& unit, uint64_t done,
                          uint64_t skipped, uint64_t total, double seconds);

 private:
  const std::string label_, unit_;
  const uint64_t total_;
  const bool visible_;
  const std::chrono::steady_clock::time_point start_;
  std::mutex mutex_;
  std::chrono::steady_clock::time_point drawn_;
  uint64_t done_ = 0, skipped_ = 0;
  bool dirty_ = false;
};

// 1234567 -> "1.23 M"; for people, three digits.
std::string HumanCount(double count);
// 3145728 -> "3.00 MiB".
std::string HumanBytes(uint64_t bytes);
// 80.2 -> "1 min 20 s".
std::string HumanSeconds(double seconds);

}  // namespace burin
