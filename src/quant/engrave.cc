#include "quant/engrave.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <limits>
#include <mutex>

#include "base/check.h"
#include "base/interrupt.h"
#include "model/import.h"
#include "quant/engrave_plan.h"
#include "quant/fold.h"
#include "quant/nearest_quantizer.h"
#include "quant/pack_tile.h"

namespace burin {
namespace {

constexpr int64_t kSampleWeights = 1 << 18;
constexpr float kLargestWeight = 0x1p72f;  // 31 * 31 * 2^63 and a little room for other levels

// Reads up to 16 columns of a matrix side by side: out[rows][16], zero behind `columns`.
class TileReader {
 public:
  explicit TileReader(const FoldedMatrix& matrix)
      : matrix_(matrix), columns_(static_cast<size_t>(matrix.rows() * kTileColumns)) {}

  void Read(std::span<const int64_t> columns, std::span<float> out) {
    const auto rows = static_cast<size_t>(matrix_.rows());
    constexpr auto kWidth = static_cast<size_t>(kTileColumns);
    std::fill(columns_.begin(), columns_.end(), 0.0f);
    for (size_t i = 0; i < columns.size(); ++i) {
      matrix_.ReadColumn(columns[i], std::span(columns_).subspan(i * rows, rows));
    }
    // In blocks of 16 rows, so that both sides stay in the cache.
    for (size_t block = 0; block < rows; block += kWidth) {
      const size_t end = std::min(rows, block + kWidth);
      for (size_t i = 0; i < kWidth; ++i) {
        for (size_t row = block; row < end; ++row) out[row * kWidth + i] = columns_[i * rows + row];
      }
    }
  }

 private:
  const FoldedMatrix& matrix_;
  std::vector<float> columns_;  // [16][rows]
};

// Largest |weight| of the matrix; an error names the first column with a weight that is not finite.
Result<float> LargestWeight(const FoldedMatrix& matrix, const MatrixEntry& entry,
                            ThreadPool& pool) {
  std::mutex mutex;
  float largest = 0;
  int64_t bad = std::numeric_limits<int64_t>::max();
  const auto cols = static_cast<size_t>(matrix.cols());
  pool.ParallelFor(cols, 1, [&](size_t begin, size_t end, int) {
    std::vector<float> column(static_cast<size_t>(matrix.rows()));
    float part = 0;
    for (size_t col = begin; col < end && !InterruptRequested(); ++col) {
      matrix.ReadColumn(static_cast<int64_t>(col), column);
      bool good = true;
      for (const float w : column) {
        good &= std::abs(w) <= kLargestWeight;  // false for NaN
        part = std::max(part, std::abs(w));
      }
      if (good) continue;
      const std::lock_guard lock(mutex);
      bad = std::min(bad, static_cast<int64_t>(col));
      break;
    }
    const std::lock_guard lock(mutex);
    largest = std::max(largest, part);
  });
  if (bad != std::numeric_limits<int64_t>::max()) {
    return BadInput(fmt::format("{}.weight: row {}", entry.name, bad),
                    "a weight that is not finite, or above 2^72", "finite weights",
                    "Download the checkpoint again.");
  }
  return largest;
}

MatrixFit FitMatrix(const ColumnQuantizer& quantizer, const FoldedMatrix& matrix,
                    const MatrixShape& shape, std::span<const float> importance, float largest) {
  const int64_t wanted = std::clamp(kSampleWeights / shape.rows, kTileColumns, shape.cols);
  const int64_t tiles = (std::max(wanted, int64_t{1}) + kTileColumns - 1) / kTileColumns;
  const auto tile_weights = static_cast<size_t>(shape.rows * kTileColumns);
  std::vector<float> weights(static_cast<size_t>(tiles) * tile_weights);
  TileReader reader(matrix);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    std::vector<int64_t> columns;
    for (int64_t i = tile * kTileColumns; i < std::min(wanted, (tile + 1) * kTileColumns); ++i) {
      columns.push_back(i * shape.cols / wanted);
    }
    reader.Read(columns,
                std::span(weights).subspan(static_cast<size_t>(tile) * tile_weights, tile_weights));
  }
  return quantizer.Fit({.shape = shape,
                        .columns = tiles * kTileColumns,
                        .weights = weights,
                        .importance = importance,
                        .largest = largest});
}

// Everything that one matrix is quantized with.
struct MatrixJob {
  const ColumnQuantizer& quantizer;
  const FoldedMatrix& matrix;
  MatrixShape shape;
  std::vector<float> importance;
  MatrixFit fit;
};

// Buffers of a thread.
class TileWorker {
 public:
  explicit TileWorker(const MatrixJob& job)
      : job_(job),
        reader_(job.matrix),
        weights_(static_cast<size_t>(job.shape.rows * kTileColumns)),
        codes_(weights_.size()) {}

  TileError Run(int64_t tile, std::span<uint8_t> packed, std::span<uint8_t> scales) {
    const int64_t first = tile * kTileColumns;
    const int64_t columns = std::min(kTileColumns, job_.shape.cols - first);
    std::array<int64_t, 16> ids{};
    for (int64_t i = 0; i < columns; ++i) ids[static_cast<size_t>(i)] = first + i;
    reader_.Read(std::span(ids).first(static_cast<size_t>(columns)), weights_);
    const TileError error = job_.quantizer.QuantizeTile(
        {job_.shape, columns, weights_, job_.importance}, job_.fit, {codes_, scales});
    PackTile(job_.shape, codes_, columns, packed);
    for (size_t i = 0; i < scales.size(); ++i) {
      if (static_cast<int64_t>(i) % kTileColumns >= columns) scales[i] = 0;
    }
    return error;
  }

