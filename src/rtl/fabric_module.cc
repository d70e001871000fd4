#include "rtl/fabric_module.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/check.h"
#include "rtl/bank_rom.h"
#include "rtl/names.h"

namespace burin {
namespace {

using verilog::Binding;
using verilog::Comment;
using verilog::Constant;
using verilog::Direction;
using verilog::Instance;
using verilog::Lines;
using verilog::Net;
using verilog::Port;

// Outputs of a row driver (hw/README.md): name and width, in the order of its ports.
struct Signal {
  const char* name;
  int64_t width;
};

// Who opens a page of a bank: a driver with its prefix.
struct PageUser {
  int64_t page = 0;
  const PlacedBlock* block = nullptr;
  std::string driver;  // prefix of the driver's nets; empty: no pass uses the page
};

std::string Join(const std::vector<std::string>& terms, const char* separator) {
  std::string text;
  for (const std::string& term : terms) {
    if (!text.empty()) text += separator;
    text += term;
  }
  return text;
}

// `value` where `enable`, else zero.
std::string Masked(int64_t width, const std::string& enable, const std::string& value) {
  if (width == 1) return fmt::format("({} & {})", enable, value);
  return fmt::format("({{{}{{{}}}}} & {})", width, enable, value);
}

class FabricMaker {
 public:
  FabricMaker(const PlacedFabric& fabric, const EnginePlan& plan, RomStore& roms)
      : fabric_(fabric), plan_(plan), roms_(roms), geometry_(BankGeometry::Of(fabric)) {}

  Result<verilog::Module> Make() {
    module_.name = plan_.embeds ? "burin_fabric" : "burin_tile";
    module_.comment = fmt::format(
        "{} {} on chip {}: {} banks of {} word lines and {} columns,\n"
        "{} matrices. Emitted by burin rtl; every content is in the ROM modules.",
        plan_.embeds ? "The fabric of" : "A tile of", fabric_.plan.name, fabric_.chip.name,
        fabric_.banks, geometry_.rows * geometry_.fold, geometry_.columns,
        plan_.embeds ? static_cast<int64_t>(fabric_.matrices.size()) : Collected());
    module_.ports = {{Direction::kInput, 1, "clk"}, {Direction::kInput, 1, "reset"}};
    for (const Port& port : FabricPorts(fabric_, plan_.embeds)) module_.ports.push_back(port);
    AddDrivers();
    if (plan_.embeds) AddReaders();
    AddMatrixStrobes();
    for (int64_t bank = 0; bank < fabric_.banks; ++bank) BURIN_TRY(AddBank(bank));
    if (plan_.embeds) AddEmbeddingWords();
    AddTrees();
    return std::move(module_);
  }

 private:
  void Add(verilog::Item item) { module_.items.push_back(std::move(item)); }
  void AddNet(int64_t width, const std::string& name, const std::string& value = {}) {
    Add(Net{width, name, value});
  }

  const PlacedMatrix& Matrix(int64_t m) const { return fabric_.matrices[static_cast<size_t>(m)]; }
  const PackedMatrix& Weights(int64_t m) const {
    return *MatricesIn(*fabric_.plan.weights)[static_cast<size_t>(m)];
  }
  const PlacedBlock& Block(int64_t m, int64_t i, int64_t j) const {
    const PlacedMatrix& matrix = Matrix(m);
    return fabric_.blocks[static_cast<size_t>(matrix.first_block + j * matrix.row_blocks + i)];
  }
  static std::string DriverName(const ActivationVector& vector, int64_t row_block) {
    return fmt::format("{}_r{}", LegalName(vector.name), row_block);
  }
  static std::string BankName(int64_t bank) { return fmt::format("bank{}", bank); }
  static std::string MatrixName(int64_t m) { return fmt::format("m{}", m); }

