#include "quant/nearest_quantizer.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "quant/codebook_fit.h"
#include "quant/metadata.h"
#include "quant/scale_search.h"

namespace burin {
namespace {

constexpr int kFitRounds = 5;
using Codebook = std::array<int8_t, 16>;

// Levels of the least-error quantizer of a Gaussian (Max 1960, "Quantizing for minimum
// distortion"), and one with a level at zero.
constexpr Codebook kStart3[] = {{-31, -19, -11, -4, 4, 11, 19, 31},
                                {-31, -18, -9, 0, 7, 14, 22, 31}};
constexpr Codebook kStart4[] = {
    {-63, -48, -37, -29, -22, -15, -9, -3, 3, 9, 15, 22, 29, 37, 48, 63},
    {-63, -48, -37, -28, -20, -13, -6, 0, 6, 12, 18, 25, 32, 40, 50, 63}};

int LargestLevel(int bits, const Codebook& codebook) {
  return static_cast<int>(MakeLevelTable(bits, codebook).largest);
}

// The sample in the units of the search, and its scales.
class SampleSearch {
 public:
  SampleSearch(const FitSample& sample, int exponent)
      : sample_(sample), weights_(sample.weights.begin(), sample.weights.end()) {
    const float unit = std::ldexp(1.0f, kMaxScaleShift - exponent);
    for (float& weight : weights_) weight *= unit;
    const int64_t groups = sample.columns / kTileColumns * sample.shape.groups();
    results_.resize(static_cast<size_t>(groups));
  }

  // Finds all scales for a codebook; the weighted error.
  double Search(const LevelTable& table) {
    double error = 0;
    ForEachGroup([&](const GroupInput& input, GroupResult& result) {
      SearchScales(table, input, result);
      for (const float e : result.error) error += static_cast<double>(e);
    });
    return error;
  }

  LevelHistogram Histogram() {
    LevelHistogram histogram;
    ForEachGroup([&](const GroupInput& input, const GroupResult& result) {
      std::array<float, 16> inverse;
      for (size_t i = 0; i < 16; ++i) inverse[i] = 1 / ScaleUnit(result.scale[i]);
      for (int64_t row = 0; row < input.rows; ++row) {
        const float* weights = input.weights + row * kTileColumns;
        for (size_t i = 0; i < 16; ++i) {
          const float unit = ScaleUnit(result.scale[i]);
          histogram.Add(weights[i] * inverse[i], input.importance[row] * unit * unit);
        }
      }
    });
    return histogram;
  }

 private:
  template <typename Body>
  void ForEachGroup(Body&& body) {
    const MatrixShape& shape = sample_.shape;
    size_t at = 0;
    for (int64_t tile = 0; tile < sample_.columns / kTileColumns; ++tile) {
      for (int64_t row = 0; row < shape.rows; row += shape.group) {
        body(GroupInput{weights_.data() + (tile * shape.rows + row) * kTileColumns,
                        sample_.importance.data() + row, std::min(shape.group, shape.rows - row)},
             results_[at++]);
      }
    }
  }

  const FitSample& sample_;
  std::vector<float> weights_;
  std::vector<GroupResult> results_;
};

Codebook FitLevels(const FitSample& sample) {
  const int bits = sample.shape.bits;
  const std::span<const Codebook> starts = bits == 3 ? kStart3 : kStart4;
  // One octave above what the start needs, so that no scale is cut off while the levels move.
  SampleSearch search(sample, MatrixExponentFor(sample.largest, LargestLevel(bits, starts[0])) + 1);
  Codebook best = starts[1];
  double least = std::numeric_limits<double>::infinity();
  for (const Codebook& start : starts) {
    Codebook codebook = start;
    for (int round = 0; round < kFitRounds; ++round) {
      const double error = search.Search(MakeLevelTable(bits, codebook));
      if (error < least) {
        least = error;
        best = codebook;
      }
      const Codebook next = FitCodebook(search.Histogram(), bits);
      if (next == codebook) break;
      codebook = next;
    }
  }
  return best;
}

}  // namespace

int MatrixExponentFor(float largest, int largest_level) {
  const double full = static_cast<double>(largest_level) * 31;
  int exponent = kMinMatrixExponent;
  while (exponent<kMaxMatrixExponent&& static_cast<double>(largest)> std::ldexp(full, exponent)) {
    ++exponent;
  }
  return exponent;
}

MatrixFit NearestQuantizer::Fit(const FitSample& sample) const {
  MatrixFit fit;
  fit.codebook = kSixBitCodebook;
  if (sample.shape.bits == 3) fit.codebook = kStart3[1];
  if (sample.shape.bits == 4) fit.codebook = kStart4[1];
  if (sample.largest > 0 && sample.shape.bits != 6) fit.codebook = FitLevels(sample);
  fit.exponent = MatrixExponentFor(sample.largest, LargestLevel(sample.shape.bits, fit.codebook));
  return fit;
}

TileError NearestQuantizer::QuantizeTile(const TileInput& input, const MatrixFit& fit,
                                         const TileOutput& output) const {
  const MatrixShape& shape = input.shape;
  const LevelTable table = MakeLevelTable(shape.bits, fit.codebook);
  const float unit = std::ldexp(1.0f, kMaxScaleShift - fit.exponent);
  const double back = std::ldexp(1.0, 2 * (fit.exponent - kMaxScaleShift));
  std::vector<float> scaled(static_cast<size_t>(shape.group * kTileColumns));
  TileError sum;
  for (int64_t group = 0; group < shape.groups(); ++group) {
    const int64_t first = group * shape.group;
    const int64_t rows = std::min(shape.group, shape.rows - first);
    const float* weights = input.weights.data() + first * kTileColumns;
    std::transform(weights, weights + rows * kTileColumns, scaled.begin(),
                   [unit](float w) { return w * unit; });
    const GroupInput group_input{scaled.data(), input.importance.data() + first, rows};
    GroupResult result;
    SearchScales(table, group_input, result);
    AssignCodes(table, group_input, result.scale, output.codes.data() + first * kTileColumns);
    std::copy(result.scale.begin(), result.scale.end(),
              output.scales.begin() + group * kTileColumns);
    for (int64_t col = 0; col < input.columns; ++col) {
      sum.error += back * static_cast<double>(result.error[static_cast<size_t>(col)]);
      sum.energy += back * static_cast<double>(result.energy[static_cast<size_t>(col)]);
    }
  }
  return sum;
}

}  // namespace burin
