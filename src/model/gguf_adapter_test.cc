#include "model/gguf_adapter.h"

#include <gmock/gmock.h>

#include "base/philox.h"
#include "model/peft.h"
#include "model/test_files.h"

namespace burin {
namespace {

using testing::HasSubstr;
using namespace testing_files;

constexpr uint64_t kRank = 3;

std::vector<float> RandomFloats(uint64_t seed, uint64_t count) {
  std::vector<float> values;
  for (uint64_t i = 0; i < count; ++i) {
    values.push_back(static_cast<float>(Philox(seed, 0, i)[0]) * 0x1p-32F - 0.5F);
  }
  return values;
}

// Row j * half + i of a head becomes its row 2 * i + j, as llama.cpp's converter does.
std::vector<float> Interleaved(const std::vector<float>& rows, size_t head_dim, size_t cols) {
  std::vector<float> out(rows.size());
  const size_t half = head_dim / 2;
  for (size_t row = 0; row < rows.size() / cols; ++row) {
    const size_t head = row / head_dim, at = row % head_dim;
    const size_t to = head * head_dim + 2 * (at % half) + at / half;
    std::copy_n(rows.begin() + static_cast<std::ptrdiff_t>(row * cols), cols,
                out.begin() + static_cast<std::ptrdiff_t>(to * cols));
  }
  return out;
}

class GgufAdapterTest : public testing::Test {
 protected:
  static constexpr const char* kGguf[] = {"attn_q",   "attn_k", "attn_v",  "attn_output",
                                          "ffn_gate", "ffn_up", "ffn_down"};

  static GgufWriter Header(const ModelConfig& config) {
    GgufWriter writer;
    writer.String("general.architecture", config.architecture);
    writer.String("general.type", "adapter");
    writer.String("adapter.type", "lora");
    writer.Float32("adapter.lora.alpha", 6);
    return writer;
  }
  static FileTensor Tensor(const std::string& name, uint64_t rows, uint64_t cols, uint64_t seed) {
    return {name, {rows, cols}, RawFloats(RandomFloats(seed, rows * cols))};
  }
  Result<LoraAdapter> Read(const GgufWriter& writer, const ModelConfig& config) {
    const auto path = folder_.path() / "a.gguf";
    WriteFile(path, writer.Finish());
    return ReadAdapter(path, config);
  }
  // The error for a header with that one tensor.
  std::string Refusal(const FileTensor& tensor) {
    const ModelConfig config = TinyConfig("llama");
    GgufWriter writer = Header(config);
    writer.Add(tensor);
    return ErrorOf(Read(writer, config));
  }

