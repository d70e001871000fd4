#include "model/bind.h"

#include <algorithm>
#include <cstring>

#include "model/json_reader.h"
#include "model/safetensors.h"

namespace burin {
namespace {

class Binder {
 public:
  Binder(SourceTensors tensors, std::string object)
      : tensors_(std::move(tensors)), object_(std::move(object)) {}

  bool Has(const std::string& name) const { return tensors_.contains(name); }
  const SourceTensors& left() const { return tensors_; }

  // Takes the tensor out, checked against [rows][cols]; rows = 1 means a vector (cols).
  Status Take(const std::string& name, int64_t rows, int64_t cols, TensorView& into,
              bool vector = false, int64_t rotary_head_dim = 0) {
    const auto it = tensors_.find(name);
    if (it == tensors_.end()) {
      return BadInput(object_, fmt::format("no tensor '{}'", name), "a whole checkpoint",
                      "Compare config.json with the weights; download the folder again.");
    }
    const SourceTensor source = std::move(it->second);
    tensors_.erase(it);
    std::vector<uint64_t> shape{static_cast<uint64_t>(rows), static_cast<uint64_t>(cols)};
    if (vector) shape.erase(shape.begin());
    if (source.shape != shape) {
      return BadInput(source.object, "shape " + ShapeText(source.shape), ShapeText(shape),
                      "The configuration and the weights do not belong together.");
    }
    if (!source.type) {
      return BadInput(source.object, "type " + source.type_name, "F32, F16 or BF16",
                      "Import the checkpoint from which it was quantized.");
    }
    into = TensorView(name, *source.type, rows, cols, source.data, rotary_head_dim);
    return {};
  }
  Status TakeVector(const std::string& name, int64_t size, TensorView& into) {
    return Take(name, 1, size, into, true);
  }

 private:
  SourceTensors tensors_;
  std::string object_;
};

Status BindLayer(Binder& binder, const ModelConfig& config, const TensorNames& names,
                 const std::string& prefix, int64_t rotary, LayerTensors& layer) {
  BURIN_TRY(binder.TakeVector(prefix + names.attention_norm, config.hidden, layer.attention_norm));
  BURIN_TRY(binder.Take(prefix + names.q, config.q_width(), config.hidden, layer.q, false, rotary));
  BURIN_TRY(
      binder.Take(prefix + names.k, config.kv_width(), config.hidden, layer.k, false, rotary));
  BURIN_TRY(binder.Take(prefix + names.v, config.kv_width(), config.hidden, layer.v));
  BURIN_TRY(binder.Take(prefix + names.o, config.hidden, config.q_width(), layer.o));
  if (config.qkv_bias) {
    BURIN_TRY(binder.TakeVector(prefix + names.q_bias, config.q_width(), layer.q_bias));
    BURIN_TRY(binder.TakeVector(prefix + names.k_bias, config.kv_width(), layer.k_bias));
    BURIN_TRY(binder.TakeVector(prefix + names.v_bias, config.kv_width(), layer.v_bias));
  }
  if (config.qk_norm) {
    BURIN_TRY(binder.TakeVector(prefix + names.q_norm, config.head_dim, layer.q_norm));
    BURIN_TRY(binder.TakeVector(prefix + names.k_norm, config.head_dim, layer.k_norm));
  }
  BURIN_TRY(binder.TakeVector(prefix + names.ffn_norm, config.hidden, layer.ffn_norm));
  BURIN_TRY(binder.Take(prefix + names.gate, config.ffn, config.hidden, layer.gate));
  BURIN_TRY(binder.Take(prefix + names.up, config.ffn, config.hidden, layer.up));
  return binder.Take(prefix + names.down, config.hidden, config.ffn, layer.down);
}

Status BindEmbeddingAndHead(Binder& binder, const TensorNames& names, Model& model,
                            const std::string& object) {
  const ModelConfig& config = model.config;
  const bool head_alone =
      config.tied_head && !binder.Has(names.embedding) && binder.Has(names.head);
  BURIN_TRY(binder.Take(head_alone ? names.head : names.embedding, config.vocab, config.hidden,
                        model.embedding));
  if (!config.tied_head) {
    if (!binder.Has(names.head)) {
      return BadInput(
          object, fmt::format("no tensor '{}', and tie_word_embeddings is not true", names.head),
          "a head of its own, or tied embeddings",
          "If the model shares its embedding as head, set tie_word_embeddings to true "
          "in config.json.");
    }
    return binder.Take(names.head, config.vocab, config.hidden, model.head);
  }
  model.head = model.embedding;
  if (head_alone || !binder.Has(names.head)) return {};
  TensorView stored;
  BURIN_TRY(binder.Take(names.head, config.vocab, config.hidden, stored));
  if (stored.type() != model.head.type() ||
      !std::ranges::equal(stored.bytes(), model.head.bytes())) {
    return BadInput(object,
                    fmt::format("tie_word_embeddings is true, but '{}' and '{}' differ", names.head,
                                names.embedding),
                    "equal tensors",
                    "If the head is its own, set tie_word_embeddings to false in config.json.");
  }
  return {};
}

Status RefuseLeftOver(const Binder& binder, const ModelConfig& config,
                      bool (*harmless)(std::string_view name)) {
  for (const auto& [name, source] : binder.left()) {
    if (harmless(name)) continue;
    const bool bias = name.ends_with(".bias");
    return BadInput(
        source.object,
        bias ? fmt::format("a bias, which {} here does not have", config.architecture)
             : "is unknown",
        fmt::format("the tensors of {} layers of {} only", config.layers, config.architecture),
        bias ? "Models with this bias are not supported."
             : "The configuration and the weights do not belong together, or the "
               "model has parts that are not supported.");
  }
  return {};
}

}  // namespace

Status BindTensors(Model& model, SourceTensors tensors, const TensorNames& names,
                   bool rotary_interleaved, bool (*harmless)(std::string_view name),
                   const std::string& object) {
  Binder binder(std::move(tensors), object);
  const int64_t rotary = rotary_interleaved ? model.config.head_dim : 0;
  BURIN_TRY(BindEmbeddingAndHead(binder, names, model, object));
  BURIN_TRY(binder.TakeVector(names.final_norm, model.config.hidden, model.final_norm));
  for (int64_t i = 0; i < model.config.layers; ++i) {
    const std::string prefix = fmt::format("{}{}.", names.layer_prefix, i);
    BURIN_TRY(BindLayer(binder, model.config, names, prefix, rotary, model.layers.emplace_back()));
  }
  return RefuseLeftOver(binder, model.config, harmless);
}

}  // namespace burin
