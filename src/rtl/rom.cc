#include "rtl/rom.h"

#include <fmt/format.h>

#include "base/check.h"
#include "base/sha256.h"
#include "numeric/fixed.h"
#include "rtl/verilog.h"

namespace burin {

RomImage::RomImage(int64_t depth, int64_t width)
    : depth_(depth), width_(width), word_bytes_((width + 7) / 8) {
  BURIN_CHECK(depth >= 1 && width >= 1);
  bytes_.resize(static_cast<size_t>(depth * word_bytes_));
}

void RomImage::Set(int64_t word, int64_t at, int64_t bits, int64_t value) {
  BURIN_CHECK(word >= 0 && word < depth_ && at >= 0 && bits >= 1 && bits <= 64 &&
              at + bits <= width_);
  uint8_t* bytes = bytes_.data() + word * word_bytes_;
  const auto pattern = static_cast<uint64_t>(value);
  for (int64_t done = 0; done < bits;) {
    const int64_t bit = (at + done) % 8, count = std::min<int64_t>(8 - bit, bits - done);
    const auto mask = static_cast<uint8_t>(((1u << count) - 1) << bit);
    const auto part = static_cast<uint8_t>((pattern >> done) << bit);
    uint8_t& byte = bytes[(at + done) / 8];
    byte = static_cast<uint8_t>((byte & ~mask) | (part & mask));
    done += count;
  }
}

std::string RomImage::ToHex() const {
  constexpr char kDigits[] = "0123456789abcdef";
  const int64_t digits = (width_ + 3) / 4;
  std::string text;
  text.reserve(static_cast<size_t>(depth_ * (digits + 1)));
  for (int64_t word = 0; word < depth_; ++word) {
    const uint8_t* bytes = bytes_.data() + word * word_bytes_;
    for (int64_t digit = digits - 1; digit >= 0; --digit) {
      text += kDigits[(bytes[digit / 2] >> (4 * (digit % 2))) & 15];
    }
    text += '\n';
  }
  return text;
}

int64_t RomStore::AddressBits(int64_t depth) {
  return std::max(1, CeilLog2(static_cast<uint64_t>(depth)));
}

Result<std::string> RomStore::Add(const RomImage& image, const std::string& comment) {
  const std::string hex = image.ToHex();
  const std::string key = fmt::format("{} {}\n{}", image.depth(), image.width(), hex);
  const Sha256Digest digest = Sha256Of(std::as_bytes(std::span(key)));
  const std::string name = "rom_" + ToHex(digest).substr(0, 16);
  if (modules_.contains(name)) return name;
  BURIN_TRY(folder_.Write("rom/" + name + ".hex", hex));
  bits_ += static_cast<uint64_t>(image.depth() * image.width());
  modules_[name] = fmt::format(
      "// {}: {} words of {} bits.\n"
      "module {} (\n"
      "  input  wire clk,\n"
      "  input  wire enable,\n"
      "  input  wire {}address,\n"
      "  output reg  {}word\n"
      ");\n"
      "  reg {}cells [0:{}];\n"
      "  initial $readmemh(\"rom/{}.hex\", cells);\n"
      "  always @(posedge clk) if (enable) word <= cells[address];\n"
      "endmodule\n\n",
      comment, image.depth(), image.width(), name, verilog::Range(AddressBits(image.depth())),
      verilog::Range(image.width()), verilog::Range(image.width()), image.depth() - 1, name);
  return name;
}

std::string RomStore::Modules() const {
  std::string text;
  for (const auto& [name, module] : modules_) text += module;
  return text;
}

}  // namespace burin
