// Header and section table of a cartridge file, and where each section lies. The order and the
// place of every section follow from geometry and bits, so a reader computes them and compares
// (docs/formats/cartridge.md, "File").
//
// Header, 128 bytes; all numbers little-endian:
//     0   8  magic "BURIN\0\r\n"
//     8   4  format version, 2
//    12   4  contract version, 1: docs/numerics.md
//    16   4  sections
//    20   4  bytes of a table entry, 64
//    24   8  bytes of the file
//    32   8  offset of the table, 128
//    40  24  zero
//    64  32  root digest: SHA-256 of header bytes 0..63 and the table
//    96  32  zero
// Table entry, 64 bytes:
//     0   4  section kind
//     4   4  tensor kind, 0 for none
//     8   4  layer, 0xFFFFFFFF for none
//    12   4  zero
//    16   8  offset in the file
//    24   8  bytes
//    32  32  SHA-256 of the bytes
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "model/model.h"
#include "numeric/packed_matrix.h"
#include "quant/tensor_list.h"

namespace burin {

inline constexpr uint32_t kCartridgeVersion = 2;
inline constexpr uint32_t kContractVersion = 1;
inline constexpr uint64_t kHeaderBytes = 128;
inline constexpr uint64_t kEntryBytes = 64;
inline constexpr uint64_t kSmallAlignment = 64;
inline constexpr uint64_t kPageAlignment = 4096;  // of sections of kBigSection bytes and more
inline constexpr uint64_t kBigSection = uint64_t{64} * 1024;
inline constexpr uint64_t kMaxMetadataBytes = 64 << 20;

enum class SectionKind : uint32_t {
  kTokenizer = 1,
  kRotary = 2,
  kVector = 3,  // of VectorsOf
  kCodes = 4,   // of MatricesOf
  kScales = 5,
  kMetadata = 6,
};

struct Section {
  SectionKind kind = SectionKind::kTokenizer;
  TensorKind tensor = TensorKind::kNone;
  int64_t layer = kNoLayer;
  uint64_t offset = 0;
  uint64_t size = 0;
  Sha256Digest digest{};

  // "codes of model.layers.3.mlp.down_proj", "tokenizer", ...
  std::string Name() const;
};

// What decides the sizes of all sections but the metadata.
struct LayoutInput {
  const ModelConfig& config;
  int64_t context = 0;
  int64_t group = 128;
  std::span<const int> bits;  // of each of MatricesOf(config)
  uint64_t tokenizer_bytes = 0;
};

// The sections of a cartridge in file order: tokenizer, rotary, VectorsOf, then codes and scales of
// each of MatricesOf, last the metadata, whose size is left at 0. Offsets are set.
std::vector<Section> LayOutSections(const LayoutInput& input);

// Shape of a matrix on the fabric.
MatrixShape FabricShape(const MatrixEntry& entry, int bits, int64_t group);

// Values of the rotary table: (ceil(context / 64) + 64) * head_dim int16.
uint64_t RotaryValues(const ModelConfig& config, int64_t context);

// Header and table for sections whose offsets, sizes and digests are set; the root digest is in it.
std::vector<std::byte> EncodeHead(std::span<const Section> sections);
Sha256Digest RootDigest(std::span<const std::byte> head);

// Reads and checks header and table of a file: magic, versions, sizes, root digest, every section
// inside the file behind the table, aligned, in rising order without overlap, the last one ending
// the file. Errors name `object`.
Result<std::vector<Section>> DecodeHead(std::span<const std::byte> file, const std::string& object);

}  // namespace burin
