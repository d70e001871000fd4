#include "model/bind.h"
#include "model/config_gguf.h"
#include "model/import.h"
#include "model/json_reader.h"

namespace burin {
namespace {

constexpr TensorNames kGgufNames = {
    .embedding = "token_embd.weight",
    .final_norm = "output_norm.weight",
    .head = "output.weight",
    .layer_prefix = "blk.",
    .attention_norm = "attn_norm.weight",
    .q = "attn_q.weight",
    .k = "attn_k.weight",
    .v = "attn_v.weight",
    .o = "attn_output.weight",
    .q_bias = "attn_q.bias",
    .k_bias = "attn_k.bias",
    .v_bias = "attn_v.bias",
    .q_norm = "attn_q_norm.weight",
    .k_norm = "attn_k_norm.weight",
    .ffn_norm = "ffn_norm.weight",
    .gate = "ffn_gate.weight",
    .up = "ffn_up.weight",
    .down = "ffn_down.weight",
};

}  // namespace

Result<Model> ImportGguf(const OpenGguf& opened) {
  const GgufFile& file = opened.gguf;
  Model model;
  BURIN_ASSIGN(model.config, ReadGgufConfig(file));
  model.files.push_back(opened.file);
  SourceTensors tensors;
  for (const GgufTensor& tensor : file.tensors()) {
    tensors.emplace(
        tensor.name,
        SourceTensor{tensor.type, TensorTypeName(tensor.type), tensor.shape, tensor.data,
                     fmt::format("{}: tensor '{}'", file.object(), Printable(tensor.name))});
  }
  // llama.cpp turns neighbours (2i, 2i + 1) for llama, and halves for the Qwens.
  const bool interleaved = model.config.architecture == "llama";
  const auto harmless = [](std::string_view name) { return name == "rope_freqs.weight"; };
  BURIN_TRY(
      BindTensors(model, std::move(tensors), kGgufNames, interleaved, harmless, file.object()));
  return model;
}

}  // namespace burin
