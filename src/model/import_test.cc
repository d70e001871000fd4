#include "model/import.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <limits>

#include "model/test_files.h"

namespace burin {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using namespace testing_files;

std::vector<const TensorView*> AllTensors(const Model& model) {
  std::vector<const TensorView*> all{&model.embedding, &model.final_norm, &model.head};
  for (const LayerTensors& l : model.layers) {
    for (const TensorView* view :
         {&l.attention_norm, &l.q, &l.k, &l.v, &l.o, &l.q_bias, &l.k_bias, &l.v_bias, &l.q_norm,
          &l.k_norm, &l.ffn_norm, &l.gate, &l.up, &l.down}) {
      all.push_back(view);
    }
  }
  return all;
}

class ImportTest : public testing::Test {
 protected:
  std::filesystem::path folder() const { return folder_.path(); }
  // Imports the tiny model after changes to its tensors or its config.json.
  Result<Model> Changed(const std::function<void(std::vector<FileTensor>&)>& change,
                        const nlohmann::json& patch = nlohmann::json::object(),
                        const ModelConfig& config = TinyConfig("llama")) {
    std::vector<FileTensor> tensors = HfTensors(config, TinyWeights(config, 5));
    change(tensors);
    nlohmann::json json = HfConfigJson(config);
    json.merge_patch(patch);
    WriteFile(folder() / "config.json", json.dump());
    WriteFile(folder() / "model.safetensors", SafetensorsFile(tensors));
    return ImportModel(folder());
  }
  std::string Refusal(const std::function<void(std::vector<FileTensor>&)>& change,
                      const nlohmann::json& patch = nlohmann::json::object()) {
    return ErrorOf(Changed(change, patch));
  }
  static FileTensor& Named(std::vector<FileTensor>& tensors, const std::string& name) {
    return *std::ranges::find(tensors, name, &FileTensor::name);
  }
  static void Drop(std::vector<FileTensor>& tensors, const std::string& name) {
    std::erase_if(tensors, [&](const FileTensor& tensor) { return tensor.name == name; });
  }

