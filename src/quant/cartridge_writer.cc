#include "quant/cartridge_writer.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"
#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "model/rotary.h"

namespace burin {
namespace {

constexpr uint64_t kStepBytes = 4 << 20;       // codes made between two writes
constexpr uint64_t kMetadataRoom = 1 << 20;    // on the disk, beside 512 bytes a matrix
constexpr size_t kSectionsBehindMatrices = 1;  // the metadata

std::vector<uint8_t> FromHex(const std::string& text) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < text.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoul(text.substr(i, 2), nullptr, 16)));
  }
  return bytes;
}

std::string ToLine(const WrittenMatrix& m) {
  const nlohmann::json json = {{"exponent", m.fit.exponent}, {"codebook", m.fit.codebook},
                               {"error", m.error.error},     {"energy", m.error.energy},
                               {"codes", ToHex(m.codes)},    {"scales", ToHex(m.scales)}};
  return json.dump();
}

// The line carries a check of its own, so its form is that of ToLine.
WrittenMatrix FromLine(const std::string& line) {
  const auto json = nlohmann::json::parse(line);
  WrittenMatrix m;
  m.fit.exponent = json.at("exponent");
  m.fit.codebook = json.at("codebook");
  m.error = {json.at("error"), json.at("energy")};
  const auto codes = FromHex(json.at("codes")), scales = FromHex(json.at("scales"));
  BURIN_CHECK(codes.size() == m.codes.size() && scales.size() == m.scales.size());
  std::copy(codes.begin(), codes.end(), m.codes.begin());
  std::copy(scales.begin(), scales.end(), m.scales.begin());
  return m;
}

Result<Sha256Digest> DigestOf(const PartialFile& file, const Section& section) {
  std::vector<std::byte> buffer(std::min<uint64_t>(section.size, kStepBytes));
  Sha256 hash;
  for (uint64_t at = 0; at < section.size; at += buffer.size()) {
    const auto part = std::span(buffer).first(std::min<uint64_t>(buffer.size(), section.size - at));
    BURIN_TRY(file.Read(section.offset + at, part));
    hash.Update(part);
  }
  return hash.Finish();
}

CartridgeMetadata MetadataOf(const CartridgePlan& plan, std::span<const WrittenMatrix> matrices,
                             std::span<const WrittenVector> vectors) {
  CartridgeMetadata metadata{.config = plan.config,
                             .generation = plan.generation,
                             .context = plan.context,
                             .group = plan.group,
                             .residual_fraction = plan.residual_fraction,
                             .quantizer = plan.quantizer,
                             .matrices = {},
                             .gain_exponents = {}};
  for (size_t i = 0; i < matrices.size(); ++i) {
    metadata.matrices.push_back({plan.bits[i], matrices[i].fit.exponent, matrices[i].fit.codebook});
  }
  const std::vector<VectorEntry> entries = VectorsOf(plan.config);
  for (size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].is_gain) metadata.gain_exponents.push_back(vectors[i].exponent);
  }
  return metadata;
}

// One line that changes with anything that changes the bytes of a matrix or its place.
std::string IdentityOf(const CartridgePlan& plan, std::string_view source) {
  CartridgePlan plain = plan;
  std::vector<WrittenMatrix> matrices(plan.bits.size());
  std::vector<WrittenVector> vectors(VectorsOf(plan.config).size());
  const std::string metadata = WriteMetadata(MetadataOf(plan, matrices, vectors));
  const Sha256Digest tokenizer = Sha256Of(plan.tokenizer);
  return fmt::format("cartridge {} source {} tokenizer {} {} plan {}", kCartridgeVersion, source,
                     plan.tokenizer.size(), ToHex(tokenizer), metadata);
}

Status CheckMemory(const std::filesystem::path& output, uint64_t needed) {
  const uint64_t available = AvailableMemoryBytes();
  if (available == 0 || needed <= available) return {};
  return IoError(output.string(), fmt::format("{} of memory available", HumanBytes(available)),
                 HumanBytes(needed), "Use fewer --threads, or close other programs.");
}

}  // namespace

CartridgeWriter::CartridgeWriter(CartridgePlan plan, std::vector<MatrixEntry> entries,
                                 std::vector<Section> sections, PartialFile file)
    : plan_(std::move(plan)),
      entries_(std::move(entries)),
      sections_(std::move(sections)),
      file_(std::move(file)) {}

Result<CartridgeWriter> CartridgeWriter::Start(const std::filesystem::path& output,
                                               CartridgePlan plan, std::string_view source,
                                               uint64_t working_bytes) {
  BURIN_TRY(CheckContract(plan.config, plan.context, plan.group, "the model"));
  std::vector<MatrixEntry> entries = MatricesOf(plan.config);
  std::vector<Section> sections = LayOutSections({.config = plan.config,
                                                  .context = plan.context,
                                                  .group = plan.group,
                                                  .bits = plan.bits,
                                                  .tokenizer_bytes = plan.tokenizer.size()});
  BURIN_TRY(CheckMemory(output, working_bytes + 4 * kStepBytes));
  const uint64_t size = sections.back().offset + kMetadataRoom + 512 * entries.size();
  BURIN_ASSIGN(PartialFile file, PartialFile::Open(output, IdentityOf(plan, source), size));
  CartridgeWriter writer(std::move(plan), std::move(entries), std::move(sections), std::move(file));
  BURIN_TRY(writer.Resume());
  return writer;
}

