// A chip's die as masks see it: banks and units of the constant ROM, where they stand, and the file
// of the base, which depends on chip and process rules alone. What a model adds is two layers:
// weight vias in the pages of the banks, and constant vias in the constants of banks and table
// units.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"
#include "fabric/chip_spec.h"
#include "mask/bank.h"
#include "mask/oasis_writer.h"
#include "mask/rules.h"

namespace burin::mask {

inline constexpr int kWordBits = 64;     // of the constants, of banks and table units alike
inline constexpr int kTableWords = 512;  // of a table unit
inline constexpr int64_t kTableUnitBytes = int64_t{kTableWords} * kWordBits / 8;

class Die {
 public:
  // Errors: a chip without a number of banks (it has no base die), rows * fold or columns beyond
  // what a bank can have, a rule that is missing.
  static Result<Die> Create(const ChipSpec& chip, const Rules& rules);

  const ChipSpec& chip() const { return chip_; }
  const Rules& rules() const { return rules_; }
  const Bank& bank() const { return bank_; }
  const Bank& table_unit() const { return table_unit_; }
  // Origins on the die, in nanometres: by bank and by table unit.
  const std::vector<Point>& bank_origins() const { return bank_origins_; }
  const std::vector<Point>& table_origins() const { return table_origins_; }
  // What the die covers.
  const Rect& extent() const { return extent_; }

  // Bytes of constants of one page of a bank; page p of a bank begins at byte p * PageBytes() of
  // its constants. Byte b of constants is bits 8 * (b % 8) and up of word b / 8.
  int64_t PageBytes() const;
  int64_t BankConstantBytes() const { return PageBytes() * chip_.fold; }

  // The base die as an OASIS file. Same chip and rules, same bytes.
  Result<OasisWriter::Written> WriteBase(const std::filesystem::path& path) const;
  // Its size and digest, without a file.
  Result<OasisWriter::Written> MeasureBase() const;

 private:
  Die(ChipSpec chip, Rules rules, Bank bank, Bank table_unit)
      : chip_(std::move(chip)),
        rules_(std::move(rules)),
        bank_(std::move(bank)),
        table_unit_(std::move(table_unit)) {}
  void Arrange();
  Result<OasisWriter::Written> DrawBase(OasisWriter writer) const;

  ChipSpec chip_;
  Rules rules_;
  Bank bank_, table_unit_;
  std::vector<Point> bank_origins_, table_origins_;
  std::vector<Rect> outlines_;  // of engines and memories, which are drawn elsewhere
  std::vector<std::string> outline_names_;
  Rect extent_;
};

// Outlines and their names; no mask.
inline constexpr Layer kOutlineLayer{235, 4};

}  // namespace burin::mask
