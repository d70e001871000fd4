#include <fmt/format.h>

#include "rtl/expression.h"
#include "rtl/fabric_maker.h"

namespace burin {

using verilog::Assign;
using verilog::Comment;
using verilog::Constant;
using verilog::Instance;
using verilog::Lines;

void FabricMaker::AddReaders() {
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
  Add(Assign{"embed_valid", Any(valids)});
  Add(Assign{"embed_index", Any(indices)});
  Add(Assign{"embed_data", Any(words)});
}

void FabricMaker::AddReader(const std::string& name, int64_t row_block) {
  const PlacedBlock& block = Block(0, row_block, 0);
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
                   {"row_block", Constant(8, row_block)},
                   {"base_word", Constant(16, row_block * geometry_.rows / plan_.lanes)},
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
void FabricMaker::AddEmbeddingWords() {
  Add(Comment{"Words of the token's column block, for the readers of the embedding."});
  for (int64_t i = 0; i < Matrix(0).row_blocks; ++i) {
    const std::string name = ReaderName(i);
    std::vector<std::string> codes, scales;
    for (int64_t j = 0; j < Matrix(0).column_blocks; ++j) {
      const std::string bank = BankName(Block(0, i, j).bank);
      const std::string here = fmt::format("embed_block_held == {}", Constant(16, j));
      codes.push_back(Masked(geometry_.code_word, here, bank + "_code_word"));
      scales.push_back(Masked(geometry_.scale_word, here, bank + "_scale_word"));
    }
    Add(
        Lines{fmt::format("  reg {0}_read;\n"
                          "  always @(posedge clk) {0}_read <= {0}_row_valid & ~reset;\n",
                          name)});
    Add(Assign{name + "_code_word", When(name + "_read", geometry_.code_word, codes)});
    Add(Assign{name + "_scale_word", When(name + "_read", geometry_.scale_word, scales)});
  }
}

}  // namespace burin
