#include <cstring>

#include "base/check.h"
#include "quant/cartridge.h"
#include "quant/cartridge_format.h"
#include "quant/metadata.h"
#include "quant/tensor_list.h"

namespace burin {
namespace {

// Hands out the sections in file order as typed spans.
class SectionCursor {
 public:
  SectionCursor(std::span<const std::byte> file, std::span<const Section> sections)
      : file_(file), sections_(sections) {}

  template <typename T>
  std::span<const T> Next() {
    const Section& section = sections_[next_++];
    const std::byte* data = file_.data() + section.offset;  // aligned to 64, as is file_
    return {reinterpret_cast<const T*>(data), section.size / sizeof(T)};
  }

 private:
  const std::span<const std::byte> file_;
  const std::span<const Section> sections_;
  size_t next_ = 0;
};

// The matrix or vector field of the model that an entry fills.
PackedMatrix& MatrixField(QuantizedModel& model, const MatrixEntry& entry) {
  if (entry.kind == TensorKind::kEmbedding) return model.embedding;
  if (entry.kind == TensorKind::kHead) return model.head;
  QuantizedLayer& layer = model.layers[static_cast<size_t>(entry.layer)];
  switch (entry.kind) {
    case TensorKind::kQ:
      return layer.q;
    case TensorKind::kK:
      return layer.k;
    case TensorKind::kV:
      return layer.v;
    case TensorKind::kO:
      return layer.o;
    case TensorKind::kGate:
      return layer.gate;
    case TensorKind::kUp:
      return layer.up;
    default:
      BURIN_CHECK(entry.kind == TensorKind::kDown);
      return layer.down;
  }
}

GainView& GainField(QuantizedModel& model, const VectorEntry& entry) {
  if (entry.kind == TensorKind::kFinalNorm) return model.final_norm;
  QuantizedLayer& layer = model.layers[static_cast<size_t>(entry.layer)];
  switch (entry.kind) {
    case TensorKind::kAttentionNorm:
      return layer.attention_norm;
    case TensorKind::kFfnNorm:
      return layer.ffn_norm;
    case TensorKind::kQNorm:
      return layer.q_norm;
    default:
      BURIN_CHECK(entry.kind == TensorKind::kKNorm);
      return layer.k_norm;
  }
}

std::span<const int32_t>& BiasField(QuantizedModel& model, const VectorEntry& entry) {
  QuantizedLayer& layer = model.layers[static_cast<size_t>(entry.layer)];
  if (entry.kind == TensorKind::kQBias) return layer.q_bias;
  BURIN_CHECK(entry.kind == TensorKind::kKBias || entry.kind == TensorKind::kVBias);
  return entry.kind == TensorKind::kKBias ? layer.k_bias : layer.v_bias;
}

Result<CartridgeMetadata> ReadMetadataSection(std::span<const std::byte> file,
                                              const Section& section, const std::string& object) {
  const std::string name = object + ": metadata";
  if (section.kind != SectionKind::kMetadata || section.size > kMaxMetadataBytes) {
    return BadInput(name,
                    fmt::format("{} of {} bytes as the last section", section.Name(), section.size),
                    "metadata of at most 64 MiB");
  }
  const auto bytes = file.subspan(section.offset, section.size);
  if (Sha256Of(bytes) != section.digest) {
    return BadInput(name, "the bytes have another digest", ToHex(section.digest),
                    "The file is damaged: copy it again.");
  }
  return ParseMetadata({reinterpret_cast<const char*>(bytes.data()), bytes.size()}, name);
}

// Compares the table with what the geometry asks for.
Status CheckLayout(std::span<const Section> sections, const CartridgeMetadata& metadata,
                   const std::string& object) {
  std::vector<int> bits;
  for (const MatrixRecord& record : metadata.matrices) bits.push_back(record.bits);
  const std::vector<Section> expected = LayOutSections({.config = metadata.config,
                                                        .context = metadata.context,
                                                        .group = metadata.group,
                                                        .bits = bits,
                                                        .tokenizer_bytes = sections[0].size});
  if (sections.size() != expected.size()) {
    return BadInput(object, fmt::format("{} sections", sections.size()),
                    fmt::format("{}, for the geometry in the metadata", expected.size()));
  }
  for (size_t i = 0; i < expected.size(); ++i) {
    const Section &is = sections[i], &want = expected[i];
    const bool last = i + 1 == expected.size();
    if (is.kind != want.kind || is.tensor != want.tensor || is.layer != want.layer ||
        is.offset != want.offset || (is.size != want.size && !last)) {
      return BadInput(fmt::format("{}: section {}", object, i),
                      fmt::format("{}, {} bytes at {}", is.Name(), is.size, is.offset),
                      fmt::format("{}, {} bytes at {}", want.Name(), want.size, want.offset));
    }
  }
  return {};
}

void FillTensors(SectionCursor& cursor, const CartridgeMetadata& metadata, QuantizedModel& model) {
  size_t gains = 0;
  for (const VectorEntry& entry : VectorsOf(model.config)) {
    if (entry.is_gain) {
      GainField(model, entry) = {cursor.Next<int16_t>(), metadata.gain_exponents[gains++]};
    } else {
      BiasField(model, entry) = cursor.Next<int32_t>();
    }
  }
  const std::vector<MatrixEntry> entries = MatricesOf(model.config);
  for (size_t i = 0; i < entries.size(); ++i) {
    const MatrixRecord& record = metadata.matrices[i];
    PackedMatrix& matrix = MatrixField(model, entries[i]);
    matrix.shape = FabricShape(entries[i], record.bits, model.group);
    matrix.exponent = record.exponent;
    matrix.codebook = record.codebook;
    matrix.codes = cursor.Next<uint8_t>();
    matrix.scales = cursor.Next<uint8_t>();
  }
  if (model.config.tied_head) model.head = model.embedding;
}

}  // namespace

Result<QuantizedModel> OpenCartridge(std::span<const std::byte> bytes, const std::string& object) {
  BURIN_CHECK(reinterpret_cast<uintptr_t>(bytes.data()) % kSmallAlignment == 0);
  BURIN_ASSIGN(const std::vector<Section> sections, DecodeHead(bytes, object));
  BURIN_ASSIGN(const CartridgeMetadata metadata,
               ReadMetadataSection(bytes, sections.back(), object));
  BURIN_TRY(CheckLayout(sections, metadata, object));

  QuantizedModel model;
  model.config = metadata.config;
  model.generation = metadata.generation;
  model.context = metadata.context;
  model.group = metadata.group;
  model.residual_fraction = metadata.residual_fraction;
  model.quantizer = metadata.quantizer;
  model.layers.resize(static_cast<size_t>(model.config.layers));
  SectionCursor cursor(bytes, sections);
  model.tokenizer = cursor.Next<std::byte>();
  model.rotary = ViewRotaryTable(cursor.Next<int16_t>(), model.config.head_dim / 2, model.context);
  FillTensors(cursor, metadata, model);
  const auto text = cursor.Next<char>();
  model.metadata = {text.data(), text.size()};
  model.digest = RootDigest(bytes.first(kHeaderBytes + sections.size() * kEntryBytes));
  return model;
}

Result<QuantizedModel> OpenCartridge(const std::filesystem::path& path) {
  BURIN_ASSIGN(MappedFile mapped, MappedFile::Open(path));
  auto file = std::make_shared<const MappedFile>(std::move(mapped));
  BURIN_ASSIGN(QuantizedModel model, OpenCartridge(file->bytes(), path.string()));
  model.file = std::move(file);
  return model;
}

}  // namespace burin