  std::vector<Signal> DriverSignals() const {
    return {{"row_valid", 1},
            {"row", geometry_.row_bits},
            {"x", 8},
            {"x_first", 1},
            {"drain_load", 1},
            {"scale_enable", 1},
            {"scale_address", geometry_.scale_bits},
            {"walk_valid", 1},
            {"walk", RomStore::AddressBits(geometry_.walk)},
            {"walk_first", 1},
            {"walk_shift", 5}};
  }

  // Copies of a bus so that no copy has more than kBroadcastFanOut loads; returns the copy that
  // load `index` of `loads` takes. Trees deeper than one level get a level more.
  std::vector<std::string> Broadcast(const std::string& net, int64_t width, int64_t loads) {
    if (loads <= kBroadcastFanOut) {
      return std::vector<std::string>(static_cast<size_t>(loads), net);
    }
    const int64_t copies = (loads + kBroadcastFanOut - 1) / kBroadcastFanOut;
    const std::vector<std::string> sources = Broadcast(net, width, copies);
    std::vector<std::string> result;
    for (int64_t copy = 0; copy < copies; ++copy) {
      // Names say level and copy: x_of64_3 is copy 3 for 64 loads.
      const std::string name = fmt::format("{}_of{}_{}", net, loads, copy);
      AddNet(width, name);
      Add(Instance{"burin_repeater",
                   name + "_rep",
                   {{"WIDTH", fmt::format("{}", width)}},
                   {{"in", sources[static_cast<size_t>(copy)]}, {"out", name}}});
      const int64_t taken = std::min(kBroadcastFanOut, loads - copy * kBroadcastFanOut);
      result.insert(result.end(), static_cast<size_t>(taken), name);
    }
    return result;
  }

  // ---- drivers

  void AddDrivers() {
    int64_t drivers = 0;
    for (const ActivationVector& vector : plan_.vectors) drivers += RowBlocks(vector);
    Add(Comment{"Buses of the engine, for all row drivers."});
    std::vector<std::pair<std::string, std::vector<std::string>>> buses;
    for (const Port& port : FabricPorts(fabric_)) {
      const bool act = port.name.starts_with("act_") || port.name.starts_with("pass_");
      if (act) buses.emplace_back(port.name, Broadcast(port.name, port.width, drivers));
    }
    int64_t index = 0;
    for (size_t v = 0; v < plan_.vectors.size(); ++v) {
      const ActivationVector& vector = plan_.vectors[v];
      for (int64_t i = 0; i < RowBlocks(vector); ++i, ++index) {
        AddDriver(vector, static_cast<int64_t>(v), i, index, buses);
      }
    }
  }

  // Rows of row block i that hold something, up to whole groups.
  int64_t OpenedRows(int64_t inputs, int64_t i) const {
    const int64_t rest = inputs - i * geometry_.rows, group = fabric_.plan.group;
    return std::min(geometry_.rows, (rest + group - 1) / group * group);
  }

  int64_t RowBlocks(const ActivationVector& vector) const {
    return Matrix(vector.matrices.front()).row_blocks;
  }

  void AddDriver(const ActivationVector& vector, int64_t select, int64_t i, int64_t index,
                 const std::vector<std::pair<std::string, std::vector<std::string>>>& buses) {
    const std::string name = DriverName(vector, i);
    Add(Comment{fmt::format("Row block {} of {}: inputs {} to {}.", i, vector.name,
                            i * geometry_.rows,
                            std::min((i + 1) * geometry_.rows, vector.inputs) - 1)});
    Instance driver{"burin_row_driver",
                    name,
                    {{"ROWS", fmt::format("{}", geometry_.rows)},
                     {"GROUP", fmt::format("{}", fabric_.plan.group)},
                     {"LANES", fmt::format("{}", plan_.lanes)},
                     {"COLUMNS_PER_SCALER", fmt::format("{}", geometry_.walk)}},
                    {{"clk", "clk"},
                     {"reset", "reset"},
                     {"select_id", Constant(10, select)},
                     {"base_word", Constant(16, i * geometry_.rows / plan_.lanes)},
                     {"base_group", Constant(13, i * geometry_.groups)},
                     {"rows_used", Constant(16, OpenedRows(vector.inputs, i))}}};
    for (const auto& [port, copies] : buses) {
      driver.ports.push_back({port, copies[static_cast<size_t>(index)]});
    }
    int64_t loads = 0;
    for (const int32_t m : vector.matrices) loads += Matrix(m).column_blocks;
    for (const Signal& signal : DriverSignals()) {
      const std::string net = fmt::format("{}_{}", name, signal.name);
      AddNet(signal.width, net);
      driver.ports.push_back({signal.name, net});
    }
    Add(std::move(driver));
    for (const Signal& signal : DriverSignals()) {
      copies_[fmt::format("{}_{}", name, signal.name)] =
          Broadcast(fmt::format("{}_{}", name, signal.name), signal.width, loads);
    }
  }

