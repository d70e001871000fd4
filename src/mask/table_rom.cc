#include "mask/table_rom.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "quant/cartridge_format.h"

namespace burin::mask {
namespace {

constexpr char kMagic[8] = {'B', 'U', 'R', 'I', 'N', 'R', 'O', 'M'};
constexpr uint32_t kVersion = 1;
constexpr size_t kHead = 80, kStepBytes = 28, kDigestBytes = 32;
constexpr uint8_t kOps = static_cast<uint8_t>(Op::kCollectLogits) + 1;

template <typename T>
void Put(std::vector<uint8_t>& out, T value) {
  for (size_t i = 0; i < sizeof value; ++i) {
    out.push_back(static_cast<uint8_t>(static_cast<uint64_t>(value) >> (8 * i)));
  }
}

template <typename T>
T Get(std::span<const uint8_t> bytes, size_t at) {
  T value;
  std::memcpy(&value, bytes.data() + at, sizeof value);
  return value;
}

Step DecodeStep(std::span<const uint8_t> bytes) {
  Step step;
  step.op = static_cast<Op>(bytes[0]);
  step.only_with_adapter = bytes[1] != 0;
  step.layer = Get<int32_t>(bytes, 4);
  for (size_t i = 0; i < 3; ++i) step.matrices[i] = Get<int32_t>(bytes, 8 + 4 * i);
  step.values = Get<int64_t>(bytes, 20);
  return step;
}

}  // namespace

std::vector<uint8_t> EncodeTableRom(const TableRom& rom) {
  std::vector<uint8_t> out;
  for (const char c : kMagic) out.push_back(static_cast<uint8_t>(c));
  Put(out, kVersion);
  Put(out, static_cast<uint32_t>(rom.program.size()));
  Put(out, uint64_t{kHead + kStepBytes * rom.program.size() + rom.tables.size() +
                    rom.metadata.size() + kDigestBytes});
  Put(out, rom.tokenizer_bytes);
  out.insert(out.end(), rom.tokenizer_digest.begin(), rom.tokenizer_digest.end());
  Put(out, uint64_t{rom.metadata.size()});
  Put(out, uint64_t{rom.tables.size()});
  for (const Step& step : rom.program) {
    Put(out, static_cast<uint8_t>(step.op));
    Put(out, static_cast<uint8_t>(step.only_with_adapter ? 1 : 0));
    Put(out, uint16_t{0});
    Put(out, step.layer);
    for (const int32_t matrix : step.matrices) Put(out, matrix);
    Put(out, step.values);
  }
  out.insert(out.end(), rom.tables.begin(), rom.tables.end());
  out.insert(out.end(), rom.metadata.begin(), rom.metadata.end());
  const Sha256Digest digest = Sha256Of(std::as_bytes(std::span(out)));
  out.insert(out.end(), digest.begin(), digest.end());
  return out;
}

Result<TableRom> DecodeTableRom(std::span<const uint8_t> bytes, const std::string& object) {
  const std::string expected = "a constant ROM as burin writes it";
  auto bad = [&](std::string found) { return BadInput(object, std::move(found), expected); };
  if (bytes.size() < kHead + kDigestBytes ||
      !std::equal(kMagic, kMagic + sizeof kMagic, bytes.begin())) {
    return bad("does not begin with BURINROM");
  }
  if (Get<uint32_t>(bytes, 8) != kVersion)
    return bad(fmt::format("version {}", Get<uint32_t>(bytes, 8)));
  const uint64_t steps = Get<uint32_t>(bytes, 12), total = Get<uint64_t>(bytes, 16);
  const uint64_t metadata = Get<uint64_t>(bytes, 64), tables = Get<uint64_t>(bytes, 72);
  const uint64_t size = bytes.size();
  if (total > size || metadata > size || tables > size ||
      kHead + steps * kStepBytes + tables + metadata + kDigestBytes != total) {
    return bad(fmt::format("{} bytes in all, {} steps, {} of tables, {} of metadata", total, steps,
                           tables, metadata));
  }
  const Sha256Digest digest = Sha256Of(std::as_bytes(bytes.first(total - kDigestBytes)));
  if (!std::equal(digest.begin(), digest.end(),
                  bytes.begin() + static_cast<int64_t>(total - kDigestBytes))) {
    return bad("content that does not have its digest");
  }
  TableRom rom;
  rom.tokenizer_bytes = Get<uint64_t>(bytes, 24);
  std::copy_n(bytes.begin() + 32, rom.tokenizer_digest.size(), rom.tokenizer_digest.begin());
  for (uint64_t i = 0; i < steps; ++i) {
    const auto step = bytes.subspan(kHead + i * kStepBytes, kStepBytes);
    if (step[0] >= kOps) return bad(fmt::format("step {} of operation {}", i, step[0]));
    rom.program.push_back(DecodeStep(step));
  }
  const auto rest = bytes.subspan(kHead + steps * kStepBytes);
  rom.tables.assign(rest.begin(), rest.begin() + static_cast<int64_t>(tables));
  const auto text = rest.subspan(tables, metadata);
  rom.metadata.assign(text.begin(), text.end());
  return rom;
}

Result<std::vector<uint8_t>> TableRomOf(const PlacedFabric& fabric) {
  BURIN_CHECK(fabric.plan.weights != nullptr && fabric.plan.weights->file != nullptr);
  const QuantizedModel& model = *fabric.plan.weights;
  const auto file = model.file->bytes();
  BURIN_ASSIGN(const auto sections, DecodeHead(file, model.file->path().string()));
  TableRom rom;
  rom.program = fabric.program;
  rom.metadata = model.metadata;
  for (const Section& section : sections) {
    const auto bytes = file.subspan(section.offset, section.size);
    if (section.kind == SectionKind::kTokenizer) {
      rom.tokenizer_bytes = section.size;
      rom.tokenizer_digest = section.digest;
    } else if (section.kind == SectionKind::kRotary || section.kind == SectionKind::kVector) {
      const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
      rom.tables.insert(rom.tables.end(), data, data + bytes.size());
    }
  }
  std::vector<uint8_t> bytes = EncodeTableRom(rom);
  if (static_cast<int64_t>(bytes.size()) > fabric.chip.table_bytes) {
    return BadInput(
        fmt::format("{} on chip {}: table_bytes", fabric.plan.name, fabric.chip.name),
        fmt::format("{} bytes of program, tables, vectors and identity", bytes.size()),
        fmt::format("at most the {} of the chip", fabric.chip.table_bytes),
        "Most of it may be the rotary table: engrave the model with a smaller --context.");
  }
  return bytes;
}

}  // namespace burin::mask
