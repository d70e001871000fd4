// Tensors of a model by kind ("q_proj", "down_proj", "lm_head", ...), for tables.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "quant/engrave.h"
#include "quant/quantized_model.h"

namespace burin {

// "model.layers.3.mlp.down_proj" -> "down_proj".
std::string KindOfTensor(std::string_view name);

struct TensorGroup {
  std::string kind;
  int64_t tensors = 0;
  std::string bits = {};  // "3", or "3/6" when they differ
  uint64_t weights = 0;
  uint64_t bytes = 0;  // codes and scales
  double error = 0;    // mean over the weights of the tensors' relative squared errors
};

// By kind, in order of first appearance.
std::vector<TensorGroup> GroupTensors(const std::vector<EngravedTensor>& tensors);

// The matrices of a cartridge (error 0: it is not stored).
std::vector<EngravedTensor> TensorsOf(const QuantizedModel& model);

// Of all codes and scales, embedding and head too; a tied matrix counts once.
double BitsPerWeight(const std::vector<EngravedTensor>& tensors);

}  // namespace burin