  // The copy of a driver's output that a bank takes: banks of a row block in order of matrix and
  // column block.
  std::string DriverSignal(const PageUser& user, const char* signal) const {
    const PlacedBlock& block = *user.block;
    const int32_t select = plan_.vector_of[static_cast<size_t>(block.matrix)];
    int64_t index = block.column_block;
    for (const int32_t m : plan_.vectors[static_cast<size_t>(select)].matrices) {
      if (m == block.matrix) break;
      index += Matrix(m).column_blocks;
    }
    return copies_.at(fmt::format("{}_{}", user.driver, signal))[static_cast<size_t>(index)];
  }

  // ---- embedding

  static std::string ReaderName(int64_t row_block) { return fmt::format("embed_r{}", row_block); }

  void AddReaders() {
    Add(Comment{
        "Embedding: a reader for each row block, on the ROMs of the matrix. The column block\n"
        "of the token stays until the next one."});
    Add(
        Lines{"  reg [15:0] embed_block_held;\n"
              "  always @(posedge clk) if (embed_start) embed_block_held <= embed_block;\n"});
    std::vector<std::string> valids, indices, words;
    for (int64_t i = 0; i < Matrix(0).row_blocks; ++i) {
      const std::string name = ReaderName(i);
      AddReader(name, i);
      valids.push_back(name + "_word_valid");
      indices.push_back(name + "_word_index");
      words.push_back(name + "_word");
    }
    Add(verilog::Assign{"embed_valid", Join(valids, " | ")});
    Add(verilog::Assign{"embed_index", Join(indices, " | ")});
    Add(verilog::Assign{"embed_data", Join(words, " | ")});
  }

  void AddReader(const std::string& name, int64_t i) {
    const PlacedBlock& block = Block(0, i, 0);
    const auto outputs = std::vector<Signal>{
        {"row_valid", 1},  {"row", geometry_.row_bits}, {"scale_address", geometry_.scale_bits},
        {"word_valid", 1}, {"word_index", 16},          {"word", plan_.lanes * 32}};
    for (const Signal& signal : outputs) {
      AddNet(signal.width, fmt::format("{}_{}", name, signal.name));
    }
    AddNet(geometry_.code_word, name + "_code_word");
    AddNet(geometry_.scale_word, name + "_scale_word");
    Instance reader{"burin_embed_reader",
                    name,
                    {{"ROWS", fmt::format("{}", geometry_.rows)},
                     {"GROUP", fmt::format("{}", fabric_.plan.group)},
                     {"COLUMNS", fmt::format("{}", geometry_.columns)},
                     {"LEVELS", fmt::format("{}", geometry_.levels)},
                     {"LANES", fmt::format("{}", plan_.lanes)},
                     {"SCALERS", fmt::format("{}", geometry_.scalers)}},
                    {{"clk", "clk"},
                     {"reset", "reset"},
                     {"row_block", Constant(8, i)},
                     {"base_word", Constant(16, i * geometry_.rows / plan_.lanes)},
                     {"rows_used", Constant(16, block.row_end - block.row_begin)},
                     {"codebook", Codebook(0)},
                     {"six_bit", SixBit(0)},
                     {"embed_start", "embed_start"},
                     {"embed_column", "embed_column"},
                     {"embed_rows", "embed_rows"},
                     {"embed_exponent", "embed_exponent"},
                     {"code_word", name + "_code_word"},
                     {"scale_word", name + "_scale_word"}}};
    for (const Signal& signal : outputs) {
      reader.ports.push_back({signal.name, fmt::format("{}_{}", name, signal.name)});
    }
    Add(std::move(reader));
  }

