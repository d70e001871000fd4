#include "quant/codebook_fit.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "numeric/packed_matrix.h"

namespace burin {
namespace {

constexpr int kBinsPerLevel = 16;
constexpr int kRange = 128;
constexpr int kBins = 2 * kRange * kBinsPerLevel;
constexpr double kMultipliers[] = {0.80, 0.85, 0.90, 0.95, 1.0, 1.05, 1.10, 1.15};

}  // namespace

LevelHistogram::LevelHistogram() : bins_(kBins) {}

void LevelHistogram::Add(float x, float h) {
  const float position = (x + kRange) * kBinsPerLevel;
  Bin& bin = bins_[static_cast<size_t>(std::clamp(position, 0.0f, kBins - 1.0f))];
  const double dx = x, dh = h;
  bin.h += dh;
  bin.hx += dh * dx;
  bin.hxx += dh * dx * dx;
}

// The dynamic program for one multiplier.
class CodebookSearch {
 public:
  CodebookSearch(const LevelHistogram& histogram, int limit, double multiplier)
      : limit_(limit), multiplier_(multiplier) {
    LevelHistogram::Bin sum;
    size_t next = 0;
    // prefix_[j]: moments of all weights below (j - 2 * limit - 1) / 2, in levels.
    for (int j = -2 * limit - 1; j <= 2 * limit + 1; ++j) {
      const double bin = (j / 2.0 / multiplier + kRange) * kBinsPerLevel;
      const auto end = static_cast<size_t>(std::clamp(std::round(bin), 0.0, double{kBins}));
      for (; next < end; ++next) Accumulate(histogram.bins_[next], sum);
      prefix_.push_back(sum);
    }
    for (; next < histogram.bins_.size(); ++next) Accumulate(histogram.bins_[next], sum);
    total_ = sum;
  }

  // The levels of least error; `error` is in the weights' unit.
  std::array<int8_t, 16> Run(int levels, double& error) {
    const int width = 2 * limit_ + 1;
    constexpr double kNever = std::numeric_limits<double>::infinity();
    std::vector<double> cost(static_cast<size_t>(width));
    std::vector<std::vector<int>> parent(static_cast<size_t>(levels),
                                         std::vector<int>(cost.size()));
    for (int b = 0; b < width; ++b)
      cost[Index(b)] = Error({}, Prefix(2 * (b - limit_)), b - limit_);
    for (int k = 1; k < levels; ++k) {
      std::vector<double> next(cost.size(), kNever);
      for (int b = k; b < width; ++b) {
        for (int a = k - 1; a < b; ++a) {
          const double sum = cost[Index(a)] + Between(a - limit_, b - limit_);
          if (sum < next[Index(b)]) {
            next[Index(b)] = sum;
            parent[Index(k)][Index(b)] = a;
          }
        }
      }
      cost = std::move(next);
    }
    int last = levels - 1;
    error = kNever;
    for (int b = levels - 1; b < width; ++b) {
      const double sum = cost[Index(b)] + Error(Prefix(2 * (b - limit_)), total_, b - limit_);
      if (sum < error) {
        error = sum;
        last = b;
      }
    }
    error /= multiplier_ * multiplier_;
    std::array<int8_t, 16> codebook{};
    for (int k = levels - 1; k >= 0; --k) {
      codebook[Index(k)] = static_cast<int8_t>(last - limit_);
      last = parent[Index(k)][Index(last)];
    }
    return codebook;
  }

 private:
  using Moments = LevelHistogram::Bin;

  static size_t Index(int i) { return static_cast<size_t>(i); }
  void Accumulate(const Moments& bin, Moments& sum) const {
    sum.h += bin.h;
    sum.hx += bin.hx * multiplier_;
    sum.hxx += bin.hxx * multiplier_ * multiplier_;
  }
  const Moments& Prefix(int half_levels) const {
    return prefix_[Index(half_levels + 2 * limit_ + 1)];
  }
  // Of the weights between two prefixes, stored as `level`.
  static double Error(const Moments& from, const Moments& to, int level) {
    const double h = to.h - from.h, hx = to.hx - from.hx, hxx = to.hxx - from.hxx;
    return hxx - 2 * level * hx + static_cast<double>(level) * level * h;
  }
  // Of the weights between two neighbouring levels.
  double Between(int a, int b) const {
    return Error(Prefix(2 * a), Prefix(a + b), a) + Error(Prefix(a + b), Prefix(2 * b), b);
  }

  const int limit_;
  const double multiplier_;
  std::vector<Moments> prefix_;
  Moments total_;
};

std::array<int8_t, 16> FitCodebook(const LevelHistogram& histogram, int bits) {
  const int limit = bits == 3 ? kMaxLevel3 : kMaxLevel4;
  std::array<int8_t, 16> best{};
  double least = std::numeric_limits<double>::infinity();
  for (const double multiplier : kMultipliers) {
    double error = 0;
    const auto codebook = CodebookSearch(histogram, limit, multiplier).Run(1 << bits, error);
    if (error < least) {
      least = error;
      best = codebook;
    }
  }
  return best;
}

}  // namespace burin
