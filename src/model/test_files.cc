#include "model/test_files.h"

#include <unistd.h>

#include <atomic>
#include <cmath>
#include <fstream>

#include "base/philox.h"

namespace burin::testing_files {
namespace {

constexpr uint32_t kGgufUint32 = 4, kGgufFloat32 = 6, kGgufString = 8;

std::vector<uint64_t> ShapeFor(const ModelConfig& c, const std::string& name) {
  const auto u = [](int64_t n) { return static_cast<uint64_t>(n); };
  for (const MatrixKind kind :
       {MatrixKind::kQ, MatrixKind::kK, MatrixKind::kV, MatrixKind::kO, MatrixKind::kGate,
        MatrixKind::kUp, MatrixKind::kDown, MatrixKind::kHead}) {
    const TensorShape shape = ShapeOf(c, kind);
    const std::string module = MatrixKindName(kind);
    if (name.ends_with(module + ".weight")) return {u(shape.rows), u(shape.cols)};
    if (name.ends_with(module + ".bias")) return {u(shape.rows)};
  }
  if (name.ends_with("embed_tokens.weight")) return {u(c.vocab), u(c.hidden)};
  if (name.ends_with("q_norm.weight") || name.ends_with("k_norm.weight")) return {u(c.head_dim)};
  return {u(c.hidden)};
}

std::vector<std::string> HfNames(const ModelConfig& config) {
  std::vector<std::string> names{"model.embed_tokens.weight", "model.norm.weight"};
  if (!config.tied_head) names.push_back("lm_head.weight");
  for (int64_t i = 0; i < config.layers; ++i) {
    const std::string layer = fmt::format("model.layers.{}.", i);
    for (const char* module : {"input_layernorm", "post_attention_layernorm", "self_attn.q_proj",
                               "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
                               "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj"}) {
      names.push_back(layer + module + ".weight");
    }
    for (const char* module : {"q_proj", "k_proj", "v_proj"}) {
      if (config.qkv_bias) names.push_back(layer + "self_attn." + module + ".bias");
    }
    for (const char* module : {"q_norm", "k_norm"}) {
      if (config.qk_norm) names.push_back(layer + "self_attn." + module + ".weight");
    }
  }
  return names;
}

std::string GgufName(std::string name) {
  static const std::pair<const char*, const char*> kParts[] = {
      {"model.embed_tokens", "token_embd"},
      {"model.norm", "output_norm"},
      {"lm_head", "output"},
      {"model.layers", "blk"},
      {"input_layernorm", "attn_norm"},
      {"post_attention_layernorm", "ffn_norm"},
      {"self_attn.q_proj", "attn_q"},
      {"self_attn.k_proj", "attn_k"},
      {"self_attn.v_proj", "attn_v"},
      {"self_attn.o_proj", "attn_output"},
      {"self_attn.q_norm", "attn_q_norm"},
      {"self_attn.k_norm", "attn_k_norm"},
      {"mlp.gate_proj", "ffn_gate"},
      {"mlp.up_proj", "ffn_up"},
      {"mlp.down_proj", "ffn_down"},
  };
  for (const auto& [hf, gguf] : kParts) {
    if (const size_t at = name.find(hf); at != std::string::npos) {
      name.replace(at, std::string_view(hf).size(), gguf);
    }
  }
  return name;
}

// As convert_hf_to_gguf.py: reshape(heads, 2, head_dim / 2, cols).swapaxes(1, 2).
std::vector<float> Interleaved(const std::vector<float>& rows, size_t head_dim, size_t cols) {
  std::vector<float> out;
  for (size_t head = 0; head < rows.size() / (head_dim * cols); ++head) {
    for (size_t i = 0; i < head_dim / 2; ++i) {
      for (size_t j = 0; j < 2; ++j) {
        const auto* row = rows.data() + (head * head_dim + j * (head_dim / 2) + i) * cols;
        out.insert(out.end(), row, row + cols);
      }
    }
  }
  return out;
}

}  // namespace

TempFolder::TempFolder() {
  static std::atomic<int> count{0};
  path_ = std::filesystem::temp_directory_path() /
          fmt::format("burin_model_test.{}.{}", ::getpid(), count.fetch_add(1));
  std::filesystem::create_directories(path_);
}
TempFolder::~TempFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(path_, ignored);
}

