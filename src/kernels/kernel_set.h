// The hot loops behind one seam. Every set equals `src/numeric`, the specification, bit for bit;
// "scalar" *is* that code.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "numeric/adapter.h"
#include "numeric/attention.h"
#include "numeric/block_float.h"
#include "numeric/packed_matrix.h"
#include "numeric/vector_ops.h"

namespace burin {

// A set of functions, one for each hot loop; all pointers are set. Functions read only inside the
// spans they are given, keep no state and may run on many threads at once.
struct KernelSet {
  std::string_view name;  // "scalar", "avx2", "avxvnni", "avx512vnni", "neon"

  // matrix_pass.h: MultiplyTiles.
  void (*multiply_tiles)(const PackedMatrix& matrix, const BlockFloatBatch& x, int64_t tile_begin,
                         int64_t tile_end, int32_t* y, int64_t stride);
  // block_float.h: QuantizeToken from 32-bit values.
  void (*quantize_token)(std::span<const int32_t> values, int fraction, BlockFloatBatch& batch,
                         int64_t t);
  // vector_ops.h: RmsNorm.
  void (*rms_norm)(std::span<const int32_t> v, const RmsNormConstants& constants,
                   std::span<int32_t> out);
  // SwiGlu of gate[i] and up[i], quantized as QuantizeToken does with kSwiGluFraction bits, into
  // groups [group_begin, group_end) of token t of `batch`; gate and up are whole vectors. Groups
  // may be done in any order, on any threads.
  void (*swiglu_groups)(std::span<const int32_t> gate, std::span<const int32_t> up,
                        BlockFloatBatch& batch, int64_t t, int64_t group_begin, int64_t group_end);
  // vector_ops.h: MatrixToFixed and AddToResidual.
  void (*matrix_to_fixed)(std::span<const int32_t> raw, int exponent, int fraction,
                          std::span<int32_t> out);
  void (*add_to_residual)(std::span<const int32_t> raw, int exponent, int fraction,
                          std::span<int32_t> residual);
  // attention.h: Attend.
  void (*attend)(const HeadVector& query, const HeadCacheView& keys, const HeadCacheView& values,
                 int64_t positions, int64_t head_dim, std::span<int32_t> scratch,
                 std::span<int32_t> out);
  // adapter.h: AdapterRankVector and AddAdapterOutputs.
  int (*adapter_rank_vector)(const AdapterMatrix& matrix, const BlockFloatBatch& x, int64_t t,
                             int8_t* mantissas);
  void (*add_adapter_outputs)(const AdapterMatrix& matrix, const int8_t* mantissas, int exponent,
                              int fraction, int64_t begin, int64_t end, std::span<int32_t> out);
};

// The sets that this program has and this processor can run, best last; "scalar" is always first.
std::span<const KernelSet* const> AvailableKernelSets();

// By name, or for "" and "auto" the best one. Unknown or unsupported names: an error that lists
// what there is.
Result<const KernelSet*> FindKernelSet(std::string_view name);

}  // namespace burin
