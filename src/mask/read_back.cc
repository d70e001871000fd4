#include "mask/read_back.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <mutex>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "fabric/placed_fabric.h"
#include "mask/die.h"
#include "mask/layer_reader.h"
#include "mask/masks_writer.h"
#include "mask/page_constants.h"
#include "mask/problems.h"
#include "mask/recovered_model.h"
#include "mask/table_rom.h"
#include "quant/metadata.h"

namespace burin::mask {
namespace {

using Bytes = std::vector<uint8_t>;

// Bits of words as bytes; a missing via reads as 0 and is reported.
Bytes BytesOfBits(std::span<const uint8_t> values, const std::string& name,
                  const ReportProblem& report) {
  Bytes bytes(values.size() / 8);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] == kNoVia) {
      report(
          fmt::format("{}, constant word {}, bit {}: no via", name, i / kWordBits, i % kWordBits));
    } else {
      bytes[i / 8] = static_cast<uint8_t>(bytes[i / 8] | values[i] << (i % 8));
    }
  }
  return bytes;
}

class Reader {
 public:
  Reader(const std::filesystem::path& folder, const QuantizedModel* cartridge, ThreadPool& pool,
         Progress* progress)
      : folder_(folder), cartridge_(cartridge), pool_(pool), progress_(progress) {}

  Result<ReadBack> Run();

 private:
  Status OpenFolder();
  Status CheckBase() const;
  // The table units of a die as bytes.
  Result<Bytes> ReadTables(const LayerReader& constants, int64_t which);
  Status PlaceModel(const Bytes& tables);
  Status ReadDie(int64_t which);
  Status ReadBank(const LayerReader& weights, const LayerReader& constants, int64_t which,
                  int64_t local);
  Status ReadWeights(const LayerReader& weights, int64_t bank, int64_t local,
                     const ReportProblem& report);
  void TakePage(const PlacedBlock& block, std::span<const uint8_t> values, int64_t local,
                const ReportProblem& report);
  Status ReadConstants(const LayerReader& constants, int64_t bank, int64_t local,
                       const ReportProblem& report);
  void CompareConstants(const PlacedBlock& block, std::span<const uint8_t> page,
                        const std::string& name, int64_t first_word,
                        const ReportProblem& report) const;
  std::string Place(const PlacedBlock& block, int64_t r, int64_t c) const;
  PlaceText DescribeCell(int64_t bank, int64_t row, int64_t col);
  void Finish();

  bool compares() const { return cartridge_ != nullptr; }
  int64_t banks_of(int64_t which) const {
    return fabric_.die_first_bank[static_cast<size_t>(which) + 1] -
           fabric_.die_first_bank[static_cast<size_t>(which)];
  }

  const std::filesystem::path folder_;
  const QuantizedModel* cartridge_;
  ThreadPool& pool_;
  Progress* progress_;

  ReadBack result_;
  Problems problems_{ReadBack::kMostProblems};
  std::optional<Die> die_;
  std::optional<SiteMap> weight_sites_, constant_sites_;
  PlacedFabric fabric_;
  std::vector<const PlacedBlock*> blocks_;
  Bytes tables_;
  RecoveredModel model_;
  std::vector<std::atomic<bool>> damaged_;
  std::atomic<int64_t> weight_vias_{0}, constant_vias_{0};
};

Status Reader::OpenFolder() {
  BURIN_ASSIGN(result_.manifest, ReadManifest(folder_));
  if (compares() && ToHex(cartridge_->digest) != result_.manifest.digest) {
    return BadInput(folder_.string(), "masks of the model with digest " + result_.manifest.digest,
                    "those of the cartridge, " + ToHex(cartridge_->digest),
                    "Give the cartridge they were made from.");
  }
  BURIN_ASSIGN(ChipSpec chip, LoadChip((folder_ / "chip.toml").string()));
  chip.name = result_.manifest.chip;
  BURIN_ASSIGN(const Rules rules, Rules::Load((folder_ / "rules.toml").string()));
  BURIN_ASSIGN(Die die, Die::Create(chip, rules));
  die_ = std::move(die);
  weight_sites_ = SiteMap::OfWeights(die_->bank());
  constant_sites_ = SiteMap::OfConstants(die_->bank());
  return CheckBase();
}

