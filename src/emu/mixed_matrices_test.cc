#include "emu/mixed_matrices.h"

#include <gmock/gmock.h>

#include "emu/emulator.h"
#include "emu/test_model.h"

namespace burin {
namespace {

// Logits after some tokens; `matrices` null means the model's own.
std::vector<int32_t> Logits(const QuantizedModel& model, const MatrixBackend* matrices) {
  const Emulator emulator(model, *AvailableKernelSets().front(), nullptr, matrices);
  const std::vector<int32_t> ids = {3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<int32_t> logits(static_cast<size_t>(model.config.vocab));
  KvCache cache = *emulator.NewCache(16);
  Workspace workspace;
  const Chunk chunk{&cache, ids, LogitsWanted::kLast, logits};
  EXPECT_TRUE(emulator.Forward({&chunk, 1}, workspace));
  return logits;
}

TEST(MixedMatrices, EachMatrixComesFromTheSideChosenForIt) {
  const TestModel a({.seed = 1}), b({.seed = 2});
  const KernelSet& kernels = *AvailableKernelSets().front();
  const IntegerMatrices of_a(a.model, kernels), of_b(b.model, kernels);

  QuantizedModel expected = b.model;
  expected.layers[1].down = a.model.layers[1].down;
  const MixedMatrices one(
      of_a, of_b, [](MatrixId id) { return id.kind == MatrixKind::kDown && id.layer == 1; }, false);
  EXPECT_EQ(Logits(b.model, &one), Logits(expected, nullptr));

  expected = b.model;
  expected.embedding = a.model.embedding;
  for (size_t l = 0; l < expected.layers.size(); ++l) expected.layers[l].k = a.model.layers[l].k;
  const MixedMatrices kind(
      of_a, of_b, [](MatrixId id) { return id.kind == MatrixKind::kK; }, true);
  EXPECT_EQ(Logits(b.model, &kind), Logits(expected, nullptr));
  EXPECT_NE(Logits(b.model, &kind), Logits(b.model, nullptr));
}

}  // namespace
}  // namespace burin
