#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstring>

#include "base/interrupt.h"
#include "base/philox.h"
#include "quant/engrave.h"
#include "quant/engrave_plan.h"
#include "quant/fold.h"
#include "quant/pack_tile.h"

namespace burin {
namespace {

constexpr int kBlockLanes = 512;                      // 32 rows of 16 columns
constexpr int kWordBytes = 16;                        // of one Philox call
constexpr uint64_t kScaleStream = uint64_t{1} << 32;  // beside the code stream of the same matrix
constexpr uint64_t kBiasStream = uint64_t{2} << 32;
constexpr float kBiasAmplitude = 0.125f;
constexpr int kScaleJitter = 7;  // bytes: a scale is base - 3 .. base + 3

// A byte of the generator to a code, so that levels have the frequencies of a Gaussian's.
struct CodeTable {
  std::array<uint8_t, 256> code{};
  std::array<int8_t, 16> codebook{};
  double deviation = 0;  // of the levels
};

double GaussianBelow(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }

// Levels in units of the deviation: Max 1960 for 3 and 4 bits, even steps of 1/18 for 6 bits.
CodeTable MakeCodeTable(int bits) {
  CodeTable table;
  double unit = 18;  // levels a deviation
  if (bits == 3) table.codebook = {-31, -19, -11, -4, 4, 11, 19, 31};
  if (bits == 4) {
    table.codebook = {-63, -48, -37, -29, -22, -15, -9, -3, 3, 9, 15, 22, 29, 37, 48, 63};
  }
  if (bits == 6) table.codebook = kSixBitCodebook;
  if (bits == 3) unit = 31 / 2.152;
  if (bits == 4) unit = 63 / 2.733;
  const int count = 1 << bits;
  auto level = [&](int code) {
    return bits == 6 ? 2 * code - 63 : int{table.codebook[static_cast<size_t>(code)]};
  };
  int code = 0;
  double squares = 0;
  for (int i = 0; i < 256; ++i) {
    while (code + 1 < count &&
           GaussianBelow((level(code) + level(code + 1)) / 2.0 / unit) <= (i + 0.5) / 256) {
      ++code;
    }
    table.code[static_cast<size_t>(i)] = static_cast<uint8_t>(code);
    squares += level(code) * level(code);
  }
  table.deviation = std::sqrt(squares / 256);
  return table;
}

// How one matrix is drawn.
struct Draw {
  MatrixShape shape;
  uint64_t seed = 0, stream = 0;
  CodeTable table;
  int exponent = 0;
  int scale = 0;  // the middle one
};

Draw MakeDraw(const MatrixEntry& entry, const MatrixShape& shape, const ModelConfig& config,
              uint64_t seed, uint64_t stream) {
  Draw draw{.shape = shape, .seed = seed, .stream = stream, .table = MakeCodeTable(shape.bits)};
  double deviation = 1 / std::sqrt(static_cast<double>(shape.rows));
  if (entry.kind == TensorKind::kQ && !config.qk_norm) deviation *= ScoreFactor(config);
  const double unit = deviation / draw.table.deviation;  // = mantissa * 2^(shift - 15 + T)
  const int exponent = std::ilogb(unit) - 4;             // mantissa in [16, 32)
  draw.exponent = exponent + 1;                          // shift 14 leaves room for the jitter
  draw.scale = 14 * 16 + static_cast<int>(std::round(std::ldexp(unit, -exponent))) - 16;
  return draw;
}

void DrawTile(const Draw& draw, int64_t tile, std::span<uint8_t> packed, std::span<uint8_t> scales,
              std::vector<uint8_t>& lanes) {
  const MatrixShape& shape = draw.shape;
  const auto blocks = static_cast<size_t>(shape.blocks());
  lanes.resize(blocks * kBlockLanes);
  const size_t words = lanes.size() / kWordBytes;
  const uint64_t first = static_cast<uint64_t>(tile) * words;
  for (size_t i = 0; i < words; ++i) {
    const auto bits = Philox(draw.seed, draw.stream, first + i);
    std::array<uint8_t, kWordBytes> bytes;
    std::memcpy(bytes.data(), bits.data(), sizeof bytes);
    uint8_t* out = lanes.data() + i * kWordBytes;
    for (size_t j = 0; j < bytes.size(); ++j) out[j] = draw.table.code[bytes[j]];
  }
  const int64_t columns = std::min(kTileColumns, shape.cols - tile * kTileColumns);
  // Lane column * 4 + row % 4 of quad row / 4: clear what has no weight.
  for (size_t i = 0; columns < kTileColumns && i < lanes.size(); ++i) {
    if (static_cast<int64_t>(i % 64 / 4) >= columns) lanes[i] = 0;
  }
  for (int64_t row = shape.rows; row < shape.blocks() * kBlockRows; ++row) {
    for (int64_t col = 0; col < kTileColumns; ++col) {
      lanes[static_cast<size_t>(row / 4 * 64 + col * 4 + row % 4)] = 0;
    }
  }
  PackLanes(shape, lanes, packed);
  for (size_t i = 0; i < scales.size(); ++i) {
    const uint64_t at = static_cast<uint64_t>(tile) * scales.size() + i;
    const auto bits = Philox(draw.seed, draw.stream + kScaleStream, at / 4);
    const int jitter = static_cast<int>(bits[at % 4] % kScaleJitter) - kScaleJitter / 2;
    const bool used = static_cast<int64_t>(i) % kTileColumns < columns;
    scales[i] = used ? static_cast<uint8_t>(draw.scale + jitter) : uint8_t{0};
  }
}

std::vector<WrittenVector> DrawVectors(const ModelConfig& config, uint64_t seed) {
  std::vector<WrittenVector> vectors;
  uint64_t index = 0;
  for (const VectorEntry& entry : VectorsOf(config)) {
    const bool scores =
        entry.kind == TensorKind::kQNorm || (entry.kind == TensorKind::kQBias && !config.qk_norm);
    const auto factor = static_cast<float>(scores ? ScoreFactor(config) : 1.0);
    std::vector<float> values(static_cast<size_t>(entry.size), factor);
    WrittenVector vector;
    if (entry.is_gain) {
      vector.gains.resize(values.size());
      vector.exponent = QuantizeGains(values, vector.gains);
    } else {
      for (float& value : values) {
        const uint32_t bits = Philox(seed, kBiasStream, index++)[0];
        value *= kBiasAmplitude * (static_cast<float>(bits >> 8) * 0x1p-23f - 1.0f);
      }
      vector.bias = QuantizeBias(values);
    }
    vectors.push_back(std::move(vector));
  }
  return vectors;
}

Status DrawMatrix(const ModelConfig& config, const EngraveOptions& options, uint64_t seed,
                  CartridgeWriter& writer, ThreadPool& pool) {
  const size_t index = writer.written().size();
  const MatrixShape shape = writer.ShapeOf(index);
  const Draw draw = MakeDraw(writer.entries()[index], shape, config, seed, index);
  const auto tile_codes = static_cast<size_t>(shape.TileBytes());
  const auto tile_scales = static_cast<size_t>(shape.groups() * kTileColumns);
  const TileSource source = [&](int64_t begin, int64_t end, std::span<uint8_t> codes,
                                std::span<uint8_t> scales) -> Result<TileError> {
    pool.ParallelFor(static_cast<size_t>(end - begin), 1, [&](size_t first, size_t last, int) {
      std::vector<uint8_t> lanes;
      for (size_t i = first; i < last && !InterruptRequested(); ++i) {
        DrawTile(draw, begin + static_cast<int64_t>(i), codes.subspan(i * tile_codes, tile_codes),
                 scales.subspan(i * tile_scales, tile_scales), lanes);
      }
    });
    return TileError{};
  };
  return writer.WriteMatrix({draw.exponent, draw.table.codebook}, source, pool.size(),
                            options.progress);
}

}  // namespace

Result<EngraveSummary> EngraveSynthetic(const ModelConfig& config, const EngraveOptions& options,
                                        uint64_t seed, const std::filesystem::path& output,
                                        ThreadPool& pool) {
  const auto start = std::chrono::steady_clock::now();
  BURIN_TRY(ValidateConfig(config, "the geometry"));
  EngraveOptions used = options;
  used.calibration = nullptr;
  BURIN_ASSIGN(const CartridgePlan plan, MakePlan(config, used, "synthetic"));
  const auto widest =
      static_cast<uint64_t>(std::max({config.hidden, config.ffn, config.q_width()}));
  const uint64_t working = static_cast<uint64_t>(pool.size()) * widest * 32;
  BURIN_ASSIGN(CartridgeWriter writer,
               CartridgeWriter::Start(output, plan, fmt::format("synthetic {}", seed), working));
  while (writer.written().size() < writer.entries().size()) {
    BURIN_TRY(DrawMatrix(config, options, seed, writer, pool));
  }
  BURIN_ASSIGN(const Sha256Digest digest, writer.Finish(DrawVectors(config, seed)));
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  return Summarise(writer, plan, digest, seconds.count());
}

}  // namespace burin