void WriteFile(const std::filesystem::path& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

std::string RawFloats(std::span<const float> values) {
  return std::string(reinterpret_cast<const char*>(values.data()), values.size_bytes());
}

std::string RawSafetensors(std::string_view header, std::string_view data) {
  return Raw(uint64_t{header.size()}) + std::string(header) + std::string(data);
}

std::string SafetensorsFile(const std::vector<FileTensor>& tensors) {
  nlohmann::json header = {{"__metadata__", {{"format", "pt"}}}};
  std::string data;
  for (const FileTensor& tensor : tensors) {
    header[tensor.name] = {{"dtype", tensor.dtype},
                           {"shape", tensor.shape},
                           {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
    data += tensor.bytes;
  }
  return RawSafetensors(header.dump(), data);
}

std::string GgufWriter::Text(std::string_view text) {
  return Raw(uint64_t{text.size()}) + std::string(text);
}
void GgufWriter::Key(std::string_view key, uint32_t type, std::string_view value_bytes) {
  keys_ += Text(key) + Raw(type) + std::string(value_bytes);
  ++key_count_;
}
void GgufWriter::String(std::string_view key, std::string_view text) {
  Key(key, kGgufString, Text(text));
}
void GgufWriter::Uint32(std::string_view key, uint32_t value) { Key(key, kGgufUint32, Raw(value)); }
void GgufWriter::Float32(std::string_view key, float value) { Key(key, kGgufFloat32, Raw(value)); }

std::string GgufWriter::Finish() const {
  std::string file =
      "GGUF" + Raw(version) + Raw(uint64_t{tensors_.size()}) + Raw(key_count_) + keys_;
  std::string data;
  const auto pad = [this](std::string& text) {
    text.resize((text.size() + alignment - 1) / alignment * alignment);
  };
  for (const FileTensor& tensor : tensors_) {
    file += Text(tensor.name) + Raw(static_cast<uint32_t>(tensor.shape.size()));
    for (size_t i = tensor.shape.size(); i-- > 0;) file += Raw(tensor.shape[i]);
    file += Raw(tensor.ggml_type) + Raw(uint64_t{data.size()});
    data += tensor.bytes;
    pad(data);
  }
  pad(file);
  return file + data;
}

ModelConfig TinyConfig(const std::string& architecture) {
  ModelConfig config;
  config.architecture = architecture;
  config.hidden = 24;
  config.layers = 2;
  config.heads = 4;
  config.kv_heads = 2;
  config.head_dim = architecture == "qwen3" ? 8 : 6;
  config.ffn = 40;
  config.vocab = 50;
  config.max_positions = 64;
  config.qkv_bias = architecture == "qwen2";
  config.qk_norm = architecture == "qwen3";
  config.eos_ids = {2};
  config.bos_id = 1;
  return config;
}

Weights TinyWeights(const ModelConfig& config, uint64_t seed) {
  Weights weights;
  uint64_t stream = 0;
  for (const std::string& name : HfNames(config)) {
    const std::vector<uint64_t> shape = ShapeFor(config, name);
    size_t count = 1;
    for (const uint64_t size : shape) count *= size;
    std::vector<float>& values = weights[name];
    for (size_t i = 0; i < count; ++i) {
      const double uniform = Philox(seed, stream, i)[0] * 0x1p-31 - 1;  // [-1, 1)
      const bool gain = shape.size() == 1 && !name.ends_with(".bias");
      const double spread = gain                ? 0.5
                            : shape.size() == 1 ? 0.3
                                                : std::sqrt(3.0 / static_cast<double>(shape[1]));
      values.push_back(static_cast<float>((gain ? 1 : 0) + spread * uniform));
    }
    ++stream;
  }
  return weights;
}

nlohmann::json HfConfigJson(const ModelConfig& c) {
  std::string causal_lm = c.architecture + "ForCausalLM";
  causal_lm[0] = static_cast<char>(std::toupper(causal_lm[0]));
  return {{"architectures", {causal_lm}},
          {"model_type", c.architecture},
          {"hidden_size", c.hidden},
          {"num_hidden_layers", c.layers},
          {"num_attention_heads", c.heads},
          {"num_key_value_heads", c.kv_heads},
          {"head_dim", c.head_dim},
          {"intermediate_size", c.ffn},
          {"vocab_size", c.vocab},
          {"max_position_embeddings", c.max_positions},
          {"rope_theta", c.rope_theta},
          {"rms_norm_eps", c.rms_eps},
          {"tie_word_embeddings", c.tied_head},
          {"hidden_act", "silu"},
          {"sliding_window", nullptr},
          {"eos_token_id", 2},
          {"bos_token_id", 1}};
}

std::vector<FileTensor> HfTensors(const ModelConfig& config, const Weights& weights) {
  std::vector<FileTensor> tensors;
  for (const auto& [name, values] : weights) {
    tensors.push_back({name, ShapeFor(config, name), RawFloats(values)});
  }
  return tensors;
}

void WriteHfFolder(const std::filesystem::path& folder, const ModelConfig& config,
                   const Weights& weights) {
  WriteFile(folder / "config.json", HfConfigJson(config).dump(1));
  WriteFile(folder / "model.safetensors", SafetensorsFile(HfTensors(config, weights)));
}

GgufWriter TinyGguf(const ModelConfig& config, const Weights& weights) {
  GgufWriter writer;
  const std::string prefix = config.architecture + ".";
  const auto size = [&](const char* key, int64_t value) {
    writer.Uint32(prefix + key, static_cast<uint32_t>(value));
  };
  writer.String("general.architecture", config.architecture);
  size("embedding_length", config.hidden);
  size("block_count", config.layers);
  size("attention.head_count", config.heads);
  size("attention.head_count_kv", config.kv_heads);
  size("attention.key_length", config.head_dim);
  size("attention.value_length", config.head_dim);
  size("rope.dimension_count", config.head_dim);
  size("feed_forward_length", config.ffn);
  size("context_length", config.max_positions);
  writer.Float32(prefix + "attention.layer_norm_rms_epsilon", static_cast<float>(config.rms_eps));
  writer.Float32(prefix + "rope.freq_base", static_cast<float>(config.rope_theta));
  writer.Uint32("tokenizer.ggml.eos_token_id", 2);
  writer.Uint32("tokenizer.ggml.bos_token_id", 1);
  for (const auto& [name, values] : weights) {
    const bool rotary = config.architecture == "llama" &&
                        (name.ends_with("q_proj.weight") || name.ends_with("k_proj.weight"));
    const std::vector<float> stored =
        rotary ? Interleaved(values, static_cast<size_t>(config.head_dim),
                             static_cast<size_t>(config.hidden))
               : values;
    writer.Add({GgufName(name), ShapeFor(config, name), RawFloats(stored)});
  }
  return writer;
}

}  // namespace burin::testing_files
