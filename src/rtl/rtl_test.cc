#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/output_folder.h"
#include "rtl/expression.h"
#include "rtl/names.h"
#include "rtl/rom.h"
#include "rtl/verilog.h"

namespace burin {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

fs::path FreshPath(const std::string& name) {
  const fs::path path = fs::path(testing::TempDir()) / ("burin_rtl_" + name);
  fs::remove_all(path);
  return path;
}

TEST(NamesTest, LegalNamesAreIdentifiers) {
  EXPECT_EQ(LegalName("model.layers.3.mlp.down_proj"), "model_layers_3_mlp_down_proj");
  EXPECT_EQ(LegalName("3bit"), "n3bit");
  EXPECT_EQ(LegalName("a--b__c_"), "a_b_c");
  EXPECT_EQ(LegalName("program"), "program_x");
  EXPECT_EQ(LegalName("\xc3\xa9"), "n");
}

TEST(NamesTest, ScopeMakesNamesUnique) {
  NameScope scope;
  EXPECT_EQ(scope.Unique("a.b"), "a_b");
  EXPECT_EQ(scope.Unique("a-b"), "a_b_2");
  EXPECT_EQ(scope.Unique("a_b"), "a_b_3");
}

TEST(VerilogTest, PrintsPortsNetsAndInstances) {
  verilog::Module module;
  module.name = "m";
  module.comment = "One.\nTwo.";
  module.ports = {{verilog::Direction::kInput, 1, "clk"}, {verilog::Direction::kOutput, 8, "y"}};
  module.items = {verilog::Net{8, "n", {}},
                  verilog::Instance{"leaf", "i", {{"W", "8"}}, {{"clk", "clk"}, {"q", "n"}}},
                  verilog::Assign{"y", "n"}};
  EXPECT_EQ(verilog::Print(module),
            "// One.\n// Two.\nmodule m (\n  input  wire clk,\n  output wire [7:0] y\n);\n"
            "  wire [7:0] n;\n  leaf #(.W(8)) i (.clk(clk), .q(n));\n  assign y = n;\nendmodule\n");
  module.ports[1].comment = "Out.";
  module.items = {
      verilog::Localparam{8, "K", "8'd3"},
      verilog::Instance{"leaf", std::string(90, 'i'), {{"W", "8"}}, {{"clk", "clk"}, {"q", "y"}}}};
  EXPECT_EQ(
      verilog::Print(module),
      "// One.\n// Two.\nmodule m (\n  input  wire clk,\n  // Out.\n  output wire [7:0] y\n);\n"
      "  localparam [7:0] K = 8'd3;\n  leaf #(\n      .W (8)\n  ) " +
          std::string(90, 'i') + " (\n      .clk (clk),\n      .q   (y)\n  );\nendmodule\n");
}

TEST(ExpressionTest, TermsThatAreExpressionsStandInParentheses) {
  EXPECT_EQ(Any({"a"}), "a");
  EXPECT_EQ(Any({"a & b"}), "a & b");
  EXPECT_EQ(Any({"a & b", "c"}), "(a & b) | c");
  EXPECT_EQ(Any({"{2'd1, a}", "x[3:0]"}), "{2'd1, a} | x[3:0]");
  EXPECT_EQ(Concatenation({"a"}), "a");
  EXPECT_EQ(Concatenation({"a", "b"}), "{a, b}");
  EXPECT_EQ(Concatenation({std::string(60, 'a'), std::string(60, 'b')}),
            "{\n      " + std::string(60, 'a') + ",\n      " + std::string(60, 'b') + "}");
  EXPECT_EQ(Masked(1, "e == 1'b1", "v"), "(e == 1'b1) & v");
  EXPECT_EQ(Masked(4, "e == 1'b1", "v"), "{4{e == 1'b1}} & v");
  EXPECT_EQ(When("e", 2, {"a"}), "e ? a : {2{1'b0}}");
  EXPECT_EQ(When("e", 2, {"a", "b"}), "e ? (a | b) : {2{1'b0}}");
}

TEST(VerilogTest, ConstantsAreTwosComplement) {
  EXPECT_EQ(verilog::Constant(7, -1), "7'd127");
  EXPECT_EQ(verilog::Constant(64, -1), "64'd18446744073709551615");
  EXPECT_EQ(verilog::Slice("v", 2, 8), "v[23:16]");
}

TEST(RomTest, FieldsLieWhereTheyWereSet) {
  RomImage image(2, 20);
  image.Set(0, 0, 4, 0xA);
  image.Set(0, 4, 16, 0x1234);
  image.Set(1, 3, 9, -1);
  EXPECT_EQ(image.ToHex(), "1234a\n00ff8\n");
  image.Set(1, 3, 9, 0);
  EXPECT_EQ(image.ToHex(), "1234a\n00000\n");
}

TEST(RomTest, EqualContentsAreOneModule) {
  auto folder = OutputFolder::Create(FreshPath("store"), "mark", false);
  ASSERT_TRUE(folder);
  RomStore store(*folder);
  RomImage a(4, 8), b(4, 8), c(4, 9);
  a.Set(1, 0, 8, 5);
  b.Set(1, 0, 8, 5);
  c.Set(1, 0, 8, 5);
  EXPECT_EQ(*store.Add(a, "a"), *store.Add(b, "b"));
  EXPECT_NE(*store.Add(a, "a"), *store.Add(c, "c"));
  EXPECT_EQ(store.modules(), 2);
  EXPECT_EQ(store.bits(), 4u * 8 + 4 * 9);
}

}  // namespace
}  // namespace burin
