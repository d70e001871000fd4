// What the tests of hw/ need from src/numeric as text:
//   hw_tool tables                  hw/burin_tables.sv, the constant tables of the contract
//   (docs/numerics.md, section 5) hw_tool norm HIDDEN HEAD_DIM    verilator's arguments for the
//   norm constants of engine_bench
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include "numeric/tables.h"
#include "numeric/vector_ops.h"

namespace {

void PrintTable(const char* name, const char* formula, std::span<const int32_t> entries, int bits,
                int index_bits, bool pair) {
  std::printf(
      "\n// %s\nmodule burin_table_%s (\n    input wire logic clk,\n    input wire logic enable,\n",
      formula, name);
  std::printf("    input wire logic [%d:0] index,\n    output logic [%d:0] entry%s\n",
              index_bits - 1, bits - 1, pair ? "," : "");
  if (pair) std::printf("    output logic [%d:0] next  // entry index + 1\n", bits - 1);
  std::printf(");\n  logic [%d:0] rom[0:%d];\n  initial begin\n", bits - 1,
              static_cast<int>(entries.size()) - 1);
  for (size_t i = 0; i < entries.size(); ++i) {
    std::printf("%srom[%zu] = %d'd%d;%s", i % 6 == 0 ? "    " : " ", i, bits, entries[i],
                i % 6 == 5 || i + 1 == entries.size() ? "\n" : "");
  }
  std::printf("  end\n  always_ff @(posedge clk) begin\n    if (enable) begin\n");
  if (pair) std::printf("      entry <= rom[%d'(index)];\n", index_bits + 1);
  if (!pair) std::printf("      entry <= rom[index];\n");
  if (pair) std::printf("      next <= rom[%d'(index) + %d'd1];\n", index_bits + 1, index_bits + 1);
  std::printf("    end\n  end\nendmodule\n");
}

void PrintTables() {
  const burin::Tables& t = burin::ContractTables();
  std::printf(
      "// Constant tables of the contract (docs/numerics.md, section 5), printed by "
      "hw/test/hw_tool.cc from\n"
      "// src/numeric/tables.cc: do not edit. An entry is there in the cycle behind `enable`.\n"
      "`default_nettype none\n");
  PrintTable("exp2", "2^15 * 2^(-i / 256), i = 0 .. 256", t.exp2, 16, 8, true);
  PrintTable("sigmoid", "2^16 / (1 + exp(-i / 32)), i = 0 .. 512", t.sigmoid, 17, 9, true);
  PrintTable("rsqrt", "2^15 / sqrt((i + 64.5) / 256), i = 0 .. 191", t.rsqrt, 16, 8, false);
  PrintTable("reciprocal", "2^15 / ((i + 128.5) / 256), i = 0 .. 127", t.reciprocal, 16, 7, false);
  std::printf("\n`default_nettype wire\n");
}

void PrintNorm(const char* name, int64_t width, int fraction) {
  const burin::RmsNormConstants c = burin::MakeRmsNormConstants(width, 1e-5, fraction);
  std::printf("-G%s_ROOT=%d -G%s_ROOT_EXPONENT=%d -G%s_EPSILON=63'd%llu\n", name, c.root, name,
              c.root_exponent, name, static_cast<unsigned long long>(c.epsilon));
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count > 1 ? arguments[1] : "";
  if (what == "tables" && count == 2) {
    PrintTables();
  } else if (what == "norm" && count == 4) {
    PrintNorm("HIDDEN", std::atoi(arguments[2]), 20);
    PrintNorm("HEAD", std::atoi(arguments[3]), 16);
  } else {
    std::fprintf(stderr, "usage: hw_tool tables | hw_tool norm HIDDEN HEAD_DIM\n");
    return 2;
  }
}
