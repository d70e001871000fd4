#include "quant/test_models.h"

#include <stdlib.h>

#include <cmath>
#include <fstream>
#include <iterator>

#include "base/check.h"
#include "base/philox.h"

namespace burin {
namespace {

// About Gaussian: the sum of four uniform numbers.
float Noise(uint64_t seed, uint64_t stream, uint64_t index) {
  float sum = 0;
  for (const uint32_t bits : Philox(seed, stream, index)) {
    sum += static_cast<float>(bits >> 8) * 0x1p-24f - 0.5f;
  }
  return sum * 1.732f;
}

class Maker {
 public:
  Maker(OwnedModel& owned, uint64_t seed) : owned_(owned), seed_(seed) {}

  TensorView operator()(const std::string& name, int64_t rows, int64_t cols, float mean,
                        float deviation) {
    auto values = std::make_unique<std::vector<float>>(static_cast<size_t>(rows * cols));
    uint64_t index = 0;
    for (float& value : *values) value = mean + deviation * Noise(seed_, stream_, index++);
    ++stream_;
    const TensorView view(name, TensorType::kF32, rows, cols, std::as_bytes(std::span(*values)));
    owned_.storage.push_back(std::move(values));
    return view;
  }

 private:
  OwnedModel& owned_;
  const uint64_t seed_;
  uint64_t stream_ = 0;
};

}  // namespace

ModelConfig SmallConfig() {
  ModelConfig config;
  config.architecture = "llama";
  config.hidden = 48;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = 12;
  config.ffn = 72;
  config.vocab = 40;
  config.max_positions = 100;
  config.eos_ids = {2};
  config.bos_id = 1;
  return config;
}

OwnedModel MakeModel(const ModelConfig& c, uint64_t seed) {
  OwnedModel owned;
  Maker make(owned, seed);
  auto matrix = [&](const std::string& name, int64_t rows, int64_t cols) {
    return make(name, rows, cols, 0, 1 / std::sqrt(static_cast<float>(cols)));
  };
  auto vector = [&](const std::string& name, int64_t size, float mean) {
    return make(name, 1, size, mean, 0.1f);
  };
  owned.model.config = c;
  owned.model.generation.temperature = 0.7;
  owned.model.embedding = matrix("model.embed_tokens.weight", c.vocab, c.hidden);
  owned.model.final_norm = vector("model.norm.weight", c.hidden, 1);
  owned.model.head =
      c.tied_head ? owned.model.embedding : matrix("lm_head.weight", c.vocab, c.hidden);
  for (int64_t i = 0; i < c.layers; ++i) {
    LayerTensors t;
    t.attention_norm = vector("input_layernorm", c.hidden, 1);
    t.q = matrix("q_proj", c.q_width(), c.hidden);
    t.k = matrix("k_proj", c.kv_width(), c.hidden);
    t.v = matrix("v_proj", c.kv_width(), c.hidden);
    t.o = matrix("o_proj", c.hidden, c.q_width());
    if (c.qkv_bias) {
      t.q_bias = vector("q_bias", c.q_width(), 0);
      t.k_bias = vector("k_bias", c.kv_width(), 0);
      t.v_bias = vector("v_bias", c.kv_width(), 0);
    }
    if (c.qk_norm) {
      t.q_norm = vector("q_norm", c.head_dim, 1);
      t.k_norm = vector("k_norm", c.head_dim, 1);
    }
    t.ffn_norm = vector("post_attention_layernorm", c.hidden, 1);
    t.gate = matrix("gate_proj", c.ffn, c.hidden);
    t.up = matrix("up_proj", c.ffn, c.hidden);
    t.down = matrix("down_proj", c.hidden, c.ffn);
    owned.model.layers.push_back(t);
  }
  return owned;
}

std::vector<float>& FloatsOf(OwnedModel& owned, const TensorView& view) {
  for (auto& values : owned.storage) {
    if (std::as_bytes(std::span(*values)).data() == view.bytes().data()) return *values;
  }
  BURIN_CHECK(!"a view of this model");
  return *owned.storage.front();
}

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "burin_quant_XXXXXX").string();
  BURIN_CHECK(::mkdtemp(name.data()) != nullptr);
  path_ = name;
}

TestFolder::~TestFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

std::string ReadAll(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace burin
