// From a checkpoint, or from nothing but a geometry, to a cartridge file (docs/quantization.md).
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "quant/calibration.h"
#include "quant/column_quantizer.h"

namespace burin {

struct EngraveOptions {
  int bits = 3;                                // 3, 4 or 6
  std::string tensor_bits = {};                // tensor_bits.h: "lm_head=6,*.down_proj=6"
  int64_t group = 128;                         // 32, 64 or 128
  int64_t context = 0;                         // positions; 0: all the model has (or its window)
  std::optional<int> residual_fraction = {};   // by the calibration if not given
  const Calibration* calibration = nullptr;    // may be null
  const ColumnQuantizer* quantizer = nullptr;  // NearestQuantizer if null
  std::span<const std::byte> tokenizer = {};   // text::Tokenizer::Serialize
  std::string tool = "burin";                  // name and version, for the record in the file
  uint64_t journal_bytes = 8 << 20;  // written between two entries of the journal of a partial file
  Progress* progress = nullptr;      // counts weights, of config.WeightCount()
};

// The largest of 128, 64 and 32 inputs a scale that pads no matrix by more than an eighth of its
// inputs; 32 if all do.
int64_t DefaultGroup(const ModelConfig& config);

struct EngravedTensor {
  std::string name;
  int64_t rows = 0, cols = 0;  // inputs, outputs
  int bits = 3;
  double error = 0;    // sum of importance * error^2 over sum of importance * weight^2
  uint64_t bytes = 0;  // codes and scales
};

struct EngraveSummary {
  std::vector<EngravedTensor> tensors;
  uint64_t weights = 0;
  double bits_per_weight = 0;  // all codes and scales, embedding and head too
  uint64_t file_bytes = 0;
  int64_t context = 0;
  int residual_fraction = 0;
  Sha256Digest digest{};  // of the cartridge
  double seconds = 0;
  size_t resumed = 0;      // tensors that an earlier run had finished
  bool discarded = false;  // a partial file of other options or inputs was thrown away
};

// Writes the cartridge of `model` to `output`, which appears (or is replaced) by a rename at the
// end. The bytes depend on model and options only, not on the pool or on how often the work was
// stopped: a run that was killed leaves OUT.partial and its journal, and the next one with the same
// options and inputs goes on behind the last complete matrix.
// Memory: a few MiB, about 300 bytes a matrix input for each thread, and the tokenizer; checked
// before the start, as is the disk.
// Errors: options out of range; weights that are not finite or above 2^72 (names tensor and
// column); no room; the output cannot be written or is being written; an interrupt, which removes
// the partial.
Result<EngraveSummary> Engrave(const Model& model, const EngraveOptions& options,
                               const std::filesystem::path& output, ThreadPool& pool);

// A cartridge of that geometry with random weights: codes from a Gaussian's levels, scales that
// vary by a few steps, standard deviation 1 / sqrt(inputs), so that activations keep their size
// through the layers. Philox (seed; matrix; tile) decides each bit, so any pool gives the same
// bytes. Calibration, quantizer and tokenizer of the options are not used. For tests of speed,
// placement and masks at full size without a checkpoint.
Result<EngraveSummary> EngraveSynthetic(const ModelConfig& config, const EngraveOptions& options,
                                        uint64_t seed, const std::filesystem::path& output,
                                        ThreadPool& pool);

}  // namespace burin
