#include "cli/adapter_report.h"

#include <algorithm>

#include "quant/adapter_memory.h"

namespace burin {
namespace {

// The matrices of one kind.
struct KindRow {
  MatrixKind kind = MatrixKind::kQ;
  int64_t matrices = 0, least_rank = 0, most_rank = 0;
  uint64_t bytes = 0;   // A, B and exponents
  uint64_t memory = 0;  // in words of the engine
};

uint64_t DataBytes(const AdapterMatrix& m) { return m.a.size() + m.b.size() + m.exponents.size(); }

std::vector<KindRow> RowsOf(const Adapter& adapter, const AdapterEngine& engine) {
  std::vector<KindRow> rows;
  for (size_t k = 0; k < kAdaptedKinds; ++k) {
    KindRow row{.kind = static_cast<MatrixKind>(k)};
    for (const Adapter::Layer& layer : adapter.layers) {
      const AdapterMatrix& m = layer[k];
      if (m.empty()) continue;
      row.least_rank = row.matrices == 0 ? m.rank : std::min(row.least_rank, m.rank);
      row.most_rank = std::max(row.most_rank, m.rank);
      row.bytes += DataBytes(m);
      row.memory += (AdapterWordsA(m, engine) + AdapterWordsB(m, engine)) *
                    static_cast<uint64_t>(engine.WordBytes());
      ++row.matrices;
    }
    if (row.matrices > 0) rows.push_back(row);
  }
  return rows;
}

// The chip's engine; without a chip the one that wastes least: one position, as many ranks as the
// adapter has.
AdapterEngine EngineFor(const Adapter& adapter, const ChipSpec* chip) {
  if (chip != nullptr) return EngineOf(chip->adapter_lanes, chip->max_rank);
  return {.positions = 1, .ranks = adapter.rank};
}

bool Fits(const Adapter& adapter, const ChipSpec& chip) {
  const uint64_t bytes = AdapterMemoryBytes(adapter, EngineFor(adapter, &chip));
  return adapter.rank <= chip.max_rank && bytes <= static_cast<uint64_t>(chip.adapter_bytes);
}

std::string Verdict(const Adapter& adapter, const ChipSpec& chip, const std::string& title) {
  if (adapter.rank > chip.max_rank) {
    return fmt::format("does not fit {}: rank {}, at most {}\n", title, adapter.rank,
                       chip.max_rank);
  }
  return fmt::format("{} {}: {} bytes of adapter memory\n",
                     Fits(adapter, chip) ? "fits" : "does not fit", title,
                     WithCommas(static_cast<uint64_t>(chip.adapter_bytes)));
}

}  // namespace

Json AdapterJson(const Adapter& adapter, const std::string& path) {
  return {{"path", path},
          {"digest", ToHex(adapter.digest)},
          {"rank", adapter.rank},
          {"matrices", adapter.matrices},
          {"bytes", adapter.DataBytes()}};
}

std::string DescribeAdapter(const Adapter& adapter, const std::string& path, const ChipSpec* chip) {
  const AdapterEngine engine = EngineFor(adapter, chip);
  std::string text = fmt::format(
      "adapter     {}\n            rank {}, alpha {}, scale {}{}\n", path, adapter.rank,
      adapter.alpha, adapter.scale,
      adapter.base_model.empty() ? std::string() : ", of " + OneLine(adapter.base_model));
  text += fmt::format("{:<14} {:>8} {:>9} {:>14} {:>16}\n", "kind", "matrices", "rank", "bytes",
                      "adapter memory");
  for (const KindRow& row : RowsOf(adapter, engine)) {
    const std::string rank = row.least_rank == row.most_rank
                                 ? fmt::format("{}", row.most_rank)
                                 : fmt::format("{}-{}", row.least_rank, row.most_rank);
    text += fmt::format("{:<14} {:>8} {:>9} {:>14} {:>16}\n", MatrixKindName(row.kind),
                        row.matrices, rank, WithCommas(row.bytes), WithCommas(row.memory));
  }
  text +=
      fmt::format("{:<14} {:>8} {:>9} {:>14} {:>16}\n", "total", adapter.matrices, adapter.rank,
                  WithCommas(adapter.DataBytes()), WithCommas(AdapterMemoryBytes(adapter, engine)));
  text += fmt::format("engine      {} x {} multipliers{}\n", engine.positions, engine.ranks,
                      chip != nullptr ? "" : ", the least that reads a rank in one turn");
  if (chip != nullptr) text += "            " + Verdict(adapter, *chip, OneLine(chip->name));
  text += fmt::format("digest      {}\n", ToHex(adapter.digest));
  return text;
}

Json AdapterReportJson(const Adapter& adapter, const std::string& path, const ChipSpec* chip) {
  const AdapterEngine engine = EngineFor(adapter, chip);
  Json json = AdapterJson(adapter, path);
  json["alpha"] = adapter.alpha;
  json["scale"] = adapter.scale;
  json["base_model"] = adapter.base_model;
  json["engine"] = {{"positions", engine.positions}, {"ranks", engine.ranks}};
  json["memory_bytes"] = AdapterMemoryBytes(adapter, engine);
  Json kinds = Json::object();
  for (const KindRow& row : RowsOf(adapter, engine)) {
    kinds[MatrixKindName(row.kind)] = {{"matrices", row.matrices},
                                       {"rank", row.most_rank},
                                       {"bytes", row.bytes},
                                       {"memory_bytes", row.memory}};
  }
  json["kinds"] = std::move(kinds);
  if (chip != nullptr) {
    json["chip"] = {{"name", chip->name},
                    {"max_rank", chip->max_rank},
                    {"adapter_bytes", chip->adapter_bytes},
                    {"fits", Fits(adapter, *chip)}};
  }
  return json;
}

}  // namespace burin
