// The metadata section of a cartridge: everything that is neither bytes of a tensor nor tokenizer,
// as canonical JSON (docs/formats/cartridge.md, "Metadata").
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "model/model.h"
#include "quant/quantized_model.h"

namespace burin {

inline constexpr int kMinMatrixExponent = -64, kMaxMatrixExponent = 63;  // T
inline constexpr int kMinGainExponent = -140, kMaxGainExponent = 113;    // of floats, 14 bits up
inline constexpr int kMinResidualFraction = 12, kMaxResidualFraction = 24;

// What a matrix needs beside its bytes.
struct MatrixRecord {
  int bits = 3;
  int exponent = 0;
  std::array<int8_t, 16> codebook{};
  bool operator==(const MatrixRecord&) const = default;
};

struct CartridgeMetadata {
  ModelConfig config;
  GenerationDefaults generation;
  int64_t context = 0;
  int64_t group = 128;
  int residual_fraction = 20;
  QuantizerRecord quantizer;
  std::vector<MatrixRecord> matrices;  // as MatricesOf(config)
  std::vector<int> gain_exponents;     // of the gains among VectorsOf(config), in their order
};

// The one text for these values: keys sorted, no spaces, shortest numbers. Doubles are finite.
std::string WriteMetadata(const CartridgeMetadata& metadata);

// Reads and checks it: every number in its range, one record a tensor, codebooks legal, and the
// text equal to what WriteMetadata makes of the result. Errors name `object`.
Result<CartridgeMetadata> ParseMetadata(std::string_view text, const std::string& object);

// Refuses what the integer contract cannot hold: a width above 32768, a group other than 32, 64 or
// 128, a context of 0, above max_positions or above the sliding window.
Status CheckContract(const ModelConfig& config, int64_t context, int64_t group,
                     const std::string& object);

}  // namespace burin
