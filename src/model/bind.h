// From named tensors of any file format to the views of a Model (used by the importers only).
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace burin {

// A tensor as an importer finds it.
struct SourceTensor {
  std::optional<TensorType> type;  // nullopt: cannot be a weight
  std::string type_name;           // for messages
  std::vector<uint64_t> shape;     // outermost first
  std::span<const std::byte> data;
  std::string object;  // "model.safetensors: tensor 'lm_head.weight'"
};
using SourceTensors = std::map<std::string, SourceTensor>;

// What a file format calls the tensors: those of layer N are layer_prefix + N + "." + name.
struct TensorNames {
  const char* embedding;
  const char* final_norm;
  const char* head;
  const char* layer_prefix;
  const char* attention_norm;
  const char *q, *k, *v, *o, *q_bias, *k_bias, *v_bias, *q_norm, *k_norm;
  const char* ffn_norm;
  const char *gate, *up, *down;
};

// Fills in all tensors of `model`, whose config is set. Every tensor must be there with its exact
// shape; none may be left over but those for which `harmless` holds. `rotary_interleaved`: rows of
// q and k are stored as ggml does for llama. A tied head: either or both of embedding and head may
// be stored; both must then be equal. `object` names the checkpoint.
Status BindTensors(Model& model, SourceTensors tensors, const TensorNames& names,
                   bool rotary_interleaved, bool (*harmless)(std::string_view name),
                   const std::string& object);

}  // namespace burin
