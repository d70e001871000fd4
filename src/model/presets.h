// Geometries of published models by name, so that a report needs no weights.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"

namespace burin {

// "llama-3.1-8b", ... Sources: config.json of each model on huggingface.co (the base model, where
// base and instruct differ). "llama-20b-synthetic" is made up: dense, 20 G weights.
// Errors: an unknown name; the message holds the nearest known ones.
Result<ModelConfig> FindPreset(std::string_view name);

// All names, in the order of the table.
std::vector<std::string> PresetNames();

}  // namespace burin