// The base is not read but drawn again: it must be the same, bit for bit.
Status Reader::CheckBase() const {
  BURIN_ASSIGN(const auto drawn, die_->MeasureBase());
  BURIN_ASSIGN(const MappedFile file, MappedFile::Open(folder_ / kBaseName));
  const Sha256Digest found = Sha256Of(file.bytes());
  if (found == drawn.digest) return {};
  return BadInput((folder_ / kBaseName).string(), "SHA-256 " + ToHex(found),
                  "the base of this chip, " + ToHex(drawn.digest),
                  "The file was changed: draw the masks again.");
}

Result<Bytes> Reader::ReadTables(const LayerReader& constants, int64_t which) {
  const SiteMap sites = SiteMap::OfConstants(die_->table_unit());
  Bytes bytes, values(static_cast<size_t>(sites.rows() * sites.cols()));
  for (size_t unit = 0; unit < die_->table_origins().size(); ++unit) {
    const ReportProblem report = problems_.At(which << 32 | static_cast<int64_t>(unit));
    BURIN_ASSIGN(const int64_t vias,
                 constants.ReadTable(static_cast<int64_t>(unit), sites, values, report));
    constant_vias_ += vias;
    const Bytes part = BytesOfBits(values, fmt::format("table unit {}", unit), report);
    bytes.insert(bytes.end(), part.begin(), part.end());
  }
  return bytes;
}

// With a cartridge what the tables should be is known; without one they say what the model is.
Status Reader::PlaceModel(const Bytes& tables) {
  ModelPlan plan;
  if (compares()) {
    plan = PlanOf(*cartridge_, result_.manifest.model);
  } else {
    BURIN_ASSIGN(const TableRom rom, DecodeTableRom(tables, "the masks' table units"));
    BURIN_ASSIGN(const CartridgeMetadata m, ParseMetadata(rom.metadata, "the masks' metadata"));
    plan.config = m.config;
    plan.name = result_.manifest.model;
    plan.group = m.group;
    plan.context = m.context;
    plan.matrices = MatricesOf(m.config);
    for (const MatrixRecord& record : m.matrices) plan.bits.push_back(record.bits);
  }
  BURIN_ASSIGN(fabric_, burin::Place(plan, die_->chip()));
  blocks_ = BlocksByPage(fabric_);
  BURIN_ASSIGN(model_, RecoveredModel::Create(fabric_));
  damaged_ = std::vector<std::atomic<bool>>(fabric_.matrices.size());
  return {};
}

Status Reader::ReadDie(int64_t which) {
  const int64_t dies = result_.manifest.dies;
  const ReportProblem report = problems_.At(which << 32);
  BURIN_ASSIGN(const LayerReader constants,
               LayerReader::Open(folder_ / LayerFileName("constants", which, dies), *die_, report));
  BURIN_ASSIGN(const Bytes tables, ReadTables(constants, which));
  if (which == 0) {
    tables_ = tables;
    BURIN_TRY(PlaceModel(tables));
    if (fabric_.dies != dies) {
      return BadInput(folder_.string(), fmt::format("masks of {} dies", dies),
                      fmt::format("{}", fabric_.dies));
    }
  }
  Bytes wanted = tables_;
  if (compares()) {
    BURIN_ASSIGN(wanted, TableRomOf(fabric_));
    wanted.resize(tables.size());
  }
  for (size_t i = 0; i < tables.size(); ++i) {
    if (tables[i] == wanted[i]) continue;
    problems_.At(which << 32 | static_cast<int64_t>(i / kTableUnitBytes))(fmt::format(
        "table unit {}, constant word {}, bits {} to {}: {:#04x}, the cartridge has {:#04x}",
        i / kTableUnitBytes, i % kTableUnitBytes / 8, i % 8 * 8, i % 8 * 8 + 7, tables[i],
        wanted[i]));
  }
  BURIN_ASSIGN(const LayerReader weights,
               LayerReader::Open(folder_ / LayerFileName("weights", which, dies), *die_, report));
  std::mutex mutex;
  Status status;
  pool_.ForEach(static_cast<size_t>(die_->chip().banks), [&](size_t local) {
    const Status done = InterruptRequested()
                            ? Status(Interrupted("burin mask verify"))
                            : ReadBank(weights, constants, which, static_cast<int64_t>(local));
    if (done) return;
    const std::lock_guard lock(mutex);
    if (status) status = done;
  });
  return status;
}

