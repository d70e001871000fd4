#include "emu/matrix_backend.h"

#include <algorithm>

#include "numeric/matrix_pass.h"

namespace burin {
namespace {

// Pieces of a matrix step a thread: few enough that each streams hundreds of kilobytes of a large
// matrix.
constexpr int64_t kPiecesPerThread = 8;

// Columns of tiles [tile_begin, tile_end) of one matrix: raw sums, then fixed point.
void MultiplyRange(const KernelSet& kernels, const PackedMatrix& matrix, const MatrixPass& pass,
                   const BlockFloatBatch& x, int64_t tile_begin, int64_t tile_end, int32_t* raw) {
  const int64_t cols = matrix.shape.cols;
  kernels.multiply_tiles(matrix, x, tile_begin, tile_end, raw, cols);
  const int64_t begin = tile_begin * kTileColumns;
  const auto count = static_cast<size_t>(std::min(cols, tile_end * kTileColumns) - begin);
  const auto finish = pass.accumulate ? kernels.add_to_residual : kernels.matrix_to_fixed;
  for (int64_t t = 0; t < x.tokens; ++t) {
    const int64_t at = t * cols + begin;
    finish({raw + at, count}, MatrixExponent(matrix, x, t), pass.fraction, {pass.out + at, count});
  }
}

}  // namespace

const PackedMatrix& FindMatrix(const QuantizedModel& model, MatrixId id) {
  if (id.kind == MatrixKind::kHead) return model.head;
  const QuantizedLayer& layer = model.layers[static_cast<size_t>(id.layer)];
  switch (id.kind) {
    case MatrixKind::kQ:
      return layer.q;
    case MatrixKind::kK:
      return layer.k;
    case MatrixKind::kV:
      return layer.v;
    case MatrixKind::kO:
      return layer.o;
    case MatrixKind::kGate:
      return layer.gate;
    case MatrixKind::kUp:
      return layer.up;
    default:
      return layer.down;
  }
}

void IntegerMatrices::ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const {
  ReadColumn(model_.embedding, token, fraction, out);
}

void IntegerMatrices::Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                               std::vector<int32_t>& scratch, ThreadPool* pool) const {
  int64_t cols = 0, tiles = 0;
  for (const MatrixPass& pass : passes) {
    const MatrixShape& shape = FindMatrix(model_, pass.id).shape;
    cols += shape.cols;
    tiles += shape.tiles();
  }
  const auto needed = static_cast<size_t>(x.tokens * cols);
  if (scratch.size() < needed) scratch.resize(needed);

  // The tiles of all matrices in a row are one range, so that they are one parallel step.
  auto multiply = [&](size_t range_begin, size_t range_end) {
    int64_t first_tile = 0;
    int32_t* raw = scratch.data();
    for (const MatrixPass& pass : passes) {
      const PackedMatrix& matrix = FindMatrix(model_, pass.id);
      const int64_t begin = std::max(int64_t{0}, static_cast<int64_t>(range_begin) - first_tile);
      const int64_t end =
          std::min(matrix.shape.tiles(), static_cast<int64_t>(range_end) - first_tile);
      if (begin < end) MultiplyRange(kernels_, matrix, pass, x, begin, end, raw);
      first_tile += matrix.shape.tiles();
      raw += x.tokens * matrix.shape.cols;
    }
  };
  if (pool == nullptr || x.tokens * x.rows * cols < kParallelMultiplyAdds) {
    multiply(0, static_cast<size_t>(tiles));
    return;
  }
  // Handed out piece by piece, so that a thread that the system holds up does not hold up the rest.
  const auto pieces = static_cast<size_t>(std::min(tiles, pool->size() * kPiecesPerThread));
  pool->ForEach(pieces, [&](size_t piece) {
    const auto all = static_cast<size_t>(tiles);
    multiply(all * piece / pieces, all * (piece + 1) / pieces);
  });
}

}  // namespace burin
