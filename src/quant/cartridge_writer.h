// Writes a cartridge section by section through a PartialFile: the part that engraving a checkpoint
// and making a synthetic model share.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/progress.h"
#include "base/result.h"
#include "quant/cartridge_format.h"
#include "quant/column_quantizer.h"
#include "quant/metadata.h"
#include "quant/partial_file.h"

namespace burin {

// What is known of a cartridge before any weight is quantized.
struct CartridgePlan {
  ModelConfig config;
  GenerationDefaults generation;
  int64_t context = 0;
  int64_t group = 128;
  int residual_fraction = 20;
  QuantizerRecord quantizer;
  std::vector<int> bits;                 // of each of MatricesOf(config)
  std::span<const std::byte> tokenizer;  // must outlive the writer
  uint64_t journal_bytes = 8 << 20;      // written between two commits to the journal
};

// A matrix as it went into the file.
struct WrittenMatrix {
  MatrixFit fit;
  TileError error;  // sums over the matrix; zero if not known
  Sha256Digest codes{}, scales{};
};

// Values of a vector of VectorsOf.
struct WrittenVector {
  std::vector<int16_t> gains;  // with `exponent`
  int exponent = 0;
  std::vector<int32_t> bias;
};

// Writes the stored bytes of tiles [begin, end) and returns their error sums; may use a pool.
using TileSource = std::function<Result<TileError>(
    int64_t begin, int64_t end, std::span<uint8_t> codes, std::span<uint8_t> scales)>;

class CartridgeWriter {
 public:
  // Checks memory for `working_bytes` beside its own buffers, and disk; goes on behind the matrices
  // that an earlier run with the same plan and `source` (a digest of where the weights come from)
  // put on the disk and whose bytes are still right.
  static Result<CartridgeWriter> Start(const std::filesystem::path& output, CartridgePlan plan,
                                       std::string_view source, uint64_t working_bytes);

  const std::vector<MatrixEntry>& entries() const { return entries_; }
  MatrixShape ShapeOf(size_t index) const {
    return FabricShape(entries_[index], plan_.bits[index], plan_.group);
  }
  // Matrices on the disk: the next to write is entries()[written().size()].
  const std::vector<WrittenMatrix>& written() const { return written_; }
  size_t resumed() const { return resumed_; }
  bool discarded() const { return file_.discarded(); }

  // Makes, hashes and writes the next matrix in steps of at most `threads` tiles or some MiB.
  // `progress` (may be null) counts weights. An interrupt removes the partial file.
  Status WriteMatrix(const MatrixFit& fit, const TileSource& source, int threads,
                     Progress* progress);

  // Writes all the rest and renames; the root digest. One vector for each of VectorsOf(config).
  Result<Sha256Digest> Finish(std::span<const WrittenVector> vectors);

  // Bytes of the finished file; after Finish.
  uint64_t file_bytes() const;
  void Remove() { file_.Remove(); }

 private:
  CartridgeWriter(CartridgePlan plan, std::vector<MatrixEntry> entries,
                  std::vector<Section> sections, PartialFile file);
  Status Resume();
  Section& CodesSection(size_t index);
  Status WriteSmall(Section& section, std::span<const std::byte> bytes);

  CartridgePlan plan_;
  std::vector<MatrixEntry> entries_;
  std::vector<Section> sections_;
  PartialFile file_;
  std::vector<WrittenMatrix> written_;
  std::vector<std::string> pending_;  // journal lines of matrices that are not committed yet
  uint64_t pending_bytes_ = 0;
  size_t resumed_ = 0;
};

}  // namespace burin
