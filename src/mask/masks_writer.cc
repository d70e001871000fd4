#include "mask/masks_writer.h"

#include <fmt/format.h>
#include <sys/mman.h>

#include <algorithm>
#include <array>

#include "base/check.h"
#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "base/output_file.h"
#include "mask/layer_reader.h"
#include "mask/page_constants.h"
#include "mask/site_map.h"
#include "mask/table_rom.h"

namespace burin::mask {
namespace {

// Gives the pages of a cartridge that were read back to the system, so that drawing a model of any
// size takes the memory of a part of it; what is needed again is read again.
void ReleasePages(const QuantizedModel& model) {
  const auto bytes = model.file->bytes();
  ::madvise(const_cast<std::byte*>(bytes.data()), bytes.size(), MADV_DONTNEED);
}

// What one thread needs to draw banks.
class BankDrawer {
 public:
  BankDrawer(const PlacedFabric& fabric, const Die& die,
             const std::vector<const PlacedBlock*>& blocks)
      : fabric_(fabric),
        die_(die),
        blocks_(blocks),
        weights_(SiteMap::OfWeights(die.bank())),
        constants_(SiteMap::OfConstants(die.bank())),
        codes_(static_cast<size_t>(fabric.chip.rows * fabric.chip.columns)) {}

  const PlacedBlock* BlockOf(int64_t bank, int64_t page) const {
    return blocks_[static_cast<size_t>(bank * fabric_.chip.fold + page)];
  }

  // Vias of all pages that have a block.
  void AddWeights(int64_t bank, OasisCell& cell) {
    for (int64_t page = 0; page < fabric_.chip.fold; ++page) {
      const PlacedBlock* block = BlockOf(bank, page);
      if (block == nullptr) continue;
      BlockCodes(fabric_, *block, codes_);
      for (int64_t r = 0; r < fabric_.chip.rows; ++r) {
        weights_.AddRow(cell, static_cast<int>(page * fabric_.chip.rows + r),
                        codes_.data() + r * fabric_.chip.columns);
      }
    }
  }

  // The constants of a bank; `bank` < 0: all zero.
  std::vector<uint8_t> ConstantBytes(int64_t bank) const {
    std::vector<uint8_t> bytes(static_cast<size_t>(die_.BankConstantBytes()));
    for (int64_t page = 0; bank >= 0 && page < fabric_.chip.fold; ++page) {
      const PlacedBlock* block = BlockOf(bank, page);
      const auto size = static_cast<size_t>(die_.PageBytes());
      if (block != nullptr) {
        FillPageConstants(fabric_, *block,
                          std::span(bytes).subspan(static_cast<size_t>(page) * size, size));
      }
    }
    return bytes;
  }
  // A via for every bit.
  void AddConstants(int64_t bank, OasisCell& cell) {
    AddWords(constants_, ConstantBytes(bank), cell);
  }

  static void AddWords(SiteMap& sites, std::span<const uint8_t> bytes, OasisCell& cell) {
    std::array<uint8_t, kWordBits> bits{};
    for (int word = 0; word < sites.rows(); ++word) {
      for (size_t bit = 0; bit < kWordBits; ++bit) {
        const size_t at = static_cast<size_t>(word) * (kWordBits / 8) + bit / 8;
        bits[bit] = static_cast<uint8_t>(at < bytes.size() ? bytes[at] >> (bit % 8) & 1 : 0);
      }
      sites.AddRow(cell, word, bits.data());
    }
  }

 private:
  const PlacedFabric& fabric_;
  const Die& die_;
  const std::vector<const PlacedBlock*>& blocks_;
  SiteMap weights_, constants_;
  std::vector<uint8_t> codes_;
};

// Banks [begin, end) of a die: drawn by all threads, written in order.
class LayerWriter {
 public:
  LayerWriter(const PlacedFabric& fabric, const Die& die, ThreadPool& pool, Progress* progress)
      : fabric_(fabric),
        die_(die),
        pool_(pool),
        progress_(progress),
        blocks_(BlocksByPage(fabric)) {
    for (int t = 0; t < pool.size(); ++t) drawers_.emplace_back(fabric, die, blocks_);
  }

  Result<OasisWriter::Written> Weights(int64_t which, const std::filesystem::path& path,
                                       std::string& index) {
    return Layer(
        which, path, "weights",
        [](BankDrawer& drawer, int64_t bank, OasisCell& cell) { drawer.AddWeights(bank, cell); },
        {}, &index);
  }

  Result<OasisWriter::Written> Constants(int64_t which, const std::filesystem::path& path,
                                         std::span<const uint8_t> tables) {
    return Layer(
        which, path, "constants",
        [](BankDrawer& drawer, int64_t bank, OasisCell& cell) { drawer.AddConstants(bank, cell); },
        tables, nullptr);
  }

