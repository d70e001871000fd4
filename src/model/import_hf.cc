#include "model/bind.h"
#include "model/config.h"
#include "model/import.h"
#include "model/safetensors_folder.h"

namespace burin {
namespace {

constexpr TensorNames kHfNames = {
    .embedding = "model.embed_tokens.weight",
    .final_norm = "model.norm.weight",
    .head = "lm_head.weight",
    .layer_prefix = "model.layers.",
    .attention_norm = "input_layernorm.weight",
    .q = "self_attn.q_proj.weight",
    .k = "self_attn.k_proj.weight",
    .v = "self_attn.v_proj.weight",
    .o = "self_attn.o_proj.weight",
    .q_bias = "self_attn.q_proj.bias",
    .k_bias = "self_attn.k_proj.bias",
    .v_bias = "self_attn.v_proj.bias",
    .q_norm = "self_attn.q_norm.weight",
    .k_norm = "self_attn.k_norm.weight",
    .ffn_norm = "post_attention_layernorm.weight",
    .gate = "mlp.gate_proj.weight",
    .up = "mlp.up_proj.weight",
    .down = "mlp.down_proj.weight",
};

}  // namespace

Result<Model> ImportHfFolder(const std::filesystem::path& folder) {
  Model model;
  BURIN_ASSIGN(HfConfig config, ReadHfConfig(folder));
  model.config = std::move(config.config);
  model.generation = config.generation;
  BURIN_ASSIGN(const SafetensorsFolder stored, OpenSafetensorsFolder(folder));
  model.files = stored.files;
  SourceTensors tensors;
  for (const auto& [name, entry] : stored.tensors) {
    const SafeTensor& tensor = entry.tensor;
    tensors.emplace(name, SourceTensor{WeightType(tensor.dtype), std::string(tensor.dtype),
                                       tensor.shape, tensor.data, entry.object});
  }
  const auto harmless = [](std::string_view name) { return name.ends_with("rotary_emb.inv_freq"); };
  BURIN_TRY(BindTensors(model, std::move(tensors), kHfNames, false, harmless, folder.string()));
  return model;
}

}  // namespace burin
