#include "emu/test_model.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/philox.h"

namespace burin {
namespace {

std::array<int8_t, 16> CodebookOf(int bits) {
  switch (bits) {
    case 3:
      return {-31, -18, -9, -2, 0, 7, 16, 29};
    case 4:
      return {-63, -47, -36, -27, -20, -13, -7, -2, 2, 7, 13, 20, 27, 36, 48, 63};
    default:
      return {-7, -5, -3, -1, 1, 3, 5, 7};
  }
}

std::span<uint8_t> Aligned64(std::vector<uint8_t>& bytes, uint64_t size) {
  bytes.resize(size + 64);
  const uint64_t over = reinterpret_cast<uintptr_t>(bytes.data()) % 64;
  return std::span(bytes).subspan(over == 0 ? 0 : 64 - over, size);
}

}  // namespace

double TestModel::Uniform() { return Philox(options_.seed, 7, drawn_++)[0] * 0x1p-32; }

PackedMatrix TestModel::RandomMatrix(int64_t rows, int64_t cols, double rms) {
  PackedMatrix matrix;
  matrix.shape = {rows, cols, options_.bits, options_.group};
  matrix.codebook = CodebookOf(options_.bits);
  const std::span<uint8_t> codes = Aligned64(bytes_.emplace_back(), matrix.shape.CodeBytes());
  const std::span<uint8_t> scales = Aligned64(bytes_.emplace_back(), matrix.shape.ScaleBytes());
  for (int64_t col = 0; col < cols; ++col) {
    for (int64_t row = 0; row < rows; ++row) {
      SetCode(matrix.shape, codes, row, col,
              static_cast<uint32_t>(Uniform() * (1 << options_.bits)));
    }
    for (int64_t g = 0; g < matrix.shape.groups(); ++g) {
      // Mostly shifts 13 to 15, now and then a much smaller group.
      const int shift = static_cast<int>(Uniform() < 0.05 ? Uniform() * 16 : 13 + Uniform() * 3);
      scales[static_cast<size_t>(ScaleIndex(matrix.shape, g, col))] =
          static_cast<uint8_t>(shift << 4 | static_cast<int>(Uniform() * 16));
    }
  }
  // A level of about 2^4 (2^5 for 4 and 6 bits), a scale mantissa of about 2^4.5, a shift of 14.
  const double level_log2 = options_.bits == 3 ? 4 : 5;
  matrix.exponent = static_cast<int>(std::floor(std::log2(rms) - level_log2 - 4.5 + 1));
  matrix.codes = codes;
  matrix.scales = scales;
  return matrix;
}

std::span<const int32_t> TestModel::RandomBias(int64_t count) {
  std::vector<int32_t>& bias = biases_.emplace_back();
  for (int64_t i = 0; i < count; ++i) {
    bias.push_back(static_cast<int32_t>((Uniform() - 0.5) * 65536));
  }
  return bias;
}

GainView TestModel::RandomGain(int64_t count, float mean) {
  std::vector<float> gains;
  for (int64_t i = 0; i < count; ++i) {
    gains.push_back(mean * static_cast<float>(0.5 + Uniform()));
  }
  std::vector<int16_t>& mantissas = halves_.emplace_back(gains.size());
  const int exponent = QuantizeGains(gains, mantissas);
  return {mantissas, exponent};
}

TestModel::TestModel(const TestModelOptions& options) : options_(options) {
  ModelConfig& c = model.config;
  c.architecture = "llama";
  c.hidden = options.hidden;
  c.layers = options.layers;
  c.heads = options.heads;
  c.kv_heads = options.kv_heads;
  c.head_dim = options.head_dim;
  c.ffn = options.ffn;
  c.vocab = options.vocab;
  c.max_positions = options.context;
  c.tied_head = options.tied_head;
  c.qkv_bias = options.qkv_bias;
  c.qk_norm = options.qk_norm;
  model.context = options.context;
  model.group = options.group;
  model.residual_fraction = options.residual_fraction;

  const double rms = 1 / std::sqrt(static_cast<double>(c.hidden));
  model.embedding = RandomMatrix(c.hidden, c.vocab, std::ldexp(0.5, options.weight_exponent));
  model.head = c.tied_head ? model.embedding : RandomMatrix(c.hidden, c.vocab, 2 * rms);
  if (c.tied_head) model.final_norm = RandomGain(c.hidden, 0.5F);
  std::vector<double> frequencies;
  for (int64_t i = 0; i < c.head_dim / 2; ++i) {
    frequencies.push_back(
        std::pow(10000.0, -2.0 * static_cast<double>(i) / static_cast<double>(c.head_dim)));
  }
  halves_.push_back(MakeRotaryTable(frequencies, options.context));
  model.rotary = ViewRotaryTable(halves_.back(), c.head_dim / 2, options.context);
  for (int64_t l = 0; l < c.layers; ++l) {
    QuantizedLayer& layer = model.layers.emplace_back();
    layer.attention_norm = RandomGain(c.hidden, 1.0F);
    layer.ffn_norm = RandomGain(c.hidden, 1.0F);
    layer.q = RandomMatrix(c.hidden, c.q_width(), rms);
    layer.k = RandomMatrix(c.hidden, c.kv_width(), rms);
    layer.v = RandomMatrix(c.hidden, c.kv_width(), rms);
    layer.o = RandomMatrix(c.q_width(), c.hidden, rms);
    layer.gate = RandomMatrix(c.hidden, c.ffn, rms);
    layer.up = RandomMatrix(c.hidden, c.ffn, rms);
    layer.down = RandomMatrix(c.ffn, c.hidden, rms);
    if (c.qkv_bias) {
      layer.q_bias = RandomBias(c.q_width());
      layer.k_bias = RandomBias(c.kv_width());
      layer.v_bias = RandomBias(c.kv_width());
    }
    if (c.qk_norm) {
      layer.q_norm = RandomGain(c.head_dim, 0.4F);
      layer.k_norm = RandomGain(c.head_dim, 1.0F);
    }
  }
}

std::shared_ptr<const Adapter> MakeTestAdapter(const QuantizedModel& model, uint64_t seed,
                                               int64_t rank) {
  LoraAdapter lora;
  lora.rank = rank;
  lora.layers.resize(model.layers.size());
  std::deque<std::vector<float>> storage;
  uint64_t stream = 0;
  const auto random = [&](int64_t rows, int64_t cols, double size) {
    std::vector<float>& values = storage.emplace_back();
    for (int64_t i = 0; i < rows * cols; ++i) {
      const double u = Philox(seed, stream, static_cast<uint64_t>(i))[0] * 0x1p-31 - 1;
      values.push_back(static_cast<float>(size * u));
    }
    ++stream;
    return TensorView("random", TensorType::kF32, rows, cols, std::as_bytes(std::span(values)));
  };
  for (LoraAdapter::Layer& layer : lora.layers) {
    for (size_t k = 0; k < layer.size(); ++k) {
      const TensorShape shape = ShapeOf(model.config, static_cast<MatrixKind>(k));
      const uint64_t dice = Philox(seed, 1000, stream)[0];
      if (dice % 5 == 0) continue;
      layer[k].rank = std::max<int64_t>(1, rank - static_cast<int64_t>(dice % 3));
      layer[k].scale = 1 / std::sqrt(static_cast<double>(layer[k].rank));
      layer[k].a =
          random(layer[k].rank, shape.cols, 1 / std::sqrt(static_cast<double>(shape.cols)));
      layer[k].b = random(shape.rows, layer[k].rank, 1);
    }
  }
  return QuantizeAdapter(lora, model, nullptr, "test adapter").value();
}

Ids RandomIds(uint64_t seed, size_t count, int64_t vocab) {
  Ids ids;
  for (size_t i = 0; i < count; ++i) {
    ids.push_back(static_cast<int32_t>(Philox(seed, 0, i)[0] % static_cast<uint64_t>(vocab)));
  }
  return ids;
}

}  // namespace burin