  TempFolder folder_;
};

TEST_F(ImportTest, GgufGivesTheSameFloatsAsHuggingFace) {
  for (const char* architecture : {"llama", "qwen2", "qwen3"}) {
    const ModelConfig config = TinyConfig(architecture);
    const Weights weights = TinyWeights(config, 5);
    WriteHfFolder(folder(), config, weights);
    const std::filesystem::path gguf = folder() / "tiny.gguf";
    WriteFile(gguf, TinyGguf(config, weights).Finish());
    const auto from_hf = ImportModel(folder()), from_gguf = ImportModel(gguf);
    ASSERT_TRUE(from_hf) << from_hf.error().ToString();
    ASSERT_TRUE(from_gguf) << from_gguf.error().ToString();
    EXPECT_EQ(from_hf->config, from_gguf->config);
    EXPECT_EQ(from_hf->config, config);
    const auto a = AllTensors(*from_hf), b = AllTensors(*from_gguf);
    ASSERT_EQ(a.size(), b.size());
    for (size_t i = 0; i < a.size(); ++i) {
      EXPECT_EQ(a[i]->rows(), b[i]->rows()) << a[i]->name();
      EXPECT_EQ(a[i]->ToFloats(), b[i]->ToFloats()) << a[i]->name() << " " << b[i]->name();
    }
    EXPECT_EQ(from_hf->layers[1].q.ToFloats(),
              weights.at("model.layers.1.self_attn.q_proj.weight"));
    for (size_t layer = 0; layer < 2; ++layer) {
      for (int k = 0; k < 8; ++k) {
        const auto kind = static_cast<MatrixKind>(k);
        const TensorView& view = MatrixOf(*from_hf, static_cast<int64_t>(layer), kind);
        EXPECT_EQ((TensorShape{view.rows(), view.cols()}), ShapeOf(config, kind));
        EXPECT_THAT(view.name(), HasSubstr(MatrixKindName(kind)));
      }
    }
  }
}

TEST_F(ImportTest, FindsWhatThePathNames) {
  EXPECT_THAT(ErrorOf(ImportModel(folder() / "nowhere")), HasSubstr("does not exist"));
  EXPECT_THAT(ErrorOf(ImportModel(folder())), HasSubstr("neither config.json nor a .gguf file"));
  WriteFile(folder() / "a.bin", "x");
  EXPECT_THAT(ErrorOf(ImportModel(folder() / "a.bin")), HasSubstr("neither a folder nor a .gguf"));
  const ModelConfig config = TinyConfig("llama");
  WriteFile(folder() / "a.gguf", TinyGguf(config, TinyWeights(config, 1)).Finish());
  EXPECT_EQ(ErrorOf(ImportModel(folder())), "(no error)");
  WriteFile(folder() / "b.gguf", "x");
  EXPECT_THAT(ErrorOf(ImportModel(folder())), HasSubstr("2 .gguf files"));
  EXPECT_THAT(ErrorOf(ImportModel(folder() / "b.gguf")), HasSubstr("magic of 4 bytes"));
}

TEST_F(ImportTest, ReadsShards) {
  const ModelConfig config = TinyConfig("qwen2");
  const std::vector<FileTensor> tensors = HfTensors(config, TinyWeights(config, 5));
  nlohmann::json map;
  std::vector<FileTensor> shards[2];
  for (size_t i = 0; i < tensors.size(); ++i) {
    shards[i % 2].push_back(tensors[i]);
    map[tensors[i].name] = fmt::format("model-{}.safetensors", i % 2);
  }
  for (size_t i = 0; i < 2; ++i) {
    WriteFile(folder() / fmt::format("model-{}.safetensors", i), SafetensorsFile(shards[i]));
  }
  WriteFile(folder() / "config.json", HfConfigJson(config).dump());
  WriteFile(folder() / "model.safetensors.index.json", nlohmann::json{{"weight_map", map}}.dump());
  const auto model = ImportModel(folder());
  ASSERT_TRUE(model) << model.error().ToString();
  EXPECT_EQ(model->files.size(), 2u);
}

TEST_F(ImportTest, RefusesMissingUnknownAndMisshapenTensors) {
  const std::string q = "model.layers.1.self_attn.q_proj.weight";
  EXPECT_THAT(Refusal([&](auto& t) { Drop(t, q); }), HasSubstr("no tensor '" + q + "'"));
  EXPECT_THAT(
      Refusal([&](auto& t) {
        Named(t, q).shape = {12, 48};
      }),
      AllOf(HasSubstr("tensor '" + q + "'"), HasSubstr("shape [12, 48]; expected [24, 24]")));
  EXPECT_THAT(Refusal([&](auto& t) { Named(t, q).shape = {576}; }), HasSubstr("shape [576]"));
  EXPECT_THAT(Refusal([&](auto& t) {
                Named(t, "model.norm.weight").shape = {1, 24};
              }),
              HasSubstr("shape [1, 24]; expected [24]"));
  EXPECT_THAT(Refusal([&](auto& t) { Named(t, q).dtype = "I32"; }),
              HasSubstr("type I32; expected F32, F16 or BF16"));
  EXPECT_THAT(Refusal([](auto& t) {
                t.push_back({"model.extra.weight", {1}, "1234"});
              }),
              HasSubstr("tensor 'model.extra.weight': is unknown"));
  EXPECT_THAT(Refusal([](auto& t) {
                t.push_back({"model.layers.0.self_attn.q_proj.bias", {1}, "1234"});
              }),
              HasSubstr("a bias, which llama here does not have"));
  EXPECT_THAT(Refusal([](auto&) {}, {{"num_hidden_layers", 1}}),
              HasSubstr("the tensors of 1 layers of llama only"));
  EXPECT_EQ(Refusal([](auto& t) {
              t.push_back({"model.layers.0.self_attn.rotary_emb.inv_freq", {1}, "1234"});
            }),
            "(no error)");
}

TEST_F(ImportTest, TiedHeadsNeedOneOfTwoTensors) {
  const std::string embedding = "model.embed_tokens.weight", head = "lm_head.weight";
  const nlohmann::json tied = {{"tie_word_embeddings", true}};
  const auto no_head = Changed([&](auto& t) { Drop(t, head); }, tied);
  ASSERT_TRUE(no_head) << no_head.error().ToString();
  EXPECT_EQ(no_head->head.name(), embedding);
  const auto no_embedding = Changed([&](auto& t) { Drop(t, embedding); }, tied);
  ASSERT_TRUE(no_embedding) << no_embedding.error().ToString();
  EXPECT_EQ(no_embedding->embedding.name(), head);
  EXPECT_EQ(Refusal([&](auto& t) { Named(t, head).bytes = Named(t, embedding).bytes; }, tied),
            "(no error)");
  EXPECT_THAT(Refusal([](auto&) {}, tied), HasSubstr("tie_word_embeddings is true, but"));
  EXPECT_THAT(Refusal([&](auto& t) { Drop(t, head); }),
              AllOf(HasSubstr("no tensor 'lm_head.weight'"), HasSubstr("tie_word_embeddings")));
}

TEST_F(ImportTest, CheckFiniteNamesTensorRowAndColumn) {
  ThreadPool one(1), three(3);
  const auto clean = Changed([](auto&) {});
  ASSERT_TRUE(clean);
  EXPECT_TRUE(CheckFinite(*clean, three));
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), -std::numeric_limits<float>::infinity()}) {
    const auto model = Changed([&](auto& tensors) {
      for (const size_t at : {7 * 24 + 3, 7 * 24 + 5, 20 * 24}) {
        Named(tensors, "model.layers.1.self_attn.q_proj.weight")
            .bytes.replace(at * sizeof(float), sizeof(float), Raw(bad));
      }
    });
    ASSERT_TRUE(model);
    const std::string found = ErrorOf(CheckFinite(*model, one));
    EXPECT_THAT(found, HasSubstr("tensor 'model.layers.1.self_attn.q_proj.weight'"));
    EXPECT_THAT(found, HasSubstr("row 7, column 3"));
    EXPECT_EQ(ErrorOf(CheckFinite(*model, three)), found);
  }
}

TEST_F(ImportTest, FingerprintFollowsTheFiles) {
  const auto first = ImportFingerprint(Changed([](auto&) {}).value());
  ASSERT_TRUE(first) << first.error().ToString();
  EXPECT_EQ(first->size(), 64u);
  EXPECT_EQ(ImportFingerprint(ImportModel(folder()).value()).value(), *first);
  const auto changed = Changed([](auto& t) { t[0].bytes[0] ^= 1; });
  EXPECT_NE(ImportFingerprint(*changed).value(), *first);
  std::filesystem::remove(folder() / "model.safetensors");
  EXPECT_THAT(ErrorOf(ImportFingerprint(*changed)), HasSubstr("model.safetensors"));
}

}  // namespace
}  // namespace burin