  TempFolder folder_;
};

TEST_F(GgufAdapterTest, HoldsTheSameNumbersAsThePeftFolder) {
  for (const char* architecture : {"llama", "qwen2"}) {
    const ModelConfig config = TinyConfig(architecture);
    GgufWriter writer = Header(config);
    std::vector<FileTensor> peft;
    for (int64_t layer = 0; layer < config.layers; ++layer) {
      for (size_t k = 0; k < kAdaptedKinds; ++k) {
        const auto kind = static_cast<MatrixKind>(k);
        const TensorShape shape = ShapeOf(config, kind);
        const auto in = static_cast<uint64_t>(shape.cols), out = static_cast<uint64_t>(shape.rows);
        const uint64_t seed = static_cast<uint64_t>(layer) * 100 + k;
        const auto a = RandomFloats(seed, kRank * in), b = RandomFloats(seed + 50, out * kRank);
        const std::string base = fmt::format("base_model.model.model.layers.{}.{}.{}", layer,
                                             k < 4 ? "self_attn" : "mlp", MatrixKindName(kind));
        peft.push_back({base + ".lora_A.weight", {kRank, in}, RawFloats(a)});
        peft.push_back({base + ".lora_B.weight", {out, kRank}, RawFloats(b)});
        const std::string gguf = fmt::format("blk.{}.{}.weight.lora_", layer, kGguf[k]);
        const bool turned = k < 2 && config.architecture == "llama";
        writer.Add({gguf + "a", {kRank, in}, RawFloats(a)});
        writer.Add(
            {gguf + "b",
             {out, kRank},
             RawFloats(turned ? Interleaved(b, static_cast<size_t>(config.head_dim), kRank) : b)});
      }
    }
    WriteFile(folder_.path() / "adapter_config.json",
              R"({"peft_type":"LORA","r":3,"lora_alpha":6})");
    WriteFile(folder_.path() / "adapter_model.safetensors", SafetensorsFile(peft));
    const auto from_peft = ReadAdapter(folder_.path(), config);
    const auto from_gguf = Read(writer, config);
    ASSERT_TRUE(from_peft) << from_peft.error().ToString();
    ASSERT_TRUE(from_gguf) << from_gguf.error().ToString();
    EXPECT_EQ(from_gguf->rank, 3);
    EXPECT_EQ(from_gguf->scale, 2);
    for (int64_t layer = 0; layer < config.layers; ++layer) {
      for (size_t k = 0; k < kAdaptedKinds; ++k) {
        const LoraMatrix& p = from_peft->At(layer, static_cast<MatrixKind>(k));
        const LoraMatrix& g = from_gguf->At(layer, static_cast<MatrixKind>(k));
        EXPECT_EQ(g.a.ToFloats(), p.a.ToFloats());
        EXPECT_EQ(g.b.ToFloats(), p.b.ToFloats());
        EXPECT_EQ(g.scale, p.scale);
      }
    }
  }
}

TEST_F(GgufAdapterTest, WithoutAlphaTheScaleIsOne) {
  const ModelConfig config = TinyConfig("llama");
  GgufWriter writer;
  writer.String("general.architecture", "llama");
  writer.String("general.type", "adapter");
  writer.String("adapter.type", "lora");
  const auto hidden = static_cast<uint64_t>(config.hidden), ffn = static_cast<uint64_t>(config.ffn);
  writer.Add(Tensor("blk.1.ffn_down.weight.lora_a", 5, ffn, 1));
  writer.Add(Tensor("blk.1.ffn_down.weight.lora_b", hidden, 5, 2));
  const auto adapter = Read(writer, config);
  ASSERT_TRUE(adapter) << adapter.error().ToString();
  EXPECT_EQ(adapter->At(1, MatrixKind::kDown).scale, 1);
  EXPECT_EQ(adapter->rank, 5);
  EXPECT_TRUE(adapter->At(0, MatrixKind::kDown).empty());
}

TEST_F(GgufAdapterTest, RefusesWhatIsNoPlainAdapterOfThisModel) {
  const ModelConfig config = TinyConfig("llama");
  const auto refusal = [&](const char* key, const char* value) {
    GgufWriter writer;
    for (const auto& [k, v] : std::map<std::string, std::string>{{"general.architecture", "llama"},
                                                                 {"general.type", "adapter"},
                                                                 {"adapter.type", "lora"}}) {
      writer.String(k, k == key ? value : v);
    }
    return ErrorOf(Read(writer, config));
  };
  EXPECT_THAT(refusal("", ""), HasSubstr("no tensors"));
  EXPECT_THAT(refusal("general.type", "model"),
              HasSubstr("general.type': model; expected adapter"));
  EXPECT_THAT(refusal("adapter.type", "control"), HasSubstr("expected lora"));
  EXPECT_THAT(refusal("general.architecture", "qwen2"), HasSubstr("qwen2; expected llama"));
  GgufWriter activated = Header(config);
  activated.Uint32("adapter.alora.invocation_tokens", 7);
  EXPECT_THAT(ErrorOf(Read(activated, config)), HasSubstr("activated LoRA"));
  GgufWriter negative;
  negative.String("general.architecture", "llama");
  negative.String("general.type", "adapter");
  negative.String("adapter.type", "lora");
  negative.Float32("adapter.lora.alpha", -1);
  EXPECT_THAT(ErrorOf(Read(negative, config)), HasSubstr("adapter.lora.alpha"));
}

TEST_F(GgufAdapterTest, RefusesTensorsThatDoNotFit) {
  const auto hidden = static_cast<uint64_t>(TinyConfig("llama").hidden);
  for (const char* name :
       {"blk.0.attn_q.weight", "blk.0.attn_norm.weight", "token_embd.weight.lora_a",
        "output.weight.lora_b", "blk.2.attn_q.weight.lora_a", "blk.00.attn_q.weight.lora_a",
        "blk.-1.attn_q.weight.lora_a", "blk.0.attn_q.weight.lora_ab", "blk.", "x"}) {
    EXPECT_THAT(Refusal(Tensor(name, 3, hidden, 1)), HasSubstr("is no addition")) << name;
  }
  EXPECT_THAT(Refusal(Tensor("blk.0.attn_q.weight.lora_a", 3, hidden + 1, 1)),
              HasSubstr(fmt::format("[3, {}]; expected [rank, {}]", hidden + 1, hidden)));
  EXPECT_THAT(Refusal(Tensor("blk.0.attn_q.weight.lora_a", 3, hidden, 1)),
              HasSubstr("only lora_A"));
  const ModelConfig config = TinyConfig("llama");
  GgufWriter writer = Header(config);
  writer.Add(Tensor("blk.0.attn_output.weight.lora_b", hidden, 4, 1));
  writer.Add(
      Tensor("blk.0.attn_output.weight.lora_a", 3, static_cast<uint64_t>(config.q_width()), 1));
  EXPECT_THAT(ErrorOf(Read(writer, config)),
              HasSubstr(fmt::format("expected [4, {}]", config.q_width())));
}

TEST_F(GgufAdapterTest, OtherPathsGetAClearError) {
  const ModelConfig config = TinyConfig("llama");
  EXPECT_THAT(ErrorOf(ReadAdapter(folder_.path() / "none", config)), HasSubstr("does not exist"));
  EXPECT_THAT(ErrorOf(ReadAdapter(folder_.path(), config)), HasSubstr("no adapter_config.json"));
  WriteFile(folder_.path() / "x.safetensors", "");
  EXPECT_THAT(ErrorOf(ReadAdapter(folder_.path() / "x.safetensors", config)),
              HasSubstr("give its folder"));
}

}  // namespace
}  // namespace burin