  // To each reader the words of the token's column block, in the cycle behind its read.
  void AddEmbeddingWords() {
    Add(Comment{"Words of the token's column block, for the readers of the embedding."});
    for (int64_t i = 0; i < Matrix(0).row_blocks; ++i) {
      const std::string name = ReaderName(i);
      std::vector<std::string> codes, scales;
      for (int64_t j = 0; j < Matrix(0).column_blocks; ++j) {
        const std::string bank = BankName(Block(0, i, j).bank);
        const std::string here = fmt::format("(embed_block_held == {})", Constant(16, j));
        codes.push_back(Masked(geometry_.code_word, here, bank + "_code_word"));
        scales.push_back(Masked(geometry_.scale_word, here, bank + "_scale_word"));
      }
      Add(
          Lines{fmt::format("  reg {}_read;\n"
                            "  always @(posedge clk) {}_read <= {}_row_valid & ~reset;\n",
                            name, name, name)});
      const auto select = [&](int64_t width, const std::vector<std::string>& terms) {
        return fmt::format("{}_read ? ({}) : {{{}{{1'b0}}}}", name, Join(terms, " |\n      "),
                           width);
      };
      Add(verilog::Assign{name + "_code_word", select(geometry_.code_word, codes)});
      Add(verilog::Assign{name + "_scale_word", select(geometry_.scale_word, scales)});
    }
  }

  // ---- banks

  std::string Codebook(int64_t m) const {
    const PackedMatrix& matrix = Weights(m);
    std::vector<std::string> entries;
    const int64_t used = matrix.shape.bits == 4 ? 16 : 8;
    for (int64_t level = geometry_.levels - 1; level >= 0; --level) {
      entries.push_back(
          Constant(7, level < used ? matrix.codebook[static_cast<size_t>(level)] : 0));
    }
    return "{" + Join(entries, ", ") + "}";
  }
  std::string SixBit(int64_t m) const { return Matrix(m).shape.bits == 6 ? "1'b1" : "1'b0"; }

