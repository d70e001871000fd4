#include "mask/die.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "fabric/placed_fabric.h"
#include "mask/page_constants.h"

namespace burin::mask {
namespace {

constexpr int32_t kGap = 3000;   // between banks: wider than any spacing rule of wells
constexpr int32_t kPitch = 100;  // banks stand on multiples of this

int32_t CeilToPitch(int32_t nm) { return (nm + kPitch - 1) / kPitch * kPitch; }

int32_t ToNanometres(double mm) {
  return static_cast<int32_t>(std::llround(mm * 1e6 / kPitch)) * kPitch;
}

std::string TopName(const Layout& layout, const std::string& prefix) {
  return prefix + layout.cells.back().name;
}

}  // namespace

int64_t Die::PageBytes() const { return PageConstantBytes(chip_); }

Result<Die> Die::Create(const ChipSpec& chip, const Rules& rules) {
  BURIN_TRY(ValidateChip(chip));
  if (chip.banks == 0) {
    return BadInput("chip " + chip.name, "banks = 0",
                    "a number of banks: a base die is made before its models",
                    "Set banks in its file (burin place says how many a model takes).");
  }
  constexpr int64_t kMostRows = 4096, kMostColumns = 4096;
  if (chip.rows * chip.fold > kMostRows || chip.columns > kMostColumns) {
    return BadInput("chip " + chip.name,
                    fmt::format("{} word lines (rows x fold) and {} columns a bank",
                                chip.rows * chip.fold, chip.columns),
                    fmt::format("at most {} and {}", kMostRows, kMostColumns));
  }
  const int64_t words = PageConstantBytes(chip) * chip.fold * 8 / kWordBits;
  BURIN_ASSIGN(
      Bank bank,
      Bank::Create(rules, {static_cast<int>(chip.rows * chip.fold), static_cast<int>(chip.columns),
                           static_cast<int>(chip.levels), static_cast<int>(words), kWordBits}));
  // The smallest bank that there is, for its array of constants.
  BURIN_ASSIGN(Bank unit,
               Bank::Create(rules, {4, 1, static_cast<int>(chip.levels), kTableWords, kWordBits}));
  Die die(chip, rules, std::move(bank), std::move(unit));
  die.Arrange();
  return die;
}

void Die::Arrange() {
  const Rect& box = bank_.extent();
  FloorplanSizes sizes;
  sizes.in_mm = true;
  sizes.bank_width = 1e-6 * CeilToPitch(box.width() + kGap);
  sizes.bank_height = 1e-6 * CeilToPitch(box.height() + kGap);
  const DieFloorplan plan = FloorplanOfDie(chip_, chip_.banks, sizes);
  for (const FloorplanItem& item : plan.items) {
    const Point at{ToNanometres(item.x), ToNanometres(item.y)};
    if (item.kind == FloorplanItem::Kind::kBank) {
      bank_origins_.push_back({at.x - box.x0, at.y - box.y0});
      continue;
    }
    outlines_.push_back({at.x, at.y, std::max(at.x + kPitch, ToNanometres(item.x + item.width)),
                         std::max(at.y + kPitch, ToNanometres(item.y + item.height))});
    outline_names_.push_back(fmt::format("{}_{}", FloorplanKindName(item.kind), item.index));
  }
  // Table units in rows above everything else.
  const Rect& unit = table_unit_.extent();
  const int32_t width = ToNanometres(plan.width), step_x = CeilToPitch(unit.width() + kGap),
                step_y = CeilToPitch(unit.height() + kGap);
  const int64_t a_row = std::max(1, width / step_x);
  const int64_t units = (chip_.table_bytes + kTableUnitBytes - 1) / kTableUnitBytes;
  int32_t top = ToNanometres(plan.height) + kGap;
  for (int64_t i = 0; i < units; ++i) {
    table_origins_.push_back({static_cast<int32_t>(i % a_row) * step_x - unit.x0,
                              top + static_cast<int32_t>(i / a_row) * step_y - unit.y0});
  }
  top += static_cast<int32_t>((units + a_row - 1) / a_row) * step_y;
  extent_ = {0, 0, std::max(width, step_x), top};
}

Result<OasisWriter::Written> Die::WriteBase(const std::filesystem::path& path) const {
  BURIN_ASSIGN(OasisWriter writer, OasisWriter::Create(path));
  return DrawBase(std::move(writer));
}

Result<OasisWriter::Written> Die::MeasureBase() const { return DrawBase(OasisWriter::Measuring()); }

Result<OasisWriter::Written> Die::DrawBase(OasisWriter writer) const {
  BURIN_TRY(WriteCells(bank_.base(), "bank.", writer));
  BURIN_TRY(WriteCells(table_unit_.base(), "table.", writer));
  OasisCell top("base");
  for (const Point& at : bank_origins_) top.AddPlacement(TopName(bank_.base(), "bank."), at);
  for (const Point& at : table_origins_)
    top.AddPlacement(TopName(table_unit_.base(), "table."), at);
  top.AddRectangle(kOutlineLayer, extent_);
  for (size_t i = 0; i < outlines_.size(); ++i) {
    top.AddRectangle(kOutlineLayer, outlines_[i]);
    top.AddText(kOutlineLayer, {outlines_[i].x0, outlines_[i].y0}, outline_names_[i]);
  }
  BURIN_TRY(writer.Add(top));
  return writer.Finish();
}

}  // namespace burin::mask
