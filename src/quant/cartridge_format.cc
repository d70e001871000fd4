#include "quant/cartridge_format.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/check.h"

namespace burin {
namespace {

static_assert(std::endian::native == std::endian::little, "the file is mapped, not converted");

constexpr char kMagic[8] = {'B', 'U', 'R', 'I', 'N', '\0', '\r', '\n'};
constexpr uint32_t kNoLayerStored = 0xFFFFFFFF;
constexpr uint64_t kSignedBytes = 64;  // of the header, that the root digest covers
constexpr uint64_t kDigestOffset = 64;

template <typename T>
void Put(std::span<std::byte> bytes, uint64_t offset, T value) {
  std::memcpy(bytes.data() + offset, &value, sizeof value);
}

template <typename T>
T Get(std::span<const std::byte> bytes, uint64_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

uint64_t AlignUp(uint64_t offset, uint64_t size) {
  const uint64_t alignment = size >= kBigSection ? kPageAlignment : kSmallAlignment;
  return (offset + alignment - 1) / alignment * alignment;
}

Section DecodeEntry(std::span<const std::byte> entry) {
  Section section;
  section.kind = static_cast<SectionKind>(Get<uint32_t>(entry, 0));
  section.tensor = static_cast<TensorKind>(Get<uint32_t>(entry, 4));
  const auto layer = Get<uint32_t>(entry, 8);
  section.layer = layer == kNoLayerStored ? kNoLayer : int64_t{layer};
  section.offset = Get<uint64_t>(entry, 16);
  section.size = Get<uint64_t>(entry, 24);
  std::memcpy(section.digest.data(), entry.data() + 32, section.digest.size());
  return section;
}

void EncodeEntry(const Section& section, std::span<std::byte> entry) {
  Put(entry, 0, static_cast<uint32_t>(section.kind));
  Put(entry, 4, static_cast<uint32_t>(section.tensor));
  Put(entry, 8, section.layer == kNoLayer ? kNoLayerStored : static_cast<uint32_t>(section.layer));
  Put(entry, 16, section.offset);
  Put(entry, 24, section.size);
  std::memcpy(entry.data() + 32, section.digest.data(), section.digest.size());
}

bool AllZero(std::span<const std::byte> bytes) {
  return std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
}

const char* SuffixOf(TensorKind kind) {
  switch (kind) {
    case TensorKind::kNone:
      return "";
    case TensorKind::kEmbedding:
      return "model.embed_tokens";
    case TensorKind::kHead:
      return "lm_head";
    case TensorKind::kFinalNorm:
      return "model.norm";
    case TensorKind::kQ:
      return "self_attn.q_proj";
    case TensorKind::kK:
      return "self_attn.k_proj";
    case TensorKind::kV:
      return "self_attn.v_proj";
    case TensorKind::kO:
      return "self_attn.o_proj";
    case TensorKind::kGate:
      return "mlp.gate_proj";
    case TensorKind::kUp:
      return "mlp.up_proj";
    case TensorKind::kDown:
      return "mlp.down_proj";
    case TensorKind::kQBias:
      return "self_attn.q_proj.bias";
    case TensorKind::kKBias:
      return "self_attn.k_proj.bias";
    case TensorKind::kVBias:
      return "self_attn.v_proj.bias";
    case TensorKind::kQNorm:
      return "self_attn.q_norm";
    case TensorKind::kKNorm:
      return "self_attn.k_norm";
    case TensorKind::kAttentionNorm:
      return "input_layernorm";
    case TensorKind::kFfnNorm:
      return "post_attention_layernorm";
  }
  return "an unknown tensor";
}

// What can be said of the header before any number in it is believed.
Status CheckIdentity(std::span<const std::byte> file, const std::string& object) {
  if (file.size() < kHeaderBytes) {
    return BadInput(object, fmt::format("{} bytes", file.size()),
                    "a cartridge, which has a header of 128 bytes", "Engrave the model again.");
  }
  if (std::memcmp(file.data(), kMagic, sizeof kMagic) != 0) {
    return BadInput(object, "is no cartridge (the first bytes are others)", "BURIN\\0\\r\\n",
                    "Give a file that `burin engrave` wrote.");
  }
  const auto version = Get<uint32_t>(file, 8);
  if (version != kCartridgeVersion) {
    return BadInput(object, fmt::format("cartridge format version {}", version),
                    fmt::format("version {}", kCartridgeVersion),
                    version > kCartridgeVersion ? "Use a newer burin, or engrave the model again."
                                                : "Engrave the model again.");
  }
  const auto contract = Get<uint32_t>(file, 12);
  if (contract != kContractVersion) {
    return BadInput(object, fmt::format("numeric contract version {}", contract),
                    fmt::format("version {}", kContractVersion),
                    "Use the burin that made it, or engrave the model again.");
  }
  return {};
}

Status CheckHead(std::span<const std::byte> file, const std::string& object) {
  BURIN_TRY(CheckIdentity(file, object));
  auto damaged = [&](std::string what, std::string expected) -> Status {
    return BadInput(object, std::move(what), std::move(expected),
                    "The file is damaged or cut short: copy it again.");
  };
  if (Get<uint64_t>(file, 24) != file.size()) {
    return damaged(fmt::format("{} bytes", file.size()),
                   fmt::format("{} bytes, as its header says", Get<uint64_t>(file, 24)));
  }
  const uint64_t count = Get<uint32_t>(file, 16);
  if (Get<uint32_t>(file, 20) != kEntryBytes || Get<uint64_t>(file, 32) != kHeaderBytes ||
      count == 0 || count > (file.size() - kHeaderBytes) / kEntryBytes) {
    return damaged(fmt::format("a table of {} sections", count), "one that the file has room for");
  }
  const auto head = file.first(kHeaderBytes + count * kEntryBytes);
  const Sha256Digest root = RootDigest(head);
  if (std::memcmp(root.data(), file.data() + kDigestOffset, root.size()) != 0 ||
      !AllZero(file.subspan(40, 24)) || !AllZero(file.subspan(96, 32))) {
    return damaged("header or section table altered", fmt::format("root digest {}", ToHex(root)));
  }
  return {};
}

}  // namespace

std::string Section::Name() const {
  std::string tensor_name = SuffixOf(tensor);
  if (layer != kNoLayer) tensor_name = fmt::format("model.layers.{}.{}", layer, tensor_name);
  switch (kind) {
    case SectionKind::kTokenizer:
      return "tokenizer";
    case SectionKind::kRotary:
      return "rotary table";
    case SectionKind::kVector:
      return tensor_name;
    case SectionKind::kCodes:
      return "codes of " + tensor_name;
    case SectionKind::kScales:
      return "scales of " + tensor_name;
    case SectionKind::kMetadata:
      return "metadata";
  }
  return fmt::format("section of unknown kind {}", static_cast<uint32_t>(kind));
}

MatrixShape FabricShape(const MatrixEntry& entry, int bits, int64_t group) {
  return {.rows = entry.rows, .cols = entry.cols, .bits = bits, .group = group};
}

uint64_t RotaryValues(const ModelConfig& config, int64_t context) {
  return static_cast<uint64_t>(((context + 63) / 64 + 64) * config.head_dim);
}

std::vector<Section> LayOutSections(const LayoutInput& input) {
  std::vector<Section> sections;
  auto add = [&](SectionKind kind, TensorKind tensor, int64_t layer, uint64_t size) {
    sections.push_back({kind, tensor, layer, 0, size, {}});
  };
  add(SectionKind::kTokenizer, TensorKind::kNone, kNoLayer, input.tokenizer_bytes);
  add(SectionKind::kRotary, TensorKind::kNone, kNoLayer,
      RotaryValues(input.config, input.context) * sizeof(int16_t));
  for (const VectorEntry& entry : VectorsOf(input.config)) {
    const size_t width = entry.is_gain ? sizeof(int16_t) : sizeof(int32_t);
    add(SectionKind::kVector, entry.kind, entry.layer, static_cast<uint64_t>(entry.size) * width);
  }
  const std::vector<MatrixEntry> matrices = MatricesOf(input.config);
  BURIN_CHECK(matrices.size() == input.bits.size());
  for (size_t i = 0; i < matrices.size(); ++i) {
    const MatrixEntry& entry = matrices[i];
    const MatrixShape shape = FabricShape(entry, input.bits[i], input.group);
    add(SectionKind::kCodes, entry.kind, entry.layer, shape.CodeBytes());
    add(SectionKind::kScales, entry.kind, entry.layer, shape.ScaleBytes());
  }
  add(SectionKind::kMetadata, TensorKind::kNone, kNoLayer, 0);
  uint64_t end = kHeaderBytes + sections.size() * kEntryBytes;
  for (Section& section : sections) {
    section.offset = AlignUp(end, section.size);
    end = section.offset + section.size;
  }
  // Its size is not known yet: the small alignment serves it whatever it turns out to be.
  return sections;
}

std::vector<std::byte> EncodeHead(std::span<const Section> sections) {
  std::vector<std::byte> head(kHeaderBytes + sections.size() * kEntryBytes);
  std::memcpy(head.data(), kMagic, sizeof kMagic);
  Put(head, 8, kCartridgeVersion);
  Put(head, 12, kContractVersion);
  Put(head, 16, static_cast<uint32_t>(sections.size()));
  Put(head, 20, static_cast<uint32_t>(kEntryBytes));
  Put(head, 24, sections.back().offset + sections.back().size);
  Put(head, 32, kHeaderBytes);
  for (size_t i = 0; i < sections.size(); ++i) {
    EncodeEntry(sections[i], std::span(head).subspan(kHeaderBytes + i * kEntryBytes, kEntryBytes));
  }
  const Sha256Digest root = RootDigest(head);
  std::memcpy(head.data() + kDigestOffset, root.data(), root.size());
  return head;
}

Sha256Digest RootDigest(std::span<const std::byte> head) {
  Sha256 hash;
  hash.Update(head.first(kSignedBytes));
  hash.Update(head.subspan(kHeaderBytes));
  return hash.Finish();
}

Result<std::vector<Section>> DecodeHead(std::span<const std::byte> file,
                                        const std::string& object) {
  BURIN_TRY(CheckHead(file, object));
  const uint64_t count = Get<uint32_t>(file, 16);
  std::vector<Section> sections;
  sections.reserve(count);
  uint64_t end = kHeaderBytes + count * kEntryBytes;
  for (uint64_t i = 0; i < count; ++i) {
    const auto entry = file.subspan(kHeaderBytes + i * kEntryBytes, kEntryBytes);
    const Section section = DecodeEntry(entry);
    const bool inside =
        section.offset <= file.size() && section.size <= file.size() - section.offset;
    if (!inside || section.offset < end || section.offset % kSmallAlignment != 0 ||
        !AllZero(entry.subspan(12, 4))) {
      return BadInput(fmt::format("{}: section {} ({})", object, i, section.Name()),
                      fmt::format("{} bytes at {}", section.size, section.offset),
                      "a place inside the file, aligned, behind the section before it");
    }
    end = section.offset + section.size;
    sections.push_back(section);
  }
  if (end != file.size()) {
    return BadInput(object, fmt::format("{} bytes behind the last section", file.size() - end),
                    "none");
  }
  return sections;
}

}  // namespace burin