 private:
  static constexpr int64_t kBatch = 32;  // banks between two writes
  static constexpr int64_t kWeightsBetweenReleases = int64_t{1} << 28;

  template <typename Draw>
  Result<OasisWriter::Written> Layer(int64_t which, const std::filesystem::path& path,
                                     const char* name, const Draw& draw,
                                     std::span<const uint8_t> tables, std::string* index) {
    BURIN_ASSIGN(OasisWriter writer, OasisWriter::Create(path));
    const int64_t first = fabric_.die_first_bank[static_cast<size_t>(which)];
    const int64_t end = fabric_.die_first_bank[static_cast<size_t>(which) + 1];
    OasisCell top(name);
    int64_t drawn = 0;
    for (int64_t begin = first; begin < end; begin += kBatch) {
      if (InterruptRequested()) return Interrupted("burin mask");
      const auto count = static_cast<size_t>(std::min(kBatch, end - begin));
      std::vector<std::vector<uint8_t>> encoded(count);
      pool_.ParallelFor(count, 1, [&](size_t from, size_t to, int part) {
        for (size_t i = from; i < to; ++i) {
          OasisCell cell(fmt::format("bank_{}", begin + static_cast<int64_t>(i) - first));
          draw(drawers_[static_cast<size_t>(part)], begin + static_cast<int64_t>(i), cell);
          encoded[i] = EncodeCell(cell);
        }
      });
      for (size_t i = 0; i < count; ++i) {
        const int64_t local = begin + static_cast<int64_t>(i) - first;
        if (index != nullptr)
          *index +=
              fmt::format("{}\t{}\t{}\t{}\n", which, local, writer.offset(), encoded[i].size());
        BURIN_TRY(writer.AddEncoded(encoded[i]));
        top.AddPlacement(fmt::format("bank_{}", local),
                         die_.bank_origins()[static_cast<size_t>(local)]);
      }
      if (progress_ != nullptr) progress_->Add(count);
      drawn += static_cast<int64_t>(count) * fabric_.chip.fold * fabric_.chip.rows *
               fabric_.chip.columns;
      if (drawn >= kWeightsBetweenReleases) {
        ReleasePages(*fabric_.plan.weights);
        drawn = 0;
      }
    }
    if (index == nullptr) BURIN_TRY(AddUnusedAndTables(end - first, tables, writer, top));
    BURIN_TRY(writer.Add(top));
    return writer.Finish();
  }

  // Constants have a via for every bit, also where no model is.
  Status AddUnusedAndTables(int64_t used, std::span<const uint8_t> tables, OasisWriter& writer,
                            OasisCell& top) {
    if (used < fabric_.chip.banks) {
      OasisCell cell("bank_unused");
      drawers_[0].AddConstants(-1, cell);
      BURIN_TRY(writer.Add(cell));
      for (int64_t bank = used; bank < fabric_.chip.banks; ++bank) {
        top.AddPlacement("bank_unused", die_.bank_origins()[static_cast<size_t>(bank)]);
      }
    }
    SiteMap sites = SiteMap::OfConstants(die_.table_unit());
    for (size_t unit = 0; unit < die_.table_origins().size(); ++unit) {
      const size_t begin = std::min(tables.size(), unit * static_cast<size_t>(kTableUnitBytes));
      OasisCell cell(fmt::format("table_{}", unit));
      BankDrawer::AddWords(
          sites, tables.subspan(begin, std::min<size_t>(kTableUnitBytes, tables.size() - begin)),
          cell);
      BURIN_TRY(writer.Add(cell));
      top.AddPlacement(cell.name(), die_.table_origins()[unit]);
    }
    return {};
  }

