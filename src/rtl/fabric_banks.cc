#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "rtl/expression.h"
#include "rtl/fabric_maker.h"

namespace burin {

using verilog::Comment;
using verilog::Constant;
using verilog::Instance;
using verilog::Lines;
using verilog::Localparam;

// ---- constants of a matrix

std::string FabricMaker::Codebook(int64_t m) const {
  std::string name = MatrixName(m);
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 32) : c; });
  return name + "_CODEBOOK";
}

const char* FabricMaker::SixBit(int64_t m) const {
  return Matrix(m).shape.bits == 6 ? "1'b1" : "1'b0";
}

void FabricMaker::AddCodebooks() {
  Add(Comment{fmt::format("Codebooks: {} signed levels of 7 bits, that of code 0 last.",
                          geometry_.levels)});
  for (size_t m = 0; m < fabric_.matrices.size(); ++m) {
    const auto index = static_cast<int64_t>(m);
    if (fabric_.matrices[m].row_blocks == 0) continue;  // not of this tile
    const PackedMatrix& matrix = Weights(index);
    const int64_t used = matrix.shape.bits == 4 ? 16 : 8;
    std::vector<std::string> levels;
    for (int64_t level = geometry_.levels - 1; level >= 0; --level) {
      const int value = level < used ? matrix.codebook[static_cast<size_t>(level)] : 0;
      levels.push_back(fmt::format("{}7'sd{}", value < 0 ? "-" : "", value < 0 ? -value : value));
    }
    const auto half = levels.begin() + geometry_.levels / 2;
    Add(Localparam{7 * geometry_.levels, Codebook(index),
                   fmt::format("{{\n      {},\n      {}}}", Join({levels.begin(), half}, ", "),
                               Join({half, levels.end()}, ", "))});
  }
}

// ---- who uses a bank

std::vector<FabricMaker::PageUser> FabricMaker::UsersOf(int64_t bank) const {
  std::vector<PageUser> users;
  for (const PlacedBlock& block : fabric_.blocks) {
    if (block.bank != bank) continue;
    PageUser user{block.page, &block, {}};
    const int32_t select = plan_.vector_of[static_cast<size_t>(block.matrix)];
    if (select >= 0) {
      user.driver = DriverName(plan_.vectors[static_cast<size_t>(select)], block.row_block);
    }
    users.push_back(std::move(user));
  }
  return users;
}

// The driver signal of whichever page is open, zero when none is. `enable` null: the signal is zero
// by itself.
std::string FabricMaker::Open(const std::vector<PageUser>& users, const char* enable,
                              const char* signal, int64_t width) const {
  std::vector<std::string> terms;
  for (const PageUser& user : users) {
    if (user.driver.empty()) continue;
    const std::string value = DriverSignal(user, signal);
    terms.push_back(users.size() == 1 || enable == nullptr
                        ? value
                        : Masked(width, DriverSignal(user, enable), value));
  }
  return terms.empty() ? Constant(width, 0) : Any(terms);
}

// ---- ROMs

std::string FabricMaker::PageAddress(int64_t page, const std::string& low) const {
  if (geometry_.page_bits == 0) return low;
  return fmt::format("{{{}, {}}}", Constant(geometry_.page_bits, page), low);
}

// Enabled by the drivers of its pages, and by the reader of an embedding.
void FabricMaker::AddRom(const std::string& bank, const RomPort& port, const std::string& module,
                         const std::vector<PageUser>& users) {
  struct Access {
    std::string enable;   // the ROM answers
    std::string valid;    // the address counts
    std::string address;  // page and place in it
  };
  std::vector<Access> accesses;
  for (const PageUser& user : users) {
    if (!user.driver.empty()) {
      const std::string enable = DriverSignal(user, port.enable);
      accesses.push_back(
          {enable, enable, PageAddress(user.page, DriverSignal(user, port.address))});
    }
    if (user.block->matrix == 0 && plan_.embeds) {
      const std::string reader = ReaderName(user.block->row_block);
      accesses.push_back(
          {fmt::format("{}_row_valid & (embed_block_held == {})", reader,
                       Constant(16, user.block->column_block)),
           reader + "_row_valid",
           PageAddress(user.page, fmt::format("{}_{}", reader, port.reader_address))});
    }
  }
  std::vector<std::string> enables, addresses;
  for (const Access& access : accesses) {
    enables.push_back(access.enable);
    addresses.push_back(accesses.size() == 1 ? access.address
                                             : Masked(port.address_bits + geometry_.page_bits,
                                                      access.valid, access.address));
  }
  const std::string name = fmt::format("{}_{}", bank, port.kind);
  AddNet(port.width, name + "_word");
  Add(Instance{module,
               name,
               {},
               {{"clk", "clk"},
                {"enable", Any(enables)},
                {"address", Any(addresses)},
                {"word", name + "_word"}}});
}

// ---- banks

