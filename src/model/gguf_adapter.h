// LoRA adapters in the format of llama.cpp: one GGUF file of general.type "adapter".
// Source: github.com/ggml-org/llama.cpp, convert_lora_to_gguf.py and src/llama-adapter.cpp.
#pragma once

#include "base/result.h"
#include "model/gguf.h"
#include "model/lora.h"

namespace burin {

// Tensors blk.N.{attn_q,attn_k,attn_v,attn_output,ffn_gate,ffn_up,ffn_down}.weight.lora_a and
// .lora_b; scale = adapter.lora.alpha / rank, or 1 when alpha is 0 or absent, as llama.cpp does
// (the format has no word for rslora). Rows of q and k of llama are put back in half-rotation
// order. Refused by name: a file that is no adapter, or of another adapter.type; another
// architecture than the model's; activated LoRA (adapter.alora.invocation_tokens); norms,
// embeddings, heads and other tensors; a tensor without its partner; shapes that do not fit
// `config`.
Result<LoraAdapter> ReadGgufAdapter(const OpenGguf& opened, const ModelConfig& config);

}  // namespace burin