Status Reader::ReadBank(const LayerReader& weights, const LayerReader& constants, int64_t which,
                        int64_t local) {
  constexpr int64_t kBehindTables = int64_t{1} << 24;
  const ReportProblem report = problems_.At(which << 32 | (kBehindTables + local));
  const int64_t bank =
      local < banks_of(which) ? fabric_.die_first_bank[static_cast<size_t>(which)] + local : -1;
  BURIN_TRY(ReadWeights(weights, bank, local, report));
  BURIN_TRY(ReadConstants(constants, bank, local, report));
  if (progress_ != nullptr && bank >= 0) progress_->Add(1);
  return {};
}

Status Reader::ReadWeights(const LayerReader& weights, int64_t bank, int64_t local,
                           const ReportProblem& report) {
  const ChipSpec& chip = die_->chip();
  const auto page_cells = static_cast<size_t>(chip.rows * chip.columns);
  Bytes values(page_cells * static_cast<size_t>(chip.fold));
  const auto describe = [&](int row, int col) { return DescribeCell(bank, row, col); };
  BURIN_ASSIGN(const int64_t vias,
               weights.ReadBank(local, *weight_sites_, values, report, describe));
  weight_vias_ += vias;
  for (int64_t page = 0; page < chip.fold; ++page) {
    const auto cells =
        std::span(values).subspan(static_cast<size_t>(page) * page_cells, page_cells);
    const PlacedBlock* block =
        bank < 0 ? nullptr : blocks_[static_cast<size_t>(bank * chip.fold + page)];
    if (block != nullptr) {
      TakePage(*block, cells, local, report);
      continue;
    }
    for (size_t i = 0; i < cells.size(); ++i) {
      if (cells[i] == kNoVia) continue;
      report(fmt::format("bank {}, row {}, column {}: code {}, but no weight lies there", local,
                         page * chip.rows + static_cast<int64_t>(i) / chip.columns,
                         static_cast<int64_t>(i) % chip.columns, cells[i]));
    }
  }
  return {};
}

std::string Reader::Place(const PlacedBlock& block, int64_t r, int64_t c) const {
  const std::string& name = fabric_.plan.matrices[static_cast<size_t>(block.matrix)].name;
  const int64_t row = block.row_begin + r, column = block.column_begin + c;
  if (row >= block.row_end || column >= block.column_end) return "beside " + name;
  const int bits = fabric_.matrices[static_cast<size_t>(block.matrix)].shape.bits;
  if (bits != 6) return fmt::format("{}, input {}, output {}", name, row, column);
  return fmt::format("{}, input {}, output {}, {} half", name, row, column / 2,
                     column % 2 == 0 ? "high" : "low");
}

// The weight at a word line and column of a bank; its tensor counts as damaged.
PlaceText Reader::DescribeCell(int64_t bank, int64_t row, int64_t col) {
  const ChipSpec& chip = die_->chip();
  const PlacedBlock* block =
      bank < 0 ? nullptr : blocks_[static_cast<size_t>(bank * chip.fold + row / chip.rows)];
  if (block == nullptr) return {};
  damaged_[static_cast<size_t>(block->matrix)] = true;
  PlaceText text{fmt::format(" ({})", Place(*block, row % chip.rows, col)), {}};
  if (compares()) {
    Bytes wanted(static_cast<size_t>(chip.rows * chip.columns));
    BlockCodes(fabric_, *block, wanted);
    text.wanted = fmt::format(", the cartridge has {}",
                              wanted[static_cast<size_t>(row % chip.rows * chip.columns + col)]);
  }
  return text;
}

void Reader::TakePage(const PlacedBlock& block, std::span<const uint8_t> values, int64_t local,
                      const ReportProblem& report) {
  const ChipSpec& chip = die_->chip();
  const auto m = static_cast<size_t>(block.matrix);
  const MatrixShape& shape = fabric_.matrices[m].shape;
  Bytes wanted;
  if (compares()) {
    wanted.resize(values.size());
    BlockCodes(fabric_, block, wanted);
  }
  const int most = shape.bits == 4 ? 15 : 7;
  for (int64_t r = 0; r < chip.rows; ++r) {
    const uint8_t* row = values.data() + r * chip.columns;
    for (int64_t c = 0; c < chip.columns; ++c) {
      const bool inside =
          block.row_begin + r < block.row_end && block.column_begin + c < block.column_end;
      const bool good =
          row[c] <= most && (inside || row[c] == 0) &&
          (!compares() || row[c] == wanted[static_cast<size_t>(r * chip.columns + c)]);
      if (good) continue;
      damaged_[m] = true;
      report(fmt::format("bank {}, row {}, column {} ({}): {}{}", local, block.page * chip.rows + r,
                         c, Place(block, r, c),
                         row[c] == kNoVia ? std::string("no via") : fmt::format("code {}", row[c]),
                         compares() ? fmt::format(", the cartridge has {}",
                                                  wanted[static_cast<size_t>(r * chip.columns + c)])
                                    : std::string()));
    }
  }
  model_.TakeCodes(fabric_, block, values);
}

