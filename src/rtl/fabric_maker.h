// The parts of an emitted fabric, for fabric_module.cc and its neighbours only: each fabric_*.cc
// adds one of them to the module.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabric/placed_fabric.h"
#include "rtl/bank_rom.h"
#include "rtl/engine_plan.h"
#include "rtl/rom.h"
#include "rtl/verilog.h"

namespace burin {

class FabricMaker {
 public:
  FabricMaker(const PlacedFabric& fabric, const EnginePlan& plan, RomStore& roms);

  Result<verilog::Module> Make();

 private:
  // An output of a row driver or an embedding reader: name and bits.
  struct Signal {
    const char* name;
    int64_t width;
  };
  // A bus of the engine and the copy of it that each row driver takes.
  struct Bus {
    std::string port;
    std::vector<std::string> copies;
  };
  // Who opens a page of a bank: a driver with its prefix.
  struct PageUser {
    int64_t page = 0;
    const PlacedBlock* block = nullptr;
    std::string driver;  // prefix of the driver's nets; empty: no pass uses the page
  };
  // One of a bank's two ROMs: who enables it with which address.
  struct RomPort {
    const char* kind;              // "code", "scale"
    const char *enable, *address;  // signals of a row driver
    const char* reader_address;    // signal of an embedding reader
    int64_t address_bits, width;   // of a page; of a word
  };

  // fabric_drivers.cc: row drivers and the trees that carry a signal to many loads.
  std::vector<std::string> Broadcast(const std::string& net, int64_t width, int64_t loads);
  void AddDrivers();
  void AddDriver(int64_t select, int64_t row_block, int64_t index, const std::vector<Bus>& buses);
  std::vector<Signal> DriverSignals() const;
  std::string DriverSignal(const PageUser& user, const char* signal) const;
  int64_t RowBlocks(const ActivationVector& vector) const;
  int64_t OpenedRows(int64_t inputs, int64_t row_block) const;

  // fabric_embedding.cc: the readers of the embedding, on the ROMs of its banks.
  void AddReaders();
  void AddReader(const std::string& name, int64_t row_block);
  void AddEmbeddingWords();

  // fabric_banks.cc: a bank and its ROMs.
  void AddCodebooks();
  Status AddBank(int64_t bank);
  void AddRom(const std::string& bank, const RomPort& port, const std::string& module,
              const std::vector<PageUser>& users);
  void AddColumns(const std::string& bank, const std::vector<PageUser>& users);
  void AddPages(const std::string& bank, const std::vector<PageUser>& users);
  std::vector<PageUser> UsersOf(int64_t bank) const;
  std::string Open(const std::vector<PageUser>& users, const char* enable, const char* signal,
                   int64_t width) const;
  std::string PageAddress(int64_t page, const std::string& low) const;
  std::string Codebook(int64_t m) const;
  const char* SixBit(int64_t m) const;

  // fabric_collect.cc: strobes to the banks, adder trees of their sums.
  void AddMatrixStrobes();
  void AddTrees();
  void AddTree(int64_t m);
  bool IsShared(int64_t bank) const;
  int64_t Collected() const;

  void Add(verilog::Item item) { module_.items.push_back(std::move(item)); }
  void AddNet(int64_t width, const std::string& name, const std::string& value = {}) {
    Add(verilog::Net{width, name, value});
  }
  const PlacedMatrix& Matrix(int64_t m) const { return fabric_.matrices[static_cast<size_t>(m)]; }
  const PackedMatrix& Weights(int64_t m) const {
    return *MatricesIn(*fabric_.plan.weights)[static_cast<size_t>(m)];
  }
  const PlacedBlock& Block(int64_t m, int64_t row_block, int64_t column_block) const;
  // Prefixes of nets: "l3_q_proj" of a matrix, "l3_qkv_r0" of a row driver.
  const std::string& MatrixName(int64_t m) const { return names_[static_cast<size_t>(m)]; }
  static std::string DriverName(const ActivationVector& vector, int64_t row_block);
  static std::string BankName(int64_t bank);
  static std::string ReaderName(int64_t row_block);

  const PlacedFabric& fabric_;
  const EnginePlan& plan_;
  RomStore& roms_;
  const BankGeometry geometry_;
  std::vector<std::string> names_;  // of the matrices
  verilog::Module module_;
  std::map<std::string, std::vector<std::string>> copies_;  // of each driver output, by bank
  std::vector<std::string> collect_block_, collect_word_;   // the copy of each bank
};

}  // namespace burin
