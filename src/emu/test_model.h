// A small model of random weights, made from a seed: for tests that need every feature of the
// forward pass but no checkpoint.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "quant/adapter.h"
#include "quant/quantized_model.h"

namespace burin {

struct TestModelOptions {
  uint64_t seed = 1;
  int bits = 3;
  int64_t group = 32;
  bool tied_head = false, qkv_bias = false, qk_norm = false;
  int64_t hidden = 64, layers = 2, heads = 4, kv_heads = 2, head_dim = 16, ffn = 172, vocab = 130;
  int64_t context = 96;
  int residual_fraction = 20;
  int weight_exponent =
      0;  // added to the exponent of the embedding: above 6, the residual saturates
};

// The model and what its spans look into. Not movable.
struct TestModel {
  explicit TestModel(const TestModelOptions& options);
  TestModel(const TestModel&) = delete;
  TestModel& operator=(const TestModel&) = delete;

  QuantizedModel model;

 private:
  PackedMatrix RandomMatrix(int64_t rows, int64_t cols, double rms);
  std::span<const int32_t> RandomBias(int64_t count);
  GainView RandomGain(int64_t count, float mean);
  double Uniform();  // [0, 1)

  TestModelOptions options_;
  uint64_t drawn_ = 0;
  std::deque<std::vector<uint8_t>> bytes_;
  std::deque<std::vector<int32_t>> biases_;
  std::deque<std::vector<int16_t>> halves_;
};

// An adapter of random weights whose additions are of the size of the matrices' own outputs. Ranks
// differ from matrix to matrix, from `rank` down; some matrices have none.
std::shared_ptr<const Adapter> MakeTestAdapter(const QuantizedModel& model, uint64_t seed,
                                               int64_t rank);

// `count` token ids below `vocab`, made from the seed.
using Ids = std::vector<int32_t>;
Ids RandomIds(uint64_t seed, size_t count, int64_t vocab);

}  // namespace burin
