// The adapter engine in software: adds each token's own adapter to the outputs of matrices
// (docs/numerics.md, section 11).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "emu/matrix_backend.h"
#include "kernels/kernel_set.h"
#include "quant/adapter.h"

namespace burin {

// Memory of AddAdapters; keeps what it has.
struct AdapterScratch {
  std::vector<int8_t> mantissas;  // [matrices][tokens][kMaxAdapterRank]
  std::vector<int> exponents;     // [matrices][tokens]
};

// Adds adapters[t] (null: none) of every token t of x to the outputs of `passes`, which have the
// same inputs x and hold what their matrices gave. The result does not depend on the pool (may be
// null), nor on which tokens share the call.
void AddAdapters(const KernelSet& kernels, std::span<const MatrixPass> passes,
                 const BlockFloatBatch& x, std::span<const Adapter* const> adapters,
                 AdapterScratch& scratch, ThreadPool* pool);

}  // namespace burin