 private:
  const MatrixJob& job_;
  TileReader reader_;
  std::vector<float> weights_;
  std::vector<uint8_t> codes_;
};

// Tiles [begin, end) on the pool; their errors are added in the order of the tiles.
TileError QuantizeTiles(const MatrixJob& job, ThreadPool& pool, int64_t begin, int64_t end,
                        std::span<uint8_t> codes, std::span<uint8_t> scales) {
  const auto tile_codes = static_cast<size_t>(job.shape.TileBytes());
  const auto tile_scales = static_cast<size_t>(job.shape.groups() * kTileColumns);
  std::vector<TileError> errors(static_cast<size_t>(end - begin));
  pool.ParallelFor(errors.size(), 1, [&](size_t first, size_t last, int) {
    TileWorker worker(job);
    for (size_t i = first; i < last && !InterruptRequested(); ++i) {
      errors[i] =
          worker.Run(begin + static_cast<int64_t>(i), codes.subspan(i * tile_codes, tile_codes),
                     scales.subspan(i * tile_scales, tile_scales));
    }
  });
  TileError sum;
  for (const TileError& error : errors) {
    sum.error += error.error;
    sum.energy += error.energy;
  }
  return sum;
}

Status EngraveMatrix(const Model& model, const EngraveOptions& options,
                     const ColumnQuantizer& quantizer, CartridgeWriter& writer, ThreadPool& pool) {
  const size_t index = writer.written().size();
  const MatrixEntry& entry = writer.entries()[index];
  const FoldedMatrix matrix(model, entry);
  BURIN_ASSIGN(const float largest, LargestWeight(matrix, entry, pool));
  MatrixJob job{quantizer,
                matrix,
                writer.ShapeOf(index),
                ImportanceOf(options.calibration, entry, matrix, model.config.tied_head),
                {}};
  job.fit = FitMatrix(quantizer, matrix, job.shape, job.importance, largest);
  const TileSource source = [&](int64_t begin, int64_t end, std::span<uint8_t> codes,
                                std::span<uint8_t> scales) -> Result<TileError> {
    return QuantizeTiles(job, pool, begin, end, codes, scales);
  };
  return writer.WriteMatrix(job.fit, source, pool.size(), options.progress);
}

std::vector<WrittenVector> QuantizeVectors(const Model& model) {
  std::vector<WrittenVector> vectors;
  for (const VectorEntry& entry : VectorsOf(model.config)) {
    const std::vector<float> values = FoldedVector(model, entry);
    WrittenVector vector;
    if (entry.is_gain) {
      vector.gains.resize(values.size());
      vector.exponent = QuantizeGains(values, vector.gains);
    } else {
      vector.bias = QuantizeBias(values);
    }
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

// What the weights come from, for resuming.
Result<std::string> SourceDigest(const Model& model) {
  if (!model.files.empty()) return ImportFingerprint(model);
  Sha256 hash;
  auto add = [&](const TensorView& view) { hash.Update(view.bytes()); };
  add(model.embedding);
  add(model.final_norm);
  add(model.head);
  for (const LayerTensors& t : model.layers) {
    for (const TensorView* view :
         {&t.attention_norm, &t.q, &t.k, &t.v, &t.o, &t.q_bias, &t.k_bias, &t.v_bias, &t.q_norm,
          &t.k_norm, &t.ffn_norm, &t.gate, &t.up, &t.down}) {
      add(*view);
    }
  }
  return ToHex(hash.Finish());
}

// Floats of a column block, its transpose, codes, and the sample with its copy; see TileWorker.
uint64_t WorkingBytes(const ModelConfig& config, int threads) {
  const auto rows = static_cast<uint64_t>(std::max({config.hidden, config.ffn, config.q_width()}));
  const uint64_t tile = rows * 16 * (2 * sizeof(float) + 1 + 1);
  const uint64_t sample = 3 * sizeof(float) * (kSampleWeights + rows * 16);
  return static_cast<uint64_t>(threads) * tile + sample;
}

}  // namespace

int64_t DefaultGroup(const ModelConfig& config) {
  for (const int64_t group : {128, 64}) {
    const bool fits = std::ranges::all_of(
        std::array{config.hidden, config.q_width(), config.ffn}, [group](int64_t inputs) {
          const int64_t padding = (group - inputs % group) % group;
          return 8 * padding <= inputs;
        });
    if (fits) return group;
  }
  return 32;
}

Result<EngraveSummary> Engrave(const Model& model, const EngraveOptions& options,
                               const std::filesystem::path& output, ThreadPool& pool) {
  const auto start = std::chrono::steady_clock::now();
  const NearestQuantizer nearest;
  const ColumnQuantizer& quantizer = options.quantizer != nullptr ? *options.quantizer : nearest;
  BURIN_ASSIGN(CartridgePlan plan, MakePlan(model.config, options, quantizer.name()));
  plan.generation = model.generation;
  plan.tokenizer = options.tokenizer;
  BURIN_ASSIGN(const std::string source, SourceDigest(model));
  BURIN_ASSIGN(
      CartridgeWriter writer,
      CartridgeWriter::Start(output, plan, source, WorkingBytes(model.config, pool.size())));
  if (options.progress != nullptr) {
    for (size_t i = 0; i < writer.resumed(); ++i) {
      options.progress->Skip(
          static_cast<uint64_t>(writer.entries()[i].rows * writer.entries()[i].cols));
    }
  }
  while (writer.written().size() < writer.entries().size()) {
    BURIN_TRY(EngraveMatrix(model, options, quantizer, writer, pool));
  }
  BURIN_ASSIGN(const Sha256Digest digest, writer.Finish(QuantizeVectors(model)));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return Summarise(writer, plan, digest, seconds.count());
}

}  // namespace burin
