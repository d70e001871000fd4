// The metadata of a GGUF file as ModelConfig.
#pragma once

#include "base/result.h"
#include "model/gguf.h"
#include "model/model.h"

namespace burin {

// general.architecture llama (also Mistral, SmolLM, TinyLlama), qwen2 or qwen3, with the keys
// <architecture>.* of docs/gguf.md. llama3 scaling, which llama.cpp bakes into rope_freqs.weight,
// is recognized when the factors equal those computed with factor 8, 32 or what the tensor's
// largest says, low 1, high 4, original 8192. Refused by name: other architectures, a split file,
// an adapter, other rope scaling, experts, per-layer sizes, sizes outside ValidateConfig. End of
// sequence: eos, eot and eom ids of tokenizer.ggml.*.
Result<ModelConfig> ReadGgufConfig(const GgufFile& file);

}  // namespace burin
