// A quantized model: what the cartridge file holds, as plain data over mapped bytes. Built once,
// then const; the emulator, placement, RTL and masks read only this.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/mapped_file.h"
#include "base/sha256.h"
#include "model/model.h"
#include "numeric/packed_matrix.h"
#include "numeric/tables.h"
#include "numeric/vector_ops.h"

namespace burin {

// One decoder layer on the chip. Norm gains are folded into q/k/v and gate/up; log2(e) /
// sqrt(head_dim) is folded into q (weights and bias), or into q_norm where there is one. Inputs x
// outputs of each matrix in brackets.
struct QuantizedLayer {
  PackedMatrix q, k, v;   // [hidden x q_width], [hidden x kv_width] twice
  PackedMatrix o;         // [q_width x hidden]
  PackedMatrix gate, up;  // [hidden x ffn]
  PackedMatrix down;      // [ffn x hidden]
  std::span<const int32_t> q_bias, k_bias,
      v_bias;               // kVectorFraction bits; empty unless config.qkv_bias
  GainView q_norm, k_norm;  // [head_dim]; empty unless config.qk_norm
  // [hidden]; already folded into q, k, v and gate, up: for who loads adapters, not for the chip.
  GainView attention_norm, ffn_norm;
};

// How a cartridge came to be, for people and reports; no computation depends on it.
struct QuantizerRecord {
  std::string tool;                // "burin 0.1.0"
  std::string method;              // "nearest", "synthetic"
  int bits = 3;                    // the default
  std::string tensor_bits;         // the patterns that override it
  int64_t calibration_tokens = 0;  // 0: none
  std::string calibration_digest;  // SHA-256 of the importance, hexadecimal; empty: none
  bool operator==(const QuantizerRecord&) const = default;
};

struct QuantizedModel {
  ModelConfig config;
  GenerationDefaults generation;
  int64_t context = 0;         // positions of the rotary table; <= config.max_positions
  int64_t group = 128;         // rows a scale and a block exponent, of every matrix
  int residual_fraction = 20;  // fraction bits of the residual stream

  PackedMatrix
      embedding;  // [hidden x vocab]; column = token. The same matrix as head when config.tied_head
  PackedMatrix head;    // [hidden x vocab]; final norm gain folded in unless tied
  GainView final_norm;  // [hidden]; only when tied, empty otherwise
  RotaryTable rotary;
  std::vector<QuantizedLayer> layers;

  std::span<const std::byte> tokenizer;  // text::Tokenizer::Serialize; empty for a synthetic model
  QuantizerRecord quantizer;
  std::string_view metadata;               // the canonical JSON of the cartridge
  Sha256Digest digest{};                   // of the whole cartridge
  std::shared_ptr<const MappedFile> file;  // what all spans look into; null for bytes in memory
};

// All matrices in stored order, as MatricesOf(model.config) names them (tensor_list.h).
std::vector<const PackedMatrix*> MatricesIn(const QuantizedModel& model);

}  // namespace burin
