// Masks read back: every code, scale, table and program word from the geometry of the mask files
// alone, compared with a cartridge, and the cartridge's digest computed from what was read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "mask/mask_folder.h"
#include "quant/quantized_model.h"

namespace burin::mask {

struct ReadBack {
  MaskManifest manifest;
  std::vector<std::string> problems;  // the first kMostProblems, in order of bank
  int64_t problem_count = 0;
  int64_t banks = 0;  // with weights
  int64_t weight_vias = 0, constant_vias = 0, program_steps = 0;
  struct Tensor {
    std::string name;
    int bits = 0;
    int64_t weights = 0;
    bool equal = true;  // codes and scales; without a cartridge: readable
  };
  std::vector<Tensor> tensors;
  // Of the cartridge that the masks hold: computed from geometry alone if nothing is wrong with it.
  std::optional<Sha256Digest> digest;

  static constexpr size_t kMostProblems = 20;
};

// Reads the masks of a folder; with `cartridge` every place is compared with what it must hold.
// What is wrong with geometry or values is a problem of the result, not an error. Memory: the codes
// and scales of the model. Errors: no folder of masks; files that are malformed; a base die that is
// not the chip's; masks of another cartridge; too little memory; an interrupt.
Result<ReadBack> ReadMasks(const std::filesystem::path& folder, const QuantizedModel* cartridge,
                           ThreadPool& pool, Progress* progress);

}  // namespace burin::mask
