#include <algorithm>
#include <atomic>
#include <optional>

#include "base/check.h"
#include "base/interrupt.h"
#include "quant/cartridge.h"
#include "quant/cartridge_format.h"

namespace burin {
namespace {

constexpr uint64_t kHashStep = 8 << 20;  // bytes between two looks at the interrupt flag

Status CheckDigest(std::span<const std::byte> file, const Section& section,
                   const std::string& object, Progress* progress) {
  Sha256 hash;
  auto rest = file.subspan(section.offset, section.size);
  while (!rest.empty()) {
    if (InterruptRequested()) return Interrupted(object);
    const auto step = rest.first(std::min<uint64_t>(rest.size(), kHashStep));
    hash.Update(step);
    if (progress != nullptr) progress->Add(step.size());
    rest = rest.subspan(step.size());
  }
  const Sha256Digest digest = hash.Finish();
  if (digest == section.digest) return {};
  return BadInput(fmt::format("{}: {}", object, section.Name()),
                  fmt::format("damaged: digest {}", ToHex(digest)), ToHex(section.digest),
                  "Copy the file again or engrave the model again.");
}

// Bytes between the sections.
Status CheckPadding(std::span<const std::byte> file, std::span<const Section> sections,
                    const std::string& object) {
  uint64_t end = kHeaderBytes + sections.size() * kEntryBytes;
  for (const Section& section : sections) {
    for (uint64_t at = end; at < section.offset; ++at) {
      if (file[at] != std::byte{0}) {
        return BadInput(fmt::format("{}: byte {} before {}", object, at, section.Name()),
                        "not zero", "zero between sections",
                        "Copy the file again or engrave the model again.");
      }
    }
    end = section.offset + section.size;
  }
  return {};
}

// Code 0 and scale 0 wherever the padded matrix has no weight.
Status CheckUnused(const PackedMatrix& matrix, const std::string& name) {
  const MatrixShape& shape = matrix.shape;
  const int64_t padded_rows = shape.groups() * shape.group;
  const int64_t padded_cols = shape.tiles() * kTileColumns;
  auto bad = [&](int64_t row, int64_t col) -> Status {
    return BadInput(fmt::format("{}: row {}, column {}", name, row, col),
                    "a code or scale where there is no weight", "zero");
  };
  for (int64_t col = 0; col < padded_cols; ++col) {
    const bool beyond = col >= shape.cols;
    for (int64_t row = beyond ? 0 : shape.rows; row < padded_rows; ++row) {
      if (GetCode(matrix, row, col) != 0) return bad(row, col);
    }
    for (int64_t group = 0; beyond && group < shape.groups(); ++group) {
      if (matrix.scales[static_cast<size_t>(ScaleIndex(shape, group, col))] != 0) {
        return bad(group * shape.group, col);
      }
    }
  }
  return {};
}

}  // namespace

Status VerifyCartridge(std::span<const std::byte> bytes, const std::string& object,
                       ThreadPool& pool, Progress* progress) {
  BURIN_ASSIGN(const QuantizedModel model, OpenCartridge(bytes, object));
  BURIN_ASSIGN(const std::vector<Section> sections, DecodeHead(bytes, object));
  std::vector<Status> found(sections.size());
  pool.ForEach(sections.size(),
               [&](size_t i) { found[i] = CheckDigest(bytes, sections[i], object, progress); });
  for (Status& status : found) BURIN_TRY(std::move(status));
  BURIN_TRY(CheckPadding(bytes, sections, object));

  const std::vector<MatrixEntry> entries = MatricesOf(model.config);
  const std::vector<const PackedMatrix*> matrices = MatricesIn(model);
  BURIN_CHECK(entries.size() == matrices.size());
  std::vector<Status> unused(entries.size());
  pool.ForEach(entries.size(), [&](size_t i) {
    unused[i] = CheckUnused(*matrices[i], fmt::format("{}: {}", object, entries[i].name));
  });
  for (Status& status : unused) BURIN_TRY(std::move(status));
  return {};
}

Status VerifyCartridge(const QuantizedModel& model, ThreadPool& pool, Progress* progress) {
  BURIN_CHECK(model.file != nullptr);
  return VerifyCartridge(model.file->bytes(), model.file->path().string(), pool, progress);
}

}  // namespace burin
