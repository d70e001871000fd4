// How much each input of each matrix matters: the mean square of what flows through it on a text
// (docs/quantization.md, "Importance").
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "model/model.h"
#include "quant/fold.h"
#include "quant/tensor_list.h"

namespace burin {

struct Calibration {
  // Mean squares of the inputs, as the checkpoint's matrices see them (behind the norm's gain).
  struct Layer {
    std::vector<float> qkv;      // [hidden]
    std::vector<float> o;        // [q_width]
    std::vector<float> gate_up;  // [hidden]
    std::vector<float> down;     // [ffn]
  };
  std::vector<Layer> layers;
  std::vector<float> head;      // [hidden]
  double largest_residual = 0;  // |x| over the residual stream at every layer's entry and the end
  int64_t tokens = 0;

  // SHA-256 of all of it, hexadecimal.
  std::string Digest() const;
};

// Runs the float model over `tokens` in windows of kCalibrationWindow positions (each begins with
// config.bos_id if there is one) and averages. Same bits for any pool. Costs a float forward pass a
// token. Errors: no tokens, a token outside the vocabulary, values that are not finite, an
// interrupt. `progress` may be null; it counts tokens.
inline constexpr int64_t kCalibrationWindow = 512;
Result<Calibration> CollectImportance(const Model& model, std::span<const int32_t> tokens,
                                      ThreadPool& pool, Progress* progress);

// Importance of each row of a folded matrix: mean square of the input divided by the square of the
// gain that went into the row; scaled to mean 1, at least 1e-4. All 1 without calibration, for an
// embedding of its own, and if nothing was observed. An embedding that is also the head takes half
// of each, for its columns are read as vectors too.
std::vector<float> ImportanceOf(const Calibration* calibration, const MatrixEntry& entry,
                                const FoldedMatrix& matrix, bool tied_head);

// Fraction bits that leave 16 times the room that the largest residual needs, within 12..24; 20
// without calibration.
int ResidualFraction(const Calibration* calibration);

}  // namespace burin
