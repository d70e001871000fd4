// Read-only memories of the emitted chip: contents in data files, one module for each content.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/output_folder.h"
#include "base/result.h"

namespace burin {

// The words of a ROM, filled one after the other; a word is `width` bits, the fields of it are
// given from bit 0 on.
class RomImage {
 public:
  RomImage(int64_t depth, int64_t width);

  // Bits [at, at + bits) of a word; bits <= 64, the value in two's complement. Inside the word.
  void Set(int64_t word, int64_t at, int64_t bits, int64_t value);

  int64_t depth() const { return depth_; }
  int64_t width() const { return width_; }
  // A line a word, hexadecimal, the highest digit first: what $readmemh reads.
  std::string ToHex() const;

 private:
  int64_t depth_, width_, word_bytes_;
  std::vector<uint8_t> bytes_;  // [depth][word_bytes], little-endian
};

// Emits each content once. A ROM module has the ports clk, enable, address, word: the word of the
// address follows a cycle after `enable`, and stays.
class RomStore {
 public:
  explicit RomStore(OutputFolder& folder) : folder_(folder) {}

  // Name of the module with this content: "rom_" and 16 digits of the content's SHA-256. Writes its
  // data file, rom/NAME.hex. Errors: kIo.
  Result<std::string> Add(const RomImage& image, const std::string& comment);

  // The text of all modules in order of their names.
  std::string Modules() const;
  // Bits in all ROM modules together.
  uint64_t bits() const { return bits_; }
  int64_t modules() const { return static_cast<int64_t>(modules_.size()); }
  // Bits of address of a ROM of that depth; at least 1.
  static int64_t AddressBits(int64_t depth);

 private:
  OutputFolder& folder_;
  std::map<std::string, std::string> modules_;
  uint64_t bits_ = 0;
};

}  // namespace burin
