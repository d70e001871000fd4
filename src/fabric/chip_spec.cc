#include "fabric/chip_spec.h"

#include <fmt/format.h>

#include <numeric>
#include <optional>

#include "fabric/bracket_reader.h"
#include "fabric/data_files.h"
#include "quant/adapter_memory.h"

namespace burin {
namespace {

constexpr int64_t kMostBytes = int64_t{1} << 50;

// A master knob: its key, where it lives, and its range.
struct Knob {
  const char* key;
  int64_t ChipSpec::*field;
  int64_t min, max;
};

constexpr Knob kKnobs[] = {
    {"rows", &ChipSpec::rows, 32, 65536},
    {"columns", &ChipSpec::columns, 16, 65536},
    {"fold", &ChipSpec::fold, 1, 4096},
    {"banks", &ChipSpec::banks, 0, 1 << 24},
    {"levels", &ChipSpec::levels, 8, 16},
    {"smallest_group", &ChipSpec::smallest_group, 32, 128},
    {"columns_per_scaler", &ChipSpec::columns_per_scaler, 2, 128},
    {"vector_lanes", &ChipSpec::vector_lanes, 1, 4096},
    {"layer_engines", &ChipSpec::layer_engines, 1, 4096},
    {"attention_heads", &ChipSpec::attention_heads, 1, 4096},
    {"attention_positions", &ChipSpec::attention_positions, 1, 4096},
    {"head_lanes", &ChipSpec::head_lanes, 1, 4096},
    {"top_k", &ChipSpec::top_k, 1, 1024},
    {"adapter_lanes", &ChipSpec::adapter_lanes, 1, 65536},
    {"max_rank", &ChipSpec::max_rank, 1, 1024},
    {"kv_bytes", &ChipSpec::kv_bytes, 0, kMostBytes},
    {"adapter_bytes", &ChipSpec::adapter_bytes, 0, kMostBytes},
    {"table_bytes", &ChipSpec::table_bytes, 1024, int64_t{1} << 30},
    {"dies", &ChipSpec::dies, 1, 1024},
};

// A rule between two knobs. `key` is the one to change.
struct Breach {
  std::string key, found, expected;
};

std::optional<Breach> FindBreach(const ChipSpec& c) {
  for (const Knob& knob : kKnobs) {
    const int64_t value = c.*knob.field;
    if (value < knob.min || value > knob.max) {
      return Breach{knob.key, fmt::format("{}", value),
                    fmt::format("{} to {}", knob.min, knob.max)};
    }
  }
  auto near = [](int64_t value, int64_t unit) {
    const int64_t below = value / unit * unit;
    return below == 0 ? fmt::format("such as {}", unit)
                      : fmt::format("such as {} or {}", below, below + unit);
  };
  if (c.levels != 8 && c.levels != 16) {
    return Breach{"levels", fmt::format("{}", c.levels), "8 (3 and 6 bits) or 16 (4 bits, too)"};
  }
  if (c.rows % 32 != 0) {
    return Breach{"rows", fmt::format("{}", c.rows), "a multiple of 32, " + near(c.rows, 32)};
  }
  if (c.columns % 16 != 0) {
    return Breach{"columns", fmt::format("{}", c.columns),
                  "a multiple of 16, " + near(c.columns, 16)};
  }
  if (c.smallest_group != 32 && c.smallest_group != 64 && c.smallest_group != 128) {
    return Breach{"smallest_group", fmt::format("{}", c.smallest_group), "32, 64 or 128"};
  }
  if (c.rows % c.smallest_group != 0) {
    return Breach{"rows", fmt::format("{}", c.rows),
                  fmt::format("a multiple of smallest_group, {}", c.smallest_group)};
  }
  if (c.table_bytes % 8 != 0) {
    return Breach{"table_bytes", fmt::format("{}", c.table_bytes), "a multiple of 8"};
  }
  if (c.columns % c.columns_per_scaler != 0 || c.columns_per_scaler % 2 != 0) {
    return Breach{"columns_per_scaler", fmt::format("{}", c.columns_per_scaler),
                  fmt::format("an even number that divides the {} columns", c.columns)};
  }
  const auto meets = [&](int64_t n) { return n % c.vector_lanes == 0 || c.vector_lanes % n == 0; };
  if (!meets(c.rows) || !meets(c.columns)) {
    return Breach{"vector_lanes", fmt::format("{}", c.vector_lanes),
                  fmt::format("a divisor or a multiple of the {} rows and of the {} columns, "
                              "such as {}",
                              c.rows, c.columns, std::gcd(c.rows, c.columns))};
  }
  const AdapterEngine engine = EngineOf(c.adapter_lanes, c.max_rank);
  if (engine.WordBytes() != c.adapter_lanes) {
    return Breach{"adapter_lanes", fmt::format("{}", c.adapter_lanes),
                  fmt::format("{}: an engine of at most 32 positions x {} ranks uses no more of "
                              "them",
                              engine.WordBytes(), c.max_rank)};
  }
  return std::nullopt;
}

ChipSpec ReadChip(TomlReader& reader) {
  ChipSpec chip;
  chip.title = reader.Text("title");
  chip.process = reader.Text("process");
  for (const Knob& knob : kKnobs) chip.*knob.field = reader.Int(knob.key, knob.min, knob.max);
  chip.clock_hz = reader.ReadBracket("clock_hz", "Hz");
  chip.mm_per_cycle = reader.ReadBracket("mm_per_cycle", "mm");
  chip.link_bytes_per_s = reader.ReadBracket("link_bytes_per_s", "B/s");
  chip.link_latency_s = reader.ReadBracket("link_latency_s", "s");
  return chip;
}

}  // namespace

Status ValidateChip(const ChipSpec& chip) {
  const auto breach = FindBreach(chip);
  if (!breach) return {};
  return BadInput(fmt::format("chip {}: {}", chip.name, breach->key), breach->found,
                  breach->expected);
}

Result<ChipSpec> LoadChip(const std::string& name_or_path) {
  BURIN_ASSIGN(const DataText data, ReadData("chips", name_or_path));
  BURIN_ASSIGN(TomlReader reader, TomlReader::Parse(data.text, data.object));
  ChipSpec chip = ReadChip(reader);
  BURIN_TRY(reader.Finish());
  chip.file = data.object;
  chip.name = chip.file.stem().string();
  if (const auto breach = FindBreach(chip)) {
    reader.Fail(breach->key, breach->found, breach->expected);
    BURIN_TRY(reader.Finish());
  }
  return chip;
}

std::vector<std::string> ChipNames() { return DataNames("chips"); }

}  // namespace burin
