// The constant ROM of a die as bytes: the token's program, the tables and vectors beside the
// matrices, and who the model is. With the codes and scales in the banks it is the whole cartridge
// but for the tokenizer, which the host keeps; its size and digest are here, so that the
// cartridge's digest can be computed from masks alone. All numbers little-endian:
//
//     0    8   "BURINROM"
//     8    4   version, 1
//     12   4   steps of the program
//     16   8   bytes of all
//     24   8   bytes of the tokenizer section
//     32   32  its SHA-256
//     64   8   bytes of the metadata
//     72   8   bytes of the tables
//     80       steps of 28 bytes: operation 1, with adapter only 1, zero 2, layer 4, three matrices
//     4 each (-1: none),
//              length of the vector 8
//     ..       the cartridge's rotary table and vectors, section by section
//     ..       its metadata (docs/formats/cartridge.md): geometry, bits, codebooks, exponents
//     ..   32  SHA-256 of all before
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/sha256.h"
#include "fabric/placed_fabric.h"

namespace burin::mask {

struct TableRom {
  uint64_t tokenizer_bytes = 0;
  Sha256Digest tokenizer_digest{};
  Program program;
  std::vector<uint8_t> tables;
  std::string metadata;
};

std::vector<uint8_t> EncodeTableRom(const TableRom& rom);
// `bytes` may go on behind the content with zeros. Errors name `object`.
Result<TableRom> DecodeTableRom(std::span<const uint8_t> bytes, const std::string& object);

// Of a model that was opened from a cartridge file. Errors: a damaged head; more than
// chip.table_bytes.
Result<std::vector<uint8_t>> TableRomOf(const PlacedFabric& fabric);

}  // namespace burin::mask
