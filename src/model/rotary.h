// The angles of the rotary position embedding.
#pragma once

#include <vector>

#include "model/model.h"

namespace burin {

// Radians a position for each pair of a head, head_dim / 2 of them: pair i is (x[i], x[i +
// head_dim / 2]) and turns by position * frequency[i]. theta^(-2i / head_dim), stretched as
// config.rope_scaling says (linear: divided by factor; llama3: transformers,
// modeling_rope_utils.py, _compute_llama3_parameters). All in double.
std::vector<double> RotaryFrequencies(const ModelConfig& config);

// unscaled / scaled frequency of each pair: what GGUF stores as rope_freqs.weight.
std::vector<double> RotaryFactors(const ModelConfig& config);

}  // namespace burin