  std::vector<PageUser> UsersOf(int64_t bank) const {
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

  std::string PageAddress(int64_t page, const std::string& low) const {
    if (geometry_.page_bits == 0) return low;
    return fmt::format("{{{}, {}}}", Constant(geometry_.page_bits, page), low);
  }

  // The driver signal of whichever page is open, zero when none is.
  std::string Open(const std::vector<PageUser>& users, const char* enable, const char* signal,
                   int64_t width) const {
    std::vector<std::string> terms;
    for (const PageUser& user : users) {
      if (user.driver.empty()) continue;
      const std::string value = DriverSignal(user, signal);
      terms.push_back(users.size() == 1 || enable == nullptr
                          ? value
                          : Masked(width, DriverSignal(user, enable), value));
    }
    return terms.empty() ? Constant(width, 0) : Join(terms, " | ");
  }

  // Enable and address of one of the bank's ROMs: of the pages' drivers and of the embedding.
  void AddRom(const std::string& bank, const char* kind, const std::string& module,
              const std::vector<PageUser>& users, const char* enable, const char* address,
              int64_t address_bits, int64_t width) {
    const int64_t bits = address_bits + geometry_.page_bits;
    std::vector<std::string> enables, addresses;
    for (const PageUser& user : users) {
      if (!user.driver.empty()) {
        enables.push_back(DriverSignal(user, enable));
        addresses.push_back(
            Masked(bits, enables.back(), PageAddress(user.page, DriverSignal(user, address))));
      }
      if (user.block->matrix == 0 && plan_.embeds) {
        const std::string reader = ReaderName(user.block->row_block);
        const std::string low =
            fmt::format("{}_{}", reader,
                        address_bits == geometry_.row_bits && std::string_view(address) == "row"
                            ? "row"
                            : "scale_address");
        enables.push_back(fmt::format("({}_row_valid & (embed_block_held == {}))", reader,
                                      Constant(16, user.block->column_block)));
        addresses.push_back(Masked(bits, reader + "_row_valid", PageAddress(user.page, low)));
      }
    }
    const std::string name = fmt::format("{}_{}", bank, kind);
    if (addresses.size() == 1) {
      // One user: its address needs no mask.
      addresses.front() = addresses.front().substr(addresses.front().find("& ") + 2);
      addresses.front().pop_back();
    }
    AddNet(width, name + "_word");
    Add(Instance{module,
                 name,
                 {},
                 {{"clk", "clk"},
                  {"enable", Join(enables, " | ")},
                  {"address", Join(addresses, " | ")},
                  {"word", name + "_word"}}});
  }

  Status AddBank(int64_t index) {
    const std::vector<PageUser> users = UsersOf(index);
    BURIN_CHECK(!users.empty());
    const std::string name = BankName(index);
    std::vector<const PlacedBlock*> pages(static_cast<size_t>(geometry_.fold), nullptr);
    std::vector<std::string> contents;
    for (const PageUser& user : users) {
      pages[static_cast<size_t>(user.page)] = user.block;
      contents.push_back(
          fmt::format("{} row block {}, columns {} to {}",
                      fabric_.plan.matrices[static_cast<size_t>(user.block->matrix)].name,
                      user.block->row_block, user.block->column_begin, user.block->column_end - 1));
    }
    Add(Comment{"Bank " + std::to_string(index) + ": " + Join(contents, ";\n")});
    BURIN_ASSIGN(const std::string codes,
                 roms_.Add(CodeImage(fabric_, geometry_, pages), name + " codes"));
    BURIN_ASSIGN(const std::string scales,
                 roms_.Add(ScaleImage(fabric_, geometry_, pages), name + " scales"));
    AddRom(name, "code", codes, users, "row_valid", "row", geometry_.row_bits, geometry_.code_word);
    AddRom(name, "scale", scales, users, "scale_enable", "scale_address", geometry_.scale_bits,
           geometry_.scale_word);
    const bool passes = std::any_of(users.begin(), users.end(),
                                    [](const PageUser& user) { return !user.driver.empty(); });
    if (passes) AddColumns(name, users);
    return {};
  }

  // The bank's multipliers, columns and scalers.
  void AddColumns(const std::string& name, const std::vector<PageUser>& users) {
    std::string codebook = Codebook(users.front().block->matrix);
    std::string six_bit = SixBit(users.front().block->matrix);
    if (users.size() > 1) {
      codebook = Pages(name, users);
      six_bit = name + "_six_bit";
    }
    std::vector<std::string> collects;
    for (const PageUser& user : users) {
      if (user.driver.empty()) continue;
      const auto bank = static_cast<size_t>(user.block->bank);
      collects.push_back(fmt::format("({}_collect & ({} == {}))", MatrixName(user.block->matrix),
                                     collect_block_[bank], Constant(16, user.block->column_block)));
    }
    const int64_t w = plan_.lanes;
    AddNet(w * 32, name + "_sums");
    Instance bank{
        "burin_bank",
        name,
        {{"COLUMNS", fmt::format("{}", geometry_.columns)},
         {"LEVELS", fmt::format("{}", geometry_.levels)},
         {"LANES", fmt::format("{}", w)},
         {"SCALERS", fmt::format("{}", geometry_.scalers)}},
        {{"clk", "clk"},
         {"reset", "reset"},
         {"x_valid", Open(users, nullptr, "row_valid", 1)},
         {"x", Open(users, "row_valid", "x", 8)},
         {"x_first", Open(users, "row_valid", "x_first", 1)},
         {"codebook", codebook},
         {"six_bit", six_bit},
         {"code_word", name + "_code_word"},
         {"drain_load", Open(users, nullptr, "drain_load", 1)},
         {"walk_valid", Open(users, nullptr, "walk_valid", 1)},
         {"walk", Open(users, "walk_valid", "walk", RomStore::AddressBits(geometry_.walk))},
         {"walk_first", Open(users, "walk_valid", "walk_first", 1)},
         {"walk_shift", Open(users, "walk_valid", "walk_shift", 5)},
         {"scale_word", name + "_scale_word"},
         {"collect", Join(collects, " | ")},
         {"collect_word", collect_word_[static_cast<size_t>(users.front().block->bank)]},
         {"sums", name + "_sums"}}};
    Add(std::move(bank));
  }

  // Codebook and width of the open page: chosen by the driver that opens a word line, and held
  // until another one does. Returns the codebook's name.
  std::string Pages(const std::string& name, const std::vector<PageUser>& users) {
    const auto count = static_cast<int64_t>(users.size());
    std::vector<std::string> opens, books, sixes;
    for (int64_t u = count - 1; u >= 0; --u) {
      const PageUser& user = users[static_cast<size_t>(u)];
      opens.push_back(user.driver.empty() ? "1'b0" : DriverSignal(user, "row_valid"));
    }
    for (int64_t u = 0; u < count; ++u) {
      const int64_t m = users[static_cast<size_t>(u)].block->matrix;
      const std::string open = fmt::format("{}_page[{}]", name, u);
      books.push_back(Masked(7 * geometry_.levels, open, Codebook(m)));
      sixes.push_back(fmt::format("({} & {})", open, SixBit(m)));
    }
    AddNet(count, name + "_open", "{" + Join(opens, ", ") + "}");
    Add(
        Lines{fmt::format("  reg [{}:0] {}_held;\n"
                          "  always @(posedge clk) if (|{}_open) {}_held <= {}_open;\n",
                          count - 1, name, name, name, name)});
    AddNet(count, name + "_page", fmt::format("|{}_open ? {}_open : {}_held", name, name, name));
    AddNet(7 * geometry_.levels, name + "_codebook", Join(books, " |\n      "));
    AddNet(1, name + "_six_bit", Join(sixes, " | "));
    return name + "_codebook";
  }

  // ---- collecting

  void AddMatrixStrobes() {
    Add(Comment{"The matrix that is collected, and a cycle later its sums."});
    const auto collect = Broadcast("collect", 1, Collected());
    const auto collect_matrix = Broadcast("collect_matrix", 12, Collected());
    collect_block_ = Broadcast("collect_block", 16, fabric_.banks);
    const int64_t word_bits = RomStore::AddressBits(geometry_.columns / plan_.lanes);
    AddNet(word_bits, "collect_word_low", fmt::format("collect_word[{}:0]", word_bits - 1));
    collect_word_ = Broadcast("collect_word_low", word_bits, fabric_.banks);
    size_t load = 0;
    for (size_t m = 0; m < fabric_.matrices.size(); ++m) {
      if (plan_.vector_of[m] < 0) continue;
      const std::string name = MatrixName(static_cast<int64_t>(m));
      AddNet(1, name + "_collect",
             fmt::format("{} & ({} == {})", collect[load], collect_matrix[load],
                         Constant(12, static_cast<int64_t>(m))));
      Add(
          Lines{fmt::format("  reg {}_sums_valid;\n"
                            "  always @(posedge clk) {}_sums_valid <= {}_collect & ~reset;\n",
                            name, name, name)});
      ++load;
    }
  }

  // Matrices whose sums are collected: all but an embedding that is no head.
  int64_t Collected() const {
    return std::count_if(plan_.vector_of.begin(), plan_.vector_of.end(),
                         [](int32_t vector) { return vector >= 0; });
  }

  void AddTrees() {
    std::vector<std::string> valids, sums;
    for (size_t m = 0; m < fabric_.matrices.size(); ++m) {
      if (plan_.vector_of[m] < 0) continue;
      AddTree(static_cast<int64_t>(m));
      valids.push_back(MatrixName(static_cast<int64_t>(m)) + "_raw_valid");
      sums.push_back(MatrixName(static_cast<int64_t>(m)) + "_raw");
    }
    Add(verilog::Assign{"raw_valid", Join(valids, " |\n      ")});
    Add(verilog::Assign{"raw", Join(sums, " |\n      ")});
  }

  void AddTree(int64_t m) {
    const PlacedMatrix& matrix = Matrix(m);
    const int64_t width = plan_.lanes * 32;
    const std::string name = MatrixName(m);
    Add(Comment{
        fmt::format("Adder tree of {}.", fabric_.plan.matrices[static_cast<size_t>(m)].name)});
    std::vector<std::string> leaves;
    for (int64_t i = matrix.row_blocks - 1; i >= 0; --i) {
      std::vector<std::string> banks;
      for (int64_t j = 0; j < matrix.column_blocks; ++j) {
        banks.push_back(BankName(Block(m, i, j).bank) + "_sums");
      }
      const std::string leaf = fmt::format("{}_leaf{}", name, i);
      AddNet(width, leaf,
             fmt::format("{}_sums_valid ? ({}) : {{{}{{1'b0}}}}", name, Join(banks, " |\n      "),
                         width));
      leaves.push_back(leaf);
    }
    AddNet(1, name + "_raw_valid");
    AddNet(width, name + "_raw");
    Add(Instance{"burin_adder_tree",
                 name + "_tree",
                 {{"LANES", fmt::format("{}", plan_.lanes)},
                  {"LEAVES", fmt::format("{}", matrix.row_blocks)}},
                 {{"clk", "clk"},
                  {"reset", "reset"},
                  {"in_valid", name + "_sums_valid"},
                  {"in_sums", leaves.size() == 1 ? leaves.front() : "{" + Join(leaves, ", ") + "}"},
                  {"out_valid", name + "_raw_valid"},
                  {"out_sums", name + "_raw"}}});
  }

  const PlacedFabric& fabric_;
  const EnginePlan& plan_;
  RomStore& roms_;
  const BankGeometry geometry_;
  verilog::Module module_;
  std::map<std::string, std::vector<std::string>> copies_;  // of each driver output, by bank
  std::vector<std::string> collect_block_, collect_word_;   // the copy of each bank
};

}  // namespace

std::vector<Port> FabricPorts(const PlacedFabric& fabric, bool embeds) {
  const int64_t w = fabric.chip.vector_lanes;
  const auto in = Direction::kInput, out = Direction::kOutput;
  std::vector<Port> ports = {
      {in, 1, "act_valid"},      {in, 10, "act_select"},   {in, 16, "act_word"},
      {in, w * 8, "act_data"},   {in, 1, "act_exp_valid"}, {in, 13, "act_group"},
      {in, 8, "act_exp"},        {in, 1, "act_commit"},    {in, 8, "act_common"},
      {in, 5, "act_drop"},       {in, 1, "pass_start"},    {in, 10, "pass_select"},
      {in, 16, "pass_rows"},     {in, 1, "collect"},       {in, 12, "collect_matrix"},
      {in, 16, "collect_block"}, {in, 16, "collect_word"}, {out, 1, "raw_valid"},
      {out, w * 32, "raw"}};
  if (!embeds) return ports;
  ports.insert(ports.end(), {{in, 1, "embed_start"},
                             {in, 16, "embed_block"},
                             {in, 16, "embed_column"},
                             {in, 16, "embed_rows"},
                             {in, 8, "embed_exponent"},
                             {out, 1, "embed_valid"},
                             {out, 16, "embed_index"},
                             {out, w * 32, "embed_data"}});
  return ports;
}

Result<verilog::Module> MakeFabric(const PlacedFabric& fabric, const EnginePlan& plan,
                                   RomStore& roms) {
  return FabricMaker(fabric, plan, roms).Make();
}

}  // namespace burin
