// A checkpoint as the commands want it: weights and tokenizer, checked against each other.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "base/result.h"
#include "model/model.h"
#include "text/tokenizer.h"

namespace burin {

struct Checkpoint {
  Model model;  // its eos_ids and bos_id hold those of the tokenizer too
  Tokenizer tokenizer;
  int64_t padded_rows = 0;  // rows of the embedding that no token has
};

// A Hugging Face folder or a GGUF file, as ImportModel takes it.
// Errors: those of the importers; no tokenizer; a tokenizer with more tokens than the embedding has
// rows.
Result<Checkpoint> LoadCheckpoint(const std::filesystem::path& path);

}  // namespace burin
