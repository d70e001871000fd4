// A checkpoint on disk -> Model. Weights stay in the mapped files.
#pragma once

#include <filesystem>
#include <string>

#include "base/result.h"
#include "base/thread_pool.h"
#include "model/gguf.h"
#include "model/model.h"

namespace burin {

// A Hugging Face folder (config.json and safetensors), a .gguf file, or a folder that holds exactly
// one .gguf file and no config.json. Every tensor that the configuration calls for must be there in
// its exact shape; others are refused, but for rotary tables (rotary_emb.inv_freq,
// rope_freqs.weight), which are computed here.
// Tied heads: with tie_word_embeddings (GGUF: no output.weight) embedding or head may be stored
// alone; if both are, they must be equal. Without it a missing head is refused (transformers would
// go on with a random one).
Result<Model> ImportModel(const std::filesystem::path& path);

Result<Model> ImportHfFolder(const std::filesystem::path& folder);
// Takes over an opened file, which a caller may also read its tokenizer from (tokenizer.ggml.*).
Result<Model> ImportGguf(const OpenGguf& opened);

// The .gguf file that ImportModel would read for `path`; nullopt for a Hugging Face folder.
Result<std::optional<std::filesystem::path>> FindGguf(const std::filesystem::path& path);

// Reads every weight once; the first that is NaN or infinite (in the order: embedding, layers,
// final norm, head) is an error that names tensor, row and column. The same for any pool.
Status CheckFinite(const Model& model, ThreadPool& pool);

// 64 hexadecimal digits that name this checkpoint for resuming work on it: SHA-256 over the
// geometry and each file's name, size, time of change and first MiB. Cheap, so not a digest of the
// weights. Errors: a file that has gone.
Result<std::string> ImportFingerprint(const Model& model);

}  // namespace burin
