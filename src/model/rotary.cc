#include "model/rotary.h"

#include <cmath>
#include <numbers>

namespace burin {
namespace {

// By how much llama3 scaling slows a frequency: not at all for waves shorter than original / high,
// by `factor` for those longer than original / low, a blend between.
double Llama3Factor(const RopeScaling& scaling, double frequency) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const auto original = static_cast<double>(scaling.original_max_positions);
  if (wavelength < original / scaling.high_freq_factor) return 1;
  if (wavelength > original / scaling.low_freq_factor) return scaling.factor;
  const double smooth = (original / wavelength - scaling.low_freq_factor) /
                        (scaling.high_freq_factor - scaling.low_freq_factor);
  return 1 / ((1 - smooth) / scaling.factor + smooth);
}

double Unscaled(const ModelConfig& config, size_t pair) {
  return std::pow(config.rope_theta,
                  -2 * static_cast<double>(pair) / static_cast<double>(config.head_dim));
}

}  // namespace

std::vector<double> RotaryFactors(const ModelConfig& config) {
  std::vector<double> factors(static_cast<size_t>(config.head_dim / 2), 1.0);
  for (size_t i = 0; i < factors.size(); ++i) {
    if (config.rope_scaling.kind == RopeScaling::Kind::kLinear) {
      factors[i] = config.rope_scaling.factor;
    } else if (config.rope_scaling.kind == RopeScaling::Kind::kLlama3) {
      factors[i] = Llama3Factor(config.rope_scaling, Unscaled(config, i));
    }
  }
  return factors;
}

std::vector<double> RotaryFrequencies(const ModelConfig& config) {
  std::vector<double> frequencies = RotaryFactors(config);
  for (size_t i = 0; i < frequencies.size(); ++i) {
    frequencies[i] = Unscaled(config, i) / frequencies[i];
  }
  return frequencies;
}

}  // namespace burin
