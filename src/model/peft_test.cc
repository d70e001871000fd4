#include "model/peft.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "model/config.h"
#include "model/test_files.h"

namespace burin {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;
using namespace testing_files;

class PeftTest : public testing::Test {
 protected:
  static std::string Name(int layer, const std::string& module, char side) {
    return fmt::format("base_model.model.model.layers.{}.{}.lora_{}.weight", layer, module, side);
  }
  // A and B of one module.
  static std::vector<FileTensor> Pair(int layer, const std::string& module, uint64_t rank,
                                      uint64_t in, uint64_t out) {
    return {{Name(layer, module, 'A'), {rank, in}, std::string(4 * rank * in, '\0')},
            {Name(layer, module, 'B'), {out, rank}, std::string(4 * rank * out, '\0')}};
  }
  Result<LoraAdapter> Read(const nlohmann::json& patch, const std::vector<FileTensor>& tensors) {
    nlohmann::json json = {{"peft_type", "LORA"}, {"r", 4}, {"lora_alpha", 8}, {"bias", "none"}};
    json.merge_patch(patch);
    WriteFile(folder_.path() / "adapter_config.json", json.dump());
    WriteFile(folder_.path() / "adapter_model.safetensors", SafetensorsFile(tensors));
    return ReadPeftFolder(folder_.path(), TinyConfig("llama"));
  }
  std::string Refusal(const nlohmann::json& patch) {
    return ErrorOf(Read(patch, Pair(0, "self_attn.q_proj", 4, 24, 24)));
  }
  std::string TensorRefusal(const std::vector<FileTensor>& tensors) {
    return ErrorOf(Read(nlohmann::json::object(), tensors));
  }

