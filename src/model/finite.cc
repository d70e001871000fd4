#include <algorithm>
#include <atomic>
#include <cmath>
#include <limits>

#include "base/interrupt.h"
#include "model/import.h"

namespace burin {
namespace {

Status CheckTensor(const TensorView& tensor, ThreadPool& pool) {
  constexpr int64_t kNone = std::numeric_limits<int64_t>::max();
  const auto cols = static_cast<size_t>(tensor.cols());
  std::vector<int64_t> bad_rows(static_cast<size_t>(pool.size()), kNone);  // first of each part
  pool.ParallelFor(static_cast<size_t>(tensor.rows()), 1, [&](size_t begin, size_t end, int part) {
    std::vector<float> row(cols);
    for (size_t r = begin; r < end && !InterruptRequested(); ++r) {
      tensor.ReadRow(static_cast<int64_t>(r), row);
      if (std::ranges::all_of(row, [](float w) { return std::isfinite(w); })) continue;
      bad_rows[static_cast<size_t>(part)] = static_cast<int64_t>(r);
      return;
    }
  });
  if (InterruptRequested()) return Interrupted("check of the weights");
  const int64_t bad = *std::ranges::min_element(bad_rows);
  if (bad == kNone) return {};
  std::vector<float> row(cols);
  tensor.ReadRow(bad, row);
  const auto at = std::ranges::find_if(row, [](float w) { return !std::isfinite(w); });
  return BadInput(fmt::format("tensor '{}'", tensor.name()),
                  fmt::format("{} at row {}, column {}", *at, bad, at - row.begin()),
                  "finite weights", "The checkpoint is damaged: download it again.");
}

}  // namespace

Status CheckFinite(const Model& model, ThreadPool& pool) {
  std::vector<const TensorView*> tensors{&model.embedding};
  for (const LayerTensors& layer : model.layers) {
    for (const TensorView* tensor :
         {&layer.attention_norm, &layer.q, &layer.k, &layer.v, &layer.o, &layer.q_bias,
          &layer.k_bias, &layer.v_bias, &layer.q_norm, &layer.k_norm, &layer.ffn_norm, &layer.gate,
          &layer.up, &layer.down}) {
      tensors.push_back(tensor);
    }
  }
  tensors.push_back(&model.final_norm);
  if (!model.config.tied_head) tensors.push_back(&model.head);
  for (const TensorView* tensor : tensors) BURIN_TRY(CheckTensor(*tensor, pool));
  return {};
}

}  // namespace burin