  const PlacedFabric& fabric_;
  const Die& die_;
  ThreadPool& pool_;
  Progress* progress_;
  const std::vector<const PlacedBlock*> blocks_;
  std::vector<BankDrawer> drawers_;
};

}  // namespace

std::vector<const PlacedBlock*> BlocksByPage(const PlacedFabric& fabric) {
  std::vector<const PlacedBlock*> blocks(static_cast<size_t>(fabric.banks * fabric.chip.fold));
  for (const PlacedBlock& block : fabric.blocks) {
    blocks[static_cast<size_t>(block.bank * fabric.chip.fold + block.page)] = &block;
  }
  return blocks;
}

uint64_t MaskBytesBound(const PlacedFabric& fabric, const Die& die) {
  // Random codes take less than a byte a via, the head of a row less than 16, a bit of constants
  // less than half a byte; the base of a die is some MiB.
  constexpr uint64_t kBase = uint64_t{64} << 20, kRowHead = 16;
  const uint64_t weights =
      fabric.blocks.size() *
      static_cast<uint64_t>(fabric.chip.rows * (fabric.chip.columns + int64_t{kRowHead}));
  const uint64_t constants = static_cast<uint64_t>(
      fabric.dies * (fabric.chip.banks * die.BankConstantBytes() + fabric.chip.table_bytes));
  return weights + 8 * constants / 2 + kBase;
}

Result<MaskManifest> WriteMasks(const PlacedFabric& fabric, const Die& die,
                                const MaskSources& sources, OutputFolder& output, ThreadPool& pool,
                                Progress* progress) {
  BURIN_CHECK(fabric.plan.weights != nullptr);
  BURIN_ASSIGN(const std::vector<uint8_t> tables, TableRomOf(fabric));
  const std::filesystem::path& folder = output.partial();
  BURIN_ASSIGN(const uint64_t free, FreeDiskBytes(folder));
  if (const uint64_t bytes = MaskBytesBound(fabric, die); free < bytes) {
    return IoError(output.path().string(), fmt::format("{} free", HumanBytes(free)),
                   fmt::format("up to {} for the masks", HumanBytes(bytes)));
  }
  MaskManifest manifest;
  manifest.tool = sources.tool;
  manifest.model = fabric.plan.name;
  manifest.digest = ToHex(fabric.plan.weights->digest);
  manifest.chip = fabric.chip.name;
  manifest.rules = die.rules().name();
  manifest.dies = fabric.dies;
  auto note = [&](const std::string& name, const OasisWriter::Written& written) {
    manifest.files.push_back({name, ToHex(written.digest), static_cast<int64_t>(written.bytes)});
  };
  BURIN_ASSIGN(const auto base, die.WriteBase(folder / kBaseName));
  note(kBaseName, base);
  std::string index = "# die\tbank\toffset of its cell in the weights file\tbytes\n";
  LayerWriter writer(fabric, die, pool, progress);
  for (int64_t which = 0; which < fabric.dies; ++which) {
    const std::string weights = LayerFileName("weights", which, fabric.dies);
    BURIN_ASSIGN(const auto first, writer.Weights(which, folder / weights, index));
    note(weights, first);
    const std::string constants = LayerFileName("constants", which, fabric.dies);
    BURIN_ASSIGN(const auto second, writer.Constants(which, folder / constants, tables));
    note(constants, second);
  }
  manifest.weight_vias =
      static_cast<int64_t>(fabric.blocks.size()) * fabric.chip.rows * fabric.chip.columns;
  manifest.constant_vias = fabric.dies * 8 *
                           (fabric.chip.banks * die.BankConstantBytes() +
                            static_cast<int64_t>(die.table_origins().size()) * kTableUnitBytes);
  BURIN_TRY(output.Write("banks.tsv", index));
  BURIN_TRY(output.Write("chip.toml", sources.chip_text));
  BURIN_TRY(output.Write("rules.toml", sources.rules_text));
  BURIN_TRY(output.Write(kManifestName, ManifestText(manifest)));
  BURIN_TRY(output.Finish());
  return manifest;
}

std::vector<uint8_t> BankCodes(const PlacedFabric& fabric, int64_t bank) {
  const auto page = static_cast<size_t>(fabric.chip.rows * fabric.chip.columns);
  std::vector<uint8_t> codes(page * static_cast<size_t>(fabric.chip.fold), kNoVia);
  for (const PlacedBlock& block : fabric.blocks) {
    if (block.bank != bank) continue;
    BlockCodes(fabric, block,
               std::span(codes).subspan(static_cast<size_t>(block.page) * page, page));
  }
  return codes;
}

Layout TileLayout(const PlacedFabric& fabric, const Die& die, int64_t bank) {
  const auto blocks = BlocksByPage(fabric);
  const BankDrawer drawer(fabric, die, blocks);
  std::vector<Shape> vias;
  const std::vector<uint8_t> codes = BankCodes(fabric, bank);
  const auto columns = static_cast<size_t>(fabric.chip.columns);
  for (size_t i = 0; i < codes.size(); ++i) {
    if (codes[i] == kNoVia) continue;
    const Rect site =
        die.bank().ViaSite(static_cast<int>(i / columns), static_cast<int>(i % columns), codes[i]);
    vias.push_back({die.bank().weight_layer(), site});
  }
  const std::vector<uint8_t> bytes = drawer.ConstantBytes(bank);
  for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
    const Rect site =
        die.bank().ConstantSite(static_cast<int>(bit / kWordBits),
                                static_cast<int>(bit % kWordBits), bytes[bit / 8] >> (bit % 8) & 1);
    vias.push_back({die.bank().constant_layer(), site});
  }
  return ProgrammedBank(die.bank(), std::move(vias));
}

Status WriteOasis(const Layout& layout, const std::filesystem::path& path) {
  BURIN_ASSIGN(OasisWriter writer, OasisWriter::Create(path));
  BURIN_TRY(WriteCells(layout, "", writer));
  const auto written = writer.Finish();
  if (!written) return tl::unexpected<Error>(written.error());
  return {};
}

}  // namespace burin::mask
