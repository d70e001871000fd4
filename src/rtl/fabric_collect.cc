#include <fmt/format.h>

#include <algorithm>

#include "rtl/expression.h"
#include "rtl/fabric_maker.h"

namespace burin {

using verilog::Assign;
using verilog::Comment;
using verilog::Constant;
using verilog::Instance;
using verilog::Lines;

// Matrices whose sums are collected: all but an embedding that is no head.
int64_t FabricMaker::Collected() const {
  return std::count_if(plan_.vector_of.begin(), plan_.vector_of.end(),
                       [](int32_t vector) { return vector >= 0; });
}

void FabricMaker::AddMatrixStrobes() {
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
    const std::string& name = MatrixName(static_cast<int64_t>(m));
    AddNet(1, name + "_collect",
           fmt::format("{} & ({} == {})", collect[load], collect_matrix[load],
                       Constant(12, static_cast<int64_t>(m))));
    Add(
        Lines{fmt::format("  reg {0}_sums_valid;\n"
                          "  always @(posedge clk) {0}_sums_valid <= {0}_collect & ~reset;\n",
                          name)});
    ++load;
  }
}

void FabricMaker::AddTrees() {
  std::vector<std::string> valids, sums;
  for (size_t m = 0; m < fabric_.matrices.size(); ++m) {
    if (plan_.vector_of[m] < 0) continue;
    AddTree(static_cast<int64_t>(m));
    valids.push_back(MatrixName(static_cast<int64_t>(m)) + "_raw_valid");
    sums.push_back(MatrixName(static_cast<int64_t>(m)) + "_raw");
  }
  Add(Comment{"The word that leaves whichever tree has one."});
  Add(Assign{"raw_valid", Any(valids)});
  Add(Assign{"raw", Any(sums)});
}

// Whether a bank gives sums to several matrices. What it gives is zero unless it is collected, so
// the trees of others hide nothing else.
bool FabricMaker::IsShared(int64_t bank) const {
  const std::vector<PageUser> users = UsersOf(bank);
  return std::any_of(users.begin(), users.end(), [&](const PageUser& user) {
    return user.block->matrix != users.front().block->matrix;
  });
}

void FabricMaker::AddTree(int64_t m) {
  const PlacedMatrix& matrix = Matrix(m);
  const int64_t width = plan_.lanes * 32;
  const std::string& name = MatrixName(m);
  Add(Comment{
      fmt::format("Adder tree of {}.", fabric_.plan.matrices[static_cast<size_t>(m)].name)});
  std::vector<std::string> leaves;
  for (int64_t i = matrix.row_blocks - 1; i >= 0; --i) {
    std::vector<std::string> banks;
    bool shared = false;
    for (int64_t j = 0; j < matrix.column_blocks; ++j) {
      const int64_t bank = Block(m, i, j).bank;
      banks.push_back(BankName(bank) + "_sums");
      shared = shared || IsShared(bank);
    }
    const std::string leaf = fmt::format("{}_leaf{}", name, i);
    AddNet(width, leaf, shared ? When(name + "_sums_valid", width, banks) : Any(banks));
    leaves.push_back(leaf);
  }
  AddNet(1, name + "_raw_valid");
  AddNet(width, name + "_raw");
  Add(Instance{
      "burin_adder_tree",
      name + "_tree",
      {{"LANES", fmt::format("{}", plan_.lanes)}, {"LEAVES", fmt::format("{}", matrix.row_blocks)}},
      {{"clk", "clk"},
       {"reset", "reset"},
       {"in_valid", name + "_sums_valid"},
       {"in_sums", Concatenation(leaves)},
       {"out_valid", name + "_raw_valid"},
       {"out_sums", name + "_raw"}}});
}

}  // namespace burin
