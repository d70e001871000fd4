#include "cli/rtl_tile.h"

#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "emu/emulator.h"
#include "numeric/matrix_pass.h"
#include "rtl/emit.h"
#include "rtl/tile.h"
#include "timing/units.h"

namespace burin {
namespace {

MatrixKind KindOf(TensorKind kind) {
  switch (kind) {
    case TensorKind::kQ:
      return MatrixKind::kQ;
    case TensorKind::kK:
      return MatrixKind::kK;
    case TensorKind::kV:
      return MatrixKind::kV;
    case TensorKind::kO:
      return MatrixKind::kO;
    case TensorKind::kGate:
      return MatrixKind::kGate;
    case TensorKind::kUp:
      return MatrixKind::kUp;
    case TensorKind::kDown:
      return MatrixKind::kDown;
    default:
      return MatrixKind::kHead;  // the embedding of a tied head, too
  }
}

// The emulator's matrices, which keep what enters one of them.
class InputRecorder final : public MatrixBackend {
 public:
  InputRecorder(const QuantizedModel& model, const KernelSet& kernels, MatrixId wanted)
      : matrices_(model, kernels), wanted_(wanted) {}

  void ReadEmbedding(int32_t token, int fraction, std::span<int32_t> out) const override {
    matrices_.ReadEmbedding(token, fraction, out);
  }
  void Multiply(std::span<const MatrixPass> passes, const BlockFloatBatch& x,
                std::vector<int32_t>& scratch, ThreadPool* pool) const override {
    for (const MatrixPass& pass : passes) {
      const bool head = wanted_.kind == MatrixKind::kHead;
      if (pass.id.kind == wanted_.kind && (head || pass.id.layer == wanted_.layer)) seen_ = x;
    }
    matrices_.Multiply(passes, x, scratch, pool);
  }
  const BlockFloatBatch& seen() const { return seen_; }

 private:
  const IntegerMatrices matrices_;
  const MatrixId wanted_;
  mutable BlockFloatBatch seen_;  // of the last Forward, which runs on one thread
};

// The passes of the tile's matrix for the prompt and the greedy tokens behind it.
Result<std::vector<TilePass>> RecordPasses(const Tile& tile, const QuantizedModel& model,
                                           const KernelSet& kernels, int64_t passes,
                                           std::span<const int32_t> prompt) {
  const MatrixEntry& entry = tile.fabric.plan.matrices[static_cast<size_t>(tile.matrix)];
  const PackedMatrix& matrix = *MatricesIn(model)[static_cast<size_t>(tile.matrix)];
  const InputRecorder recorder(model, kernels,
                               {std::max<int64_t>(entry.layer, 0), KindOf(entry.kind)});
  const Emulator emulator(model, kernels, nullptr, &recorder);
  const int64_t count = std::min(passes, model.context);
  BURIN_ASSIGN(KvCache cache, emulator.NewCache(count));
  Workspace workspace;
  std::vector<int32_t> logits(static_cast<size_t>(model.config.vocab));
  std::vector<TilePass> result;
  int32_t token = 0;
  for (int64_t t = 0; t < count; ++t) {
    if (t < static_cast<int64_t>(prompt.size())) token = prompt[static_cast<size_t>(t)];
    Chunk chunk{};
    chunk.cache = &cache;
    chunk.tokens = {&token, 1};
    chunk.wanted = LogitsWanted::kLast;
    chunk.logits = logits;
    BURIN_TRY(emulator.Forward({&chunk, 1}, workspace, nullptr));
    TilePass pass{t, recorder.seen(), {}};
    BURIN_CHECK(pass.input.tokens == 1 && pass.input.rows == entry.rows);
    for (int64_t n = 0; n < tile.columns; ++n) {
      pass.sums.push_back(ColumnSum(matrix, pass.input, 0, tile.first_column + n));
    }
    result.push_back(std::move(pass));
    token = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
  }
  return result;
}

}  // namespace

Status RunTile(const TileRequest& request, const ModelSource& source, const KernelSet& kernels,
               std::span<const int32_t> prompt, const Console& console) {
  BURIN_ASSIGN(const int32_t matrix, FindTileMatrix(source.plan, request.name));
  BURIN_ASSIGN(const PlacedFabric fabric, Place(source.plan, source.chip));
  BURIN_ASSIGN(const Tile tile, CutTile(fabric, matrix, request.column_block));
  const MatrixEntry& entry = source.plan.matrices[static_cast<size_t>(matrix)];
  BURIN_ASSIGN(OutputFolder folder, OutputFolder::Create(request.output, kRtlMark, request.force));
  console.Print(fmt::format(
      "tile        {}, columns {} to {} (column block {} of {})\n"
      "            {} banks on {}, about {} bytes of text\n",
      entry.name, tile.first_column, tile.first_column + tile.columns - 1, tile.column_block,
      tile.column_blocks, WithCommas(static_cast<uint64_t>(tile.fabric.banks)), source.chip.name,
      WithCommas(EstimateTileBytes(tile, std::min(request.passes, source.weights->context)))));
  const auto begin = std::chrono::steady_clock::now();
  const QuantizedModel& model = *source.weights;
  BURIN_ASSIGN(const std::vector<TilePass> passes,
               RecordPasses(tile, model, kernels, request.passes, prompt));
  const TileTimes times{units::PassCycles(TilePassRows(tile), source.chip.columns_per_scaler, 0),
                        1 + units::TreeLevels(tile.fabric.banks)};
  BURIN_ASSIGN(const EmittedChip emitted, EmitTile(tile, times, passes, folder));
  BURIN_TRY(folder.Finish());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  console.Print(fmt::format(
      "written     {} files, {} bytes; {} ROM modules of {} bits; {:.1f} s\n"
      "trace       {} passes, as the emulator runs them: inputs and raw sums of {} columns\n"
      "next        make -C {} lint sim\n",
      folder.files(), WithCommas(folder.bytes()), emitted.rom_modules, WithCommas(emitted.rom_bits),
      seconds.count(), passes.size(), tile.columns, request.output));
  return console.WriteJson({{"model", source.plan.name},
                            {"chip", source.chip.name},
                            {"digest", ToHex(model.digest)},
                            {"matrix", entry.name},
                            {"column_block", tile.column_block},
                            {"column_blocks", tile.column_blocks},
                            {"first_column", tile.first_column},
                            {"columns", tile.columns},
                            {"banks", emitted.banks},
                            {"passes", passes.size()},
                            {"files", folder.files()},
                            {"bytes", folder.bytes()},
                            {"rom_modules", emitted.rom_modules},
                            {"rom_bits", emitted.rom_bits}});
}

}  // namespace burin