Section& CartridgeWriter::CodesSection(size_t index) {
  const size_t first = sections_.size() - kSectionsBehindMatrices - 2 * entries_.size();
  return sections_[first + 2 * index];
}

Status CartridgeWriter::Resume() {
  for (const std::string& line : file_.journal()) {
    if (InterruptRequested()) return Interrupted(entries_.front().name);
    const size_t index = written_.size();
    if (index == entries_.size()) break;
    WrittenMatrix matrix = FromLine(line);
    Section* codes = &CodesSection(index);
    const auto codes_digest = DigestOf(file_, codes[0]), scales_digest = DigestOf(file_, codes[1]);
    if (!codes_digest || !scales_digest || *codes_digest != matrix.codes ||
        *scales_digest != matrix.scales) {
      break;
    }
    codes[0].digest = matrix.codes;
    codes[1].digest = matrix.scales;
    written_.push_back(matrix);
  }
  resumed_ = written_.size();
  return file_.Truncate(resumed_);
}

Status CartridgeWriter::WriteMatrix(const MatrixFit& fit, const TileSource& source, int threads,
                                    Progress* progress) {
  const size_t index = written_.size();
  BURIN_CHECK(index < entries_.size());
  const MatrixShape shape = ShapeOf(index);
  Section* sections = &CodesSection(index);
  const int64_t tile_codes = shape.TileBytes(), tile_scales = shape.groups() * kTileColumns;
  const int64_t step = std::min<int64_t>(
      shape.tiles(), std::max<int64_t>(threads, static_cast<int64_t>(kStepBytes) / tile_codes));
  std::vector<uint8_t> codes(static_cast<size_t>(step * tile_codes));
  std::vector<uint8_t> scales(static_cast<size_t>(step * tile_scales));
  Sha256 codes_hash, scales_hash;
  WrittenMatrix matrix{.fit = fit, .error = {}};
  for (int64_t begin = 0; begin < shape.tiles(); begin += step) {
    const int64_t end = std::min(shape.tiles(), begin + step);
    const auto part_codes = std::span(codes).first(static_cast<size_t>((end - begin) * tile_codes));
    const auto part_scales =
        std::span(scales).first(static_cast<size_t>((end - begin) * tile_scales));
    BURIN_ASSIGN(const TileError error, source(begin, end, part_codes, part_scales));
    matrix.error.error += error.error;
    matrix.error.energy += error.energy;
    codes_hash.Update(std::as_bytes(part_codes));
    scales_hash.Update(std::as_bytes(part_scales));
    BURIN_TRY(file_.Write(sections[0].offset + static_cast<uint64_t>(begin * tile_codes),
                          std::as_bytes(part_codes)));
    BURIN_TRY(file_.Write(sections[1].offset + static_cast<uint64_t>(begin * tile_scales),
                          std::as_bytes(part_scales)));
    const int64_t columns = std::min(shape.cols, end * kTileColumns) - begin * kTileColumns;
    if (progress != nullptr) progress->Add(static_cast<uint64_t>(columns * shape.rows));
    if (InterruptRequested()) {
      file_.Remove();
      return Interrupted(entries_[index].name);
    }
  }
  matrix.codes = sections[0].digest = codes_hash.Finish();
  matrix.scales = sections[1].digest = scales_hash.Finish();
  pending_.push_back(ToLine(matrix));
  pending_bytes_ += shape.CodeBytes() + shape.ScaleBytes();
  written_.push_back(matrix);
  if (pending_bytes_ < plan_.journal_bytes) return {};
  BURIN_TRY(file_.Commit(pending_));
  pending_.clear();
  pending_bytes_ = 0;
  return {};
}

Status CartridgeWriter::WriteSmall(Section& section, std::span<const std::byte> bytes) {
  BURIN_CHECK(section.size == bytes.size());
  section.digest = Sha256Of(bytes);
  return file_.Write(section.offset, bytes);
}

Result<Sha256Digest> CartridgeWriter::Finish(std::span<const WrittenVector> vectors) {
  BURIN_CHECK(written_.size() == entries_.size());
  const std::vector<VectorEntry> vector_entries = VectorsOf(plan_.config);
  BURIN_CHECK(vectors.size() == vector_entries.size());
  size_t at = 0;
  BURIN_TRY(WriteSmall(sections_[at++], plan_.tokenizer));
  const std::vector<double> frequencies = RotaryFrequencies(plan_.config);
  const std::vector<int16_t> rotary = MakeRotaryTable(frequencies, plan_.context);
  BURIN_TRY(WriteSmall(sections_[at++], std::as_bytes(std::span(rotary))));
  for (size_t i = 0; i < vectors.size(); ++i) {
    const auto bytes = vector_entries[i].is_gain ? std::as_bytes(std::span(vectors[i].gains))
                                                 : std::as_bytes(std::span(vectors[i].bias));
    BURIN_TRY(WriteSmall(sections_[at++], bytes));
  }
  const std::string metadata = WriteMetadata(MetadataOf(plan_, written_, vectors));
  sections_.back().size = metadata.size();
  BURIN_TRY(WriteSmall(sections_.back(), std::as_bytes(std::span(metadata))));
  const std::vector<std::byte> head = EncodeHead(sections_);
  BURIN_TRY(file_.Write(0, head));
  if (InterruptRequested()) {
    file_.Remove();
    return Interrupted("cartridge");
  }
  BURIN_TRY(file_.Publish(file_bytes()));
  return RootDigest(head);
}

uint64_t CartridgeWriter::file_bytes() const {
  return sections_.back().offset + sections_.back().size;
}

}  // namespace burin