Status Reader::ReadConstants(const LayerReader& constants, int64_t bank, int64_t local,
                             const ReportProblem& report) {
  const ChipSpec& chip = die_->chip();
  const std::string name = fmt::format("bank {}", local);
  Bytes values(static_cast<size_t>(constant_sites_->rows() * constant_sites_->cols()));
  BURIN_ASSIGN(const int64_t vias, constants.ReadBank(local, *constant_sites_, values, report, {}));
  constant_vias_ += vias;
  const Bytes bytes = BytesOfBits(values, name, report);
  const int64_t size = die_->PageBytes();
  for (int64_t p = 0; p < chip.fold; ++p) {
    const auto page =
        std::span(bytes).subspan(static_cast<size_t>(p * size), static_cast<size_t>(size));
    const PlacedBlock* block =
        bank < 0 ? nullptr : blocks_[static_cast<size_t>(bank * chip.fold + p)];
    if (block == nullptr) {
      if (std::any_of(page.begin(), page.end(), [](uint8_t b) { return b != 0; })) {
        report(fmt::format("{}, page {}: constants of a block, but none lies there", name, p));
      }
      continue;
    }
    const auto m = static_cast<size_t>(block->matrix);
    const bool good = TakePageConstants(fabric_, *block, page, model_.scales(m));
    if (compares()) {
      CompareConstants(*block, page, name, p * size / 8, report);
    } else if (!good) {
      report(fmt::format("{}, page {}: constants that no block of {} has", name, p,
                         fabric_.plan.matrices[m].name));
    }
  }
  return {};
}

void Reader::CompareConstants(const PlacedBlock& block, std::span<const uint8_t> page,
                              const std::string& name, int64_t first_word,
                              const ReportProblem& report) const {
  Bytes wanted(page.size());
  FillPageConstants(fabric_, block, wanted);
  const std::string& tensor = fabric_.plan.matrices[static_cast<size_t>(block.matrix)].name;
  for (size_t i = 0; i < page.size(); ++i) {
    if (page[i] == wanted[i]) continue;
    const int64_t at = static_cast<int64_t>(i) - kPageHeadBytes;
    const std::string what =
        at < 0 ? "head of the page"
               : fmt::format("scale of group {}, column {}", at / fabric_.chip.columns,
                             at % fabric_.chip.columns);
    report(fmt::format(
        "{}, constant word {}, bits {} to {} ({}, {}): {:#04x}, the cartridge has {:#04x}", name,
        first_word + static_cast<int64_t>(i / 8), i % 8 * 8, i % 8 * 8 + 7, tensor, what, page[i],
        wanted[i]));
  }
}

void Reader::Finish() {
  result_.problem_count = problems_.count();
  result_.problems = problems_.First();
  result_.banks = fabric_.banks;
  result_.weight_vias = weight_vias_;
  result_.constant_vias = constant_vias_;
  result_.program_steps = static_cast<int64_t>(fabric_.program.size());
  for (size_t m = 0; m < fabric_.matrices.size(); ++m) {
    const MatrixShape& shape = fabric_.matrices[m].shape;
    result_.tensors.push_back(
        {fabric_.plan.matrices[m].name, shape.bits, shape.rows * shape.cols, !damaged_[m]});
  }
}

Result<ReadBack> Reader::Run() {
  BURIN_TRY(OpenFolder());
  for (int64_t which = 0; which < result_.manifest.dies; ++which) BURIN_TRY(ReadDie(which));
  if (problems_.count() == 0) {
    result_.digest = model_.Digest(fabric_, tables_);
    const auto rom = DecodeTableRom(tables_, "the masks' table units");
    if (!rom || EncodeTableRom({{}, {}, rom->program, {}, {}}) !=
                    EncodeTableRom({{}, {}, fabric_.program, {}, {}})) {
      problems_.At(0)("the table units hold another program than the model's");
    }
  }
  Finish();
  return std::move(result_);
}

}  // namespace

Result<ReadBack> ReadMasks(const std::filesystem::path& folder, const QuantizedModel* cartridge,
                           ThreadPool& pool, Progress* progress) {
  return Reader(folder, cartridge, pool, progress).Run();
}

}  // namespace burin::mask
