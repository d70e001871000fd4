#include "rtl/fabric_module.h"

#include <fmt/format.h>

#include "rtl/fabric_maker.h"
#include "rtl/names.h"

namespace burin {

using verilog::Direction;
using verilog::Port;

namespace {

// "l3_q_proj", "lm_head", "embed_tokens": unique in the module.
std::vector<std::string> MatrixNames(const ModelPlan& plan) {
  NameScope scope;
  std::vector<std::string> names;
  for (const MatrixEntry& entry : plan.matrices) {
    const std::string last = entry.name.substr(entry.name.rfind('.') + 1);
    names.push_back(
        scope.Unique(entry.layer < 0 ? last : fmt::format("l{}_{}", entry.layer, last)));
  }
  return names;
}

}  // namespace

FabricMaker::FabricMaker(const PlacedFabric& fabric, const EnginePlan& plan, RomStore& roms)
    : fabric_(fabric),
      plan_(plan),
      roms_(roms),
      geometry_(BankGeometry::Of(fabric)),
      names_(MatrixNames(fabric.plan)) {}

const PlacedBlock& FabricMaker::Block(int64_t m, int64_t row_block, int64_t column_block) const {
  const PlacedMatrix& matrix = Matrix(m);
  return fabric_.blocks[static_cast<size_t>(matrix.first_block + column_block * matrix.row_blocks +
                                            row_block)];
}

std::string FabricMaker::DriverName(const ActivationVector& vector, int64_t row_block) {
  return fmt::format("{}_r{}", LegalName(vector.name), row_block);
}
std::string FabricMaker::BankName(int64_t bank) { return fmt::format("bank{}", bank); }
std::string FabricMaker::ReaderName(int64_t row_block) {
  return fmt::format("embed_r{}", row_block);
}

Result<verilog::Module> FabricMaker::Make() {
  module_.name = plan_.embeds ? "burin_fabric" : "burin_tile";
  const std::string matrices =
      plan_.embeds ? fmt::format("{} matrices", fabric_.matrices.size())
                   : fabric_.plan.matrices[static_cast<size_t>(fabric_.blocks[0].matrix)].name;
  module_.comment = fmt::format(
      "{} {} on chip {}: {} banks of {} word lines and {} columns,\n"
      "{}. Emitted by burin rtl; weights and scales are in the ROM modules.\n"
      "Cartridge {}\n"
      "Nets: lL_MATRIX of a matrix of layer L, lL_VECTOR_rI of the driver of row block I of what\n"
      "enters it, bankB of a bank; NET_ofN_I is copy I of a net for N loads.",
      plan_.embeds ? "The fabric of" : "A tile of", fabric_.plan.name, fabric_.chip.name,
      fabric_.banks, geometry_.rows * geometry_.fold, geometry_.columns, matrices,
      ToHex(fabric_.plan.weights->digest));
  module_.ports = {{Direction::kInput, 1, "clk"}, {Direction::kInput, 1, "reset"}};
  for (const Port& port : FabricPorts(fabric_, plan_.embeds)) module_.ports.push_back(port);
  AddCodebooks();
  AddDrivers();
  if (plan_.embeds) AddReaders();
  AddMatrixStrobes();
  for (int64_t bank = 0; bank < fabric_.banks; ++bank) BURIN_TRY(AddBank(bank));
  if (plan_.embeds) AddEmbeddingWords();
  AddTrees();
  return std::move(module_);
}

std::vector<Port> FabricPorts(const PlacedFabric& fabric, bool embeds) {
  const int64_t w = fabric.chip.vector_lanes;
  const auto in = Direction::kInput, out = Direction::kOutput;
  std::vector<Port> ports = {
      {in, 1, "act_valid", "Activation bus, to the row drivers: a word of mantissas"},
      {in, 10, "act_select"},
      {in, 16, "act_word"},
      {in, w * 8, "act_data"},
      {in, 1, "act_exp_valid", "The exponent of a group"},
      {in, 13, "act_group"},
      {in, 8, "act_exp"},
      {in, 1, "act_commit", "The vector is whole"},
      {in, 8, "act_common"},
      {in, 5, "act_drop"},
      {in, 1, "pass_start", "Pass: open the word lines"},
      {in, 10, "pass_select"},
      {in, 16, "pass_rows"},
      {in, 1, "collect", "Collect: a word of column sums, and where it comes back"},
      {in, 12, "collect_matrix"},
      {in, 16, "collect_block"},
      {in, 16, "collect_word"},
      {out, 1, "raw_valid"},
      {out, w * 32, "raw"}};
  if (!embeds) return ports;
  ports.insert(ports.end(), {{in, 1, "embed_start", "Embedding: read a column, and its words"},
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
