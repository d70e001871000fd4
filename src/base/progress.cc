#include "base/progress.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cmath>
#include <cstdio>

namespace burin {
namespace {

std::string ThreeDigits(double value) {
  if (value >= 100) return fmt::format("{:.0f}", value);
  return value >= 10 ? fmt::format("{:.1f}", value) : fmt::format("{:.2f}", value);
}

}  // namespace

std::string HumanCount(double count) {
  static constexpr const char* kUnits[] = {"", " k", " M", " G", " T"};
  int unit = 0;
  while (count >= 999.5 && unit < 4) {
    count /= 1000;
    ++unit;
  }
  if (unit == 0 && count == std::floor(count)) return fmt::format("{:.0f}", count);
  return ThreeDigits(count) + kUnits[unit];
}

std::string HumanBytes(uint64_t bytes) {
  static constexpr const char* kUnits[] = {" B", " KiB", " MiB", " GiB", " TiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes);
  int unit = 0;
  while (value >= 1023.5 && unit < 4) {
    value /= 1024;
    ++unit;
  }
  return ThreeDigits(value) + kUnits[unit];
}

std::string HumanSeconds(double seconds) {
  if (!(seconds >= 0)) return "?";
  if (seconds < 60) return fmt::format("{:.0f} s", seconds);
  const auto whole = static_cast<uint64_t>(seconds);
  if (whole < 3600) return fmt::format("{} min {} s", whole / 60, whole % 60);
  return fmt::format("{} h {} min", whole / 3600, whole % 3600 / 60);
}

Progress::Progress(std::string label, std::string unit, uint64_t total)
    : label_(std::move(label)),
      unit_(std::move(unit)),
      total_(total),
      visible_(::isatty(STDERR_FILENO) == 1),
      start_(std::chrono::steady_clock::now()),
      drawn_(start_ + std::chrono::milliseconds(800)) {}

Progress::~Progress() {
  if (dirty_) std::fputs("\r\033[K", stderr);
}

void Progress::Skip(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  done_ += amount;
  skipped_ += amount;
}

void Progress::Add(uint64_t amount) {
  const std::lock_guard lock(mutex_);
  done_ += amount;
  const auto now = std::chrono::steady_clock::now();
  if (!visible_ || now - drawn_ < std::chrono::milliseconds(200)) return;
  drawn_ = now;
  dirty_ = true;
  const double seconds = std::chrono::duration<double>(now - start_).count();
  fmt::print(stderr, "\r{:.79}\033[K", Line(label_, unit_, done_, skipped_, total_, seconds));
  std::fflush(stderr);
}

std::string Progress::Line(const std::string& label, const std::string& unit, uint64_t done,
                           uint64_t skipped, uint64_t total, double seconds) {
  const double rate = seconds > 0 ? static_cast<double>(done - skipped) / seconds : 0;
  const double left = rate > 0 ? static_cast<double>(total - std::min(done, total)) / rate : NAN;
  return fmt::format("{}  {} %  {} of {} {}  {}/s  {} left", label,
                     total > 0 ? done * 100 / total : 100, HumanCount(static_cast<double>(done)),
                     HumanCount(static_cast<double>(total)), unit, HumanCount(rate),
                     HumanSeconds(left));
}

}  // namespace burin
