// A LoRA adapter as the chip holds it: int8 matrices for adapter memory (docs/formats/adapter.md),
// made for one cartridge, whose folded gains are in it. Built once, then const; a forward pass
// takes one by pointer.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "base/thread_pool.h"
#include "model/lora.h"
#include "numeric/adapter.h"
#include "quant/quantized_model.h"

namespace burin {

struct Adapter {
  using Layer = std::array<AdapterMatrix, kAdaptedKinds>;

  Adapter() = default;
  Adapter(const Adapter&) = delete;
  Adapter& operator=(const Adapter&) = delete;

  const AdapterMatrix& At(int64_t layer, MatrixKind kind) const {
    return layers[static_cast<size_t>(layer)][static_cast<size_t>(kind)];
  }
  // Bytes of A, B and exponents, without the padding of an engine (adapter_memory.h).
  uint64_t DataBytes() const;

  int64_t rank = 0;             // the largest of any matrix
  int64_t matrices = 0;         // that have an addition
  std::vector<Layer> layers;    // [config.layers]
  double alpha = 0, scale = 0;  // as in LoraAdapter, for people
  std::string base_model;       // the same
  Sha256Digest model{};         // digest of the cartridge it was made for
  Sha256Digest digest{};        // of the integers: ranks, then a, b and exponents of each matrix
  std::vector<std::vector<int8_t>> storage;  // what the matrices look into
};

// The integers of an adapter for `model`, whose geometry it was read for. `pool` may be null; the
// result does not depend on it. `object` names the adapter in errors.
// Errors: a rank above kMaxAdapterRank; weights that are not finite, or too large for an exponent.
Result<std::shared_ptr<const Adapter>> QuantizeAdapter(const LoraAdapter& lora,
                                                       const QuantizedModel& model,
                                                       ThreadPool* pool, const std::string& object);

// ReadAdapter and QuantizeAdapter.
Result<std::shared_ptr<const Adapter>> LoadAdapter(const std::filesystem::path& path,
                                                   const QuantizedModel& model,
                                                   ThreadPool* pool = nullptr);

// A name by which users call an adapter: 1 to 64 letters, digits, '.', '_', '-', the first a letter
// or digit; so never a path.
Status CheckAdapterName(std::string_view name);

}  // namespace burin
