#include "mask/recovered_model.h"

#include "base/mapped_file.h"
#include "base/progress.h"
#include "mask/table_rom.h"
#include "quant/cartridge_format.h"
#include "quant/metadata.h"

namespace burin::mask {

Result<RecoveredModel> RecoveredModel::Create(const PlacedFabric& fabric) {
  uint64_t bytes = 0;
  for (const PlacedMatrix& m : fabric.matrices) bytes += m.shape.CodeBytes() + m.shape.ScaleBytes();
  if (const uint64_t free = AvailableMemoryBytes(); free > 0 && bytes > free) {
    return IoError("reading the masks back", HumanBytes(free) + " of memory free",
                   HumanBytes(bytes) + " for the model");
  }
  RecoveredModel model;
  for (const PlacedMatrix& m : fabric.matrices) {
    model.codes_.emplace_back(m.shape.CodeBytes());
    model.scales_.emplace_back(m.shape.ScaleBytes());
  }
  return model;
}

void RecoveredModel::TakeCodes(const PlacedFabric& fabric, const PlacedBlock& block,
                               std::span<const uint8_t> values) {
  const auto m = static_cast<size_t>(block.matrix);
  const MatrixShape& shape = fabric.matrices[m].shape;
  const int halves = shape.bits == 6 ? 2 : 1;
  const uint32_t mask = shape.bits == 4 ? 15 : 7;
  const int64_t width = block.column_end - block.column_begin;
  for (int64_t r = 0; r < block.row_end - block.row_begin; ++r) {
    const uint8_t* row = values.data() + r * fabric.chip.columns;
    for (int64_t c = 0; c < width; c += halves) {
      const uint32_t code =
          halves == 2 ? (row[c] & mask) << 3 | (row[c + 1] & mask) : row[c] & mask;
      SetCode(shape, codes_[m], block.row_begin + r, (block.column_begin + c) / halves, code);
    }
  }
}

std::optional<Sha256Digest> RecoveredModel::Digest(const PlacedFabric& fabric,
                                                   std::span<const uint8_t> tables) const {
  const auto rom = DecodeTableRom(tables, "the masks' table units");
  if (!rom) return std::nullopt;
  const auto m = ParseMetadata(rom->metadata, "the masks' metadata");
  if (!m) return std::nullopt;
  auto sections =
      LayOutSections({m->config, m->context, m->group, fabric.plan.bits, rom->tokenizer_bytes});
  std::span<const uint8_t> rest = rom->tables;
  size_t matrix = 0;
  for (Section& section : sections) {
    std::span<const uint8_t> bytes;
    if (section.kind == SectionKind::kTokenizer) {
      section.digest = rom->tokenizer_digest;
      continue;
    }
    if (section.kind == SectionKind::kRotary || section.kind == SectionKind::kVector) {
      if (section.size > rest.size()) return std::nullopt;
      bytes = rest.first(section.size);
      rest = rest.subspan(section.size);
    } else if (section.kind == SectionKind::kCodes) {
      bytes = codes_[matrix];
    } else if (section.kind == SectionKind::kScales) {
      bytes = scales_[matrix++];
    } else {
      section.size = rom->metadata.size();
      bytes = {reinterpret_cast<const uint8_t*>(rom->metadata.data()), rom->metadata.size()};
    }
    section.digest = Sha256Of(std::as_bytes(bytes));
  }
  return RootDigest(EncodeHead(sections));
}

}  // namespace burin::mask