  TempFolder folder_;
};

TEST_F(PeftTest, GivesMatricesByLayerAndKind) {
  auto tensors = Pair(1, "mlp.down_proj", 4, 40, 24);
  tensors[0].bytes.replace(0, 4, Raw(1.5f));
  for (const FileTensor& tensor : Pair(0, "self_attn.v_proj", 4, 24, 12)) tensors.push_back(tensor);
  const auto adapter = Read({{"base_model_name_or_path", "x/y"}}, tensors);
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  EXPECT_EQ(adapter->rank, 4);
  EXPECT_EQ(adapter->alpha, 8);
  EXPECT_EQ(adapter->scale, 2);
  EXPECT_EQ(adapter->base_model, "x/y");
  ASSERT_EQ(adapter->layers.size(), 2u);
  const LoraMatrix& down = adapter->At(1, MatrixKind::kDown);
  EXPECT_EQ(down.rank, 4);
  EXPECT_EQ(down.scale, 2);
  EXPECT_EQ(down.a.rows(), 4);
  EXPECT_EQ(down.a.cols(), 40);
  EXPECT_EQ(down.b.rows(), 24);
  EXPECT_EQ(down.a.ToFloats()[0], 1.5f);
  EXPECT_FALSE(adapter->At(0, MatrixKind::kV).empty());
  EXPECT_TRUE(adapter->At(0, MatrixKind::kQ).empty());
}

TEST_F(PeftTest, RankAndAlphaPatternsAndRslora) {
  auto tensors = Pair(0, "self_attn.q_proj", 4, 24, 24);
  for (const FileTensor& tensor : Pair(1, "self_attn.q_proj", 9, 24, 24)) tensors.push_back(tensor);
  const auto adapter = Read({{"use_rslora", true},
                             {"rank_pattern", {{"layers.1.self_attn.q_proj", 9}}},
                             {"alpha_pattern", {{"q_proj", 6}}}},
                            tensors);
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  EXPECT_EQ(adapter->rank, 9);
  EXPECT_EQ(adapter->scale, 4);
  EXPECT_EQ(adapter->At(0, MatrixKind::kQ).scale, 3);
  EXPECT_EQ(adapter->At(1, MatrixKind::kQ).scale, 2);
  EXPECT_THAT(Refusal({{"rank_pattern", {{".*q_proj", 9}}}}), HasSubstr("pattern '.*q_proj'"));
  EXPECT_THAT(Refusal({{"rank_pattern", {{"q_proj", 0}}}}), HasSubstr("above 0"));
  EXPECT_THAT(Refusal({{"rank_pattern", {{"q_proj", 1.5}}}}), HasSubstr("an integer"));
  EXPECT_THAT(Refusal({{"rank_pattern", {{"q_proj", 4}, {"self_attn.q_proj", 5}}}}),
              HasSubstr("two patterns with different values"));
  EXPECT_THAT(Refusal({{"rank_pattern", 3}}), HasSubstr("an object of module -> number"));
}

TEST_F(PeftTest, RefusesVariantsByName) {
  EXPECT_EQ(Refusal(nlohmann::json::object()), "(no error)");
  EXPECT_THAT(Refusal({{"peft_type", "IA3"}}), HasSubstr("peft_type: IA3; expected LORA"));
  EXPECT_THAT(Refusal({{"bias", "all"}}), HasSubstr("bias: all; expected none"));
  EXPECT_THAT(Refusal({{"use_dora", true}}), HasSubstr("use_dora: true"));
  EXPECT_THAT(Refusal({{"lora_bias", true}}), HasSubstr("lora_bias"));
  EXPECT_THAT(Refusal({{"fan_in_fan_out", true}}), HasSubstr("fan_in_fan_out"));
  EXPECT_THAT(Refusal({{"modules_to_save", {"lm_head"}}}),
              HasSubstr("modules_to_save: [\"lm_head\"]"));
  nlohmann::json replication = nlohmann::json::array({nlohmann::json::array({0, 2})});
  EXPECT_THAT(Refusal({{"layer_replication", replication}}), HasSubstr("layer_replication"));
  EXPECT_THAT(Refusal({{"init_lora_weights", "pissa_niter_16"}}), HasSubstr("pissa_niter_16"));
  EXPECT_THAT(Refusal({{"r", 0}}), HasSubstr("r: 0; expected an integer 1 to"));
  EXPECT_THAT(Refusal({{"r", nullptr}}), HasSubstr("r: is missing"));
}

TEST_F(PeftTest, RefusesTensorsThatDoNotFit) {
  EXPECT_THAT(TensorRefusal({}), HasSubstr("no tensors"));
  EXPECT_THAT(TensorRefusal(Pair(0, "self_attn.q_proj", 3, 24, 24)),
              HasSubstr("F32 [3, 24]; expected F32, F16 or BF16 [4, 24]"));
  EXPECT_THAT(TensorRefusal(Pair(0, "self_attn.q_proj", 4, 25, 24)), HasSubstr("[4, 25]"));
  EXPECT_THAT(TensorRefusal(Pair(0, "self_attn.q_proj", 4, 24, 12)), HasSubstr("[12, 4]"));
  for (const auto* module :
       {"self_attn.qkv_proj", "self_attn.up_proj", "mlp.q_proj", "block.q_proj"}) {
    EXPECT_THAT(TensorRefusal(Pair(0, module, 4, 24, 24)), HasSubstr("is no addition")) << module;
  }
  EXPECT_THAT(TensorRefusal(Pair(2, "self_attn.q_proj", 4, 24, 24)), HasSubstr("layers 0 to 1"));
  EXPECT_THAT(TensorRefusal(Pair(-1, "self_attn.q_proj", 4, 24, 24)), HasSubstr("is no addition"));
  auto half = Pair(0, "self_attn.q_proj", 4, 24, 24);
  half.pop_back();
  EXPECT_THAT(TensorRefusal(half), HasSubstr("layer 0, q_proj: only lora_A"));
  for (const char* name :
       {"base_model.model.lm_head.lora_A.weight",
        "base_model.model.model.embed_tokens.lora_embedding_A",
        "base_model.model.model.layers.00.self_attn.q_proj.lora_A.weight", "x", ""}) {
    EXPECT_THAT(TensorRefusal({{name, {1}, "1234"}}), HasSubstr("is no addition")) << name;
  }
}

TEST_F(PeftTest, RefusesTheTensorsOfDoraByName) {
  EXPECT_THAT(
      TensorRefusal({{"base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector",
                      {1},
                      "1234"}}),
      HasSubstr("DoRA"));
}

TEST_F(PeftTest, NeedsBothFiles) {
  EXPECT_THAT(ErrorOf(ReadPeftFolder(folder_.path(), TinyConfig("llama"))),
              HasSubstr("adapter_config.json"));
  WriteFile(folder_.path() / "adapter_config.json", R"({"peft_type":"LORA","r":4})");
  EXPECT_THAT(ErrorOf(ReadPeftFolder(folder_.path(), TinyConfig("llama"))),
              HasSubstr("no adapter_model.safetensors"));
}

TEST(Peft, ReadsAPublishedAdapter) {
  const fs::path folder = fs::path(BURIN_SOURCE_DIR) / "../shared/data/lora-qwen2.5-3b-law";
  if (!fs::exists(folder)) GTEST_SKIP() << "skipped: no ../shared";
  const auto config = ParseHfConfig(ReadTextFile(folder / "base-config.json").value(), "base");
  ASSERT_TRUE(config) << config.error().ToString();
  const auto adapter = ReadPeftFolder(folder, *config);
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  EXPECT_EQ(adapter->rank, 4);
  EXPECT_EQ(adapter->scale, 2);
  for (int64_t layer = 0; layer < config->layers; ++layer) {
    EXPECT_EQ(adapter->At(layer, MatrixKind::kQ).b.rows(), 2048);
    EXPECT_EQ(adapter->At(layer, MatrixKind::kV).b.rows(), 256);
    EXPECT_TRUE(adapter->At(layer, MatrixKind::kO).empty());
  }
}

}  // namespace
}  // namespace burin
