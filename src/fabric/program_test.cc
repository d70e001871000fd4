#include "fabric/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/presets.h"
#include "quant/tensor_list.h"
#include "quant/test_models.h"

namespace burin {
namespace {

std::vector<std::string> Names(const Program& program) {
  std::vector<std::string> names;
  for (const Step& step : program) names.emplace_back(OpName(step.op));
  return names;
}

TEST(MakeProgram, IsTheListOfTheDocument) {
  ModelConfig config = SmallConfig();
  config.layers = 1;
  config.qk_norm = true;
  const std::vector<std::string> expected = {
      "EMBED",         "NORM",           "ADAPT_DOWN",     "PASS",           "COLLECT",
      "COLLECT",       "COLLECT",        "HEAD_NORM",      "HEAD_NORM",      "ROTATE",
      "ROTATE",        "QUANTIZE_HEADS", "QUANTIZE_HEADS", "QUANTIZE_HEADS", "ATTEND",
      "QUANTIZE",      "ADAPT_DOWN",     "PASS",           "COLLECT_ADD",    "NORM",
      "ADAPT_DOWN",    "PASS",           "COLLECT",        "COLLECT",        "SWIGLU",
      "ADAPT_DOWN",    "PASS",           "COLLECT_ADD",    "NORM",           "PASS",
      "COLLECT_LOGITS"};
  EXPECT_EQ(Names(MakeProgram(config)), expected);
}

TEST(MakeProgram, WalksTheMatricesOfTheModelInStoredOrder) {
  for (const std::string& name : PresetNames()) {
    const ModelConfig config = FindPreset(name).value();
    const auto matrices = MatricesOf(config);
    int32_t next = 1;  // the embedding comes first
    for (const Step& step : MakeProgram(config)) {
      if (step.op != Op::kPass) continue;
      for (const int32_t m : step.matrices) {
        if (m < 0) continue;
        const bool tied_head = config.tied_head && step.layer < 0;
        EXPECT_EQ(m, tied_head ? 0 : next++) << name;
        EXPECT_EQ(matrices[static_cast<size_t>(m)].rows, step.values) << name;
        EXPECT_EQ(matrices[static_cast<size_t>(m)].layer, step.layer) << name;
      }
    }
    EXPECT_EQ(next, static_cast<int32_t>(matrices.size())) << name;
  }
}

TEST(MakeProgram, CollectsEachMatrixOnceWithItsOutputs) {
  const ModelConfig config = FindPreset("qwen3-0.6b").value();
  const auto matrices = MatricesOf(config);
  std::vector<int> collected(matrices.size());
  for (const Step& step : MakeProgram(config)) {
    if (step.op != Op::kCollect && step.op != Op::kCollectAdd && step.op != Op::kCollectLogits)
      continue;
    ++collected[static_cast<size_t>(step.matrices[0])];
    EXPECT_EQ(matrices[static_cast<size_t>(step.matrices[0])].cols, step.values);
  }
  EXPECT_THAT(collected, testing::Each(1));
}

}  // namespace
}  // namespace burin