Status FabricMaker::AddBank(int64_t index) {
  const std::vector<PageUser> users = UsersOf(index);
  BURIN_CHECK(!users.empty());
  const std::string name = BankName(index);
  std::vector<const PlacedBlock*> pages(static_cast<size_t>(geometry_.fold), nullptr);
  std::vector<std::string> contents;
  for (const PageUser& user : users) {
    const PlacedBlock& block = *user.block;
    pages[static_cast<size_t>(user.page)] = &block;
    contents.push_back(fmt::format("{} row block {}, columns {} to {}",
                                   fabric_.plan.matrices[static_cast<size_t>(block.matrix)].name,
                                   block.row_block, block.column_begin, block.column_end - 1));
  }
  Add(Comment{fmt::format("Bank {}: {}", index, Join(contents, ";\n"))});
  BURIN_ASSIGN(const std::string codes,
               roms_.Add(CodeImage(fabric_, geometry_, pages), name + " codes"));
  BURIN_ASSIGN(const std::string scales,
               roms_.Add(ScaleImage(fabric_, geometry_, pages), name + " scales"));
  AddRom(name, {"code", "row_valid", "row", "row", geometry_.row_bits, geometry_.code_word}, codes,
         users);
  AddRom(name,
         {"scale", "scale_enable", "scale_address", "scale_address", geometry_.scale_bits,
          geometry_.scale_word},
         scales, users);
  const bool passes = std::any_of(users.begin(), users.end(),
                                  [](const PageUser& user) { return !user.driver.empty(); });
  if (passes) AddColumns(name, users);
  return {};
}

// The bank's multipliers, columns and scalers.
void FabricMaker::AddColumns(const std::string& bank, const std::vector<PageUser>& users) {
  std::string codebook = Codebook(users.front().block->matrix);
  std::string six_bit = SixBit(users.front().block->matrix);
  if (users.size() > 1) {
    AddPages(bank, users);
    codebook = bank + "_codebook";
    six_bit = bank + "_six_bit";
  }
  const auto number = static_cast<size_t>(users.front().block->bank);
  std::vector<std::string> collects;
  for (const PageUser& user : users) {
    if (user.driver.empty()) continue;
    collects.push_back(fmt::format("{}_collect & ({} == {})", MatrixName(user.block->matrix),
                                   collect_block_[number], Constant(16, user.block->column_block)));
  }
  AddNet(plan_.lanes * 32, bank + "_sums");
  Add(Instance{"burin_bank",
               bank,
               {{"COLUMNS", fmt::format("{}", geometry_.columns)},
                {"LEVELS", fmt::format("{}", geometry_.levels)},
                {"LANES", fmt::format("{}", plan_.lanes)},
                {"SCALERS", fmt::format("{}", geometry_.scalers)}},
               {{"clk", "clk"},
                {"reset", "reset"},
                {"x_valid", Open(users, nullptr, "row_valid", 1)},
                {"x", Open(users, "row_valid", "x", 8)},
                {"x_first", Open(users, "row_valid", "x_first", 1)},
                {"codebook", codebook},
                {"six_bit", six_bit},
                {"code_word", bank + "_code_word"},
                {"drain_load", Open(users, nullptr, "drain_load", 1)},
                {"walk_valid", Open(users, nullptr, "walk_valid", 1)},
                {"walk", Open(users, "walk_valid", "walk", RomStore::AddressBits(geometry_.walk))},
                {"walk_first", Open(users, "walk_valid", "walk_first", 1)},
                {"walk_shift", Open(users, "walk_valid", "walk_shift", 5)},
                {"scale_word", bank + "_scale_word"},
                {"collect", Any(collects)},
                {"collect_word", collect_word_[number]},
                {"sums", bank + "_sums"}}});
}

// Codebook and width of the open page: chosen by the driver that opens a word line, and held until
// another one does.
void FabricMaker::AddPages(const std::string& bank, const std::vector<PageUser>& users) {
  const auto count = static_cast<int64_t>(users.size());
  std::vector<std::string> opens, books, sixes;
  for (int64_t u = count - 1; u >= 0; --u) {
    const PageUser& user = users[static_cast<size_t>(u)];
    opens.push_back(user.driver.empty() ? "1'b0" : DriverSignal(user, "row_valid"));
  }
  for (int64_t u = 0; u < count; ++u) {
    const int64_t m = users[static_cast<size_t>(u)].block->matrix;
    const std::string open = fmt::format("{}_page[{}]", bank, u);
    books.push_back(Masked(7 * geometry_.levels, open, Codebook(m)));
    sixes.push_back(Masked(1, open, SixBit(m)));
  }
  AddNet(count, bank + "_open", Concatenation(opens));
  Add(
      Lines{fmt::format("  reg [{0}:0] {1}_held;\n"
                        "  always @(posedge clk) if (|{1}_open) {1}_held <= {1}_open;\n",
                        count - 1, bank)});
  AddNet(count, bank + "_page", fmt::format("|{0}_open ? {0}_open : {0}_held", bank));
  AddNet(7 * geometry_.levels, bank + "_codebook", Any(books));
  AddNet(1, bank + "_six_bit", Any(sixes));
}

}  // namespace burin
