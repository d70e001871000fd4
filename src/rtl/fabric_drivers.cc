#include <fmt/format.h>

#include <algorithm>

#include "rtl/fabric_maker.h"
#include "rtl/fabric_module.h"

namespace burin {

using verilog::Comment;
using verilog::Constant;
using verilog::Instance;
using verilog::Port;

// Copies of a bus so that no copy has more than kBroadcastFanOut loads; returns the copy that load
// `index` of `loads` takes. Trees deeper than one level get a level more.
std::vector<std::string> FabricMaker::Broadcast(const std::string& net, int64_t width,
                                                int64_t loads) {
  if (loads <= kBroadcastFanOut) return std::vector<std::string>(static_cast<size_t>(loads), net);
  const int64_t copies = (loads + kBroadcastFanOut - 1) / kBroadcastFanOut;
  const std::vector<std::string> sources = Broadcast(net, width, copies);
  std::vector<std::string> result;
  for (int64_t copy = 0; copy < copies; ++copy) {
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

// Outputs of a row driver (hw/README.md), in the order of its ports.
std::vector<FabricMaker::Signal> FabricMaker::DriverSignals() const {
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

int64_t FabricMaker::RowBlocks(const ActivationVector& vector) const {
  return Matrix(vector.matrices.front()).row_blocks;
}

// Rows of a row block that hold something, up to whole groups.
int64_t FabricMaker::OpenedRows(int64_t inputs, int64_t row_block) const {
  const int64_t rest = inputs - row_block * geometry_.rows, group = fabric_.plan.group;
  return std::min(geometry_.rows, (rest + group - 1) / group * group);
}

void FabricMaker::AddDrivers() {
  int64_t drivers = 0;
  for (const ActivationVector& vector : plan_.vectors) drivers += RowBlocks(vector);
  Add(Comment{"Buses of the engine, for all row drivers."});
  std::vector<Bus> buses;
  for (const Port& port : FabricPorts(fabric_)) {
    if (!port.name.starts_with("act_") && !port.name.starts_with("pass_")) continue;
    buses.push_back({port.name, Broadcast(port.name, port.width, drivers)});
  }
  int64_t index = 0;
  for (size_t v = 0; v < plan_.vectors.size(); ++v) {
    for (int64_t i = 0; i < RowBlocks(plan_.vectors[v]); ++i, ++index) {
      AddDriver(static_cast<int64_t>(v), i, index, buses);
    }
  }
}

void FabricMaker::AddDriver(int64_t select, int64_t row_block, int64_t index,
                            const std::vector<Bus>& buses) {
  const ActivationVector& vector = plan_.vectors[static_cast<size_t>(select)];
  const std::string name = DriverName(vector, row_block);
  const int64_t first = row_block * geometry_.rows;
  Add(Comment{fmt::format("Row block {} of {}: inputs {} to {}.", row_block, vector.name, first,
                          std::min(first + geometry_.rows, vector.inputs) - 1)});
  Instance driver{"burin_row_driver",
                  name,
                  {{"ROWS", fmt::format("{}", geometry_.rows)},
                   {"GROUP", fmt::format("{}", fabric_.plan.group)},
                   {"LANES", fmt::format("{}", plan_.lanes)},
                   {"COLUMNS_PER_SCALER", fmt::format("{}", geometry_.walk)}},
                  {{"clk", "clk"},
                   {"reset", "reset"},
                   {"select_id", Constant(10, select)},
                   {"base_word", Constant(16, first / plan_.lanes)},
                   {"base_group", Constant(13, row_block * geometry_.groups)},
                   {"rows_used", Constant(16, OpenedRows(vector.inputs, row_block))}}};
  for (const Bus& bus : buses) {
    driver.ports.push_back({bus.port, bus.copies[static_cast<size_t>(index)]});
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
    const std::string net = fmt::format("{}_{}", name, signal.name);
    copies_[net] = Broadcast(net, signal.width, loads);
  }
}

// The copy of a driver's output that a bank takes: banks of a row block in order of matrix and
// column block.
std::string FabricMaker::DriverSignal(const PageUser& user, const char* signal) const {
  const PlacedBlock& block = *user.block;
  const int32_t select = plan_.vector_of[static_cast<size_t>(block.matrix)];
  int64_t index = block.column_block;
  for (const int32_t m : plan_.vectors[static_cast<size_t>(select)].matrices) {
    if (m == block.matrix) break;
    index += Matrix(m).column_blocks;
  }
  return copies_.at(fmt::format("{}_{}", user.driver, signal))[static_cast<size_t>(index)];
}

}  // namespace burin
