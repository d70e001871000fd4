#include "cost/comparison.h"

#include <fmt/format.h>

#include "fabric/bracket_reader.h"
#include "fabric/data_files.h"

namespace burin {
namespace {

constexpr const char* kFile = "comparison.toml";
const std::vector<std::string> kGrades = {"V", "M", "S", "P", "E", "I", "R", "D"};

std::optional<Figure> ReadFigure(TomlReader& reader, const std::string& key) {
  if (!reader.Has(key)) return std::nullopt;
  Figure figure;
  figure.value = reader.Number(key + ".value", 1e-9, 1e12);
  figure.grade = reader.Choice(key + ".grade", kGrades);
  figure.source = reader.Text(key + ".source");
  return figure;
}

}  // namespace

std::optional<double> RentedUsdPerMillion(const System& system) {
  if (!system.rent_usd_per_hour || !system.tokens_per_s_best) return std::nullopt;
  return system.rent_usd_per_hour->value / 3600 / system.tokens_per_s_best->value * 1e6;
}

Result<std::vector<System>> LoadComparison() {
  for (const BuiltInFile& file : BuiltInFiles()) {
    if (std::string_view(file.name) != kFile) continue;
    BURIN_ASSIGN(TomlReader reader, TomlReader::Parse(file.text(), std::string("data/") + kFile));
    std::vector<System> systems;
    for (int64_t i = 0; i < reader.ArraySize("system"); ++i) {
      const std::string at = fmt::format("system[{}].", i);
      System system;
      system.name = reader.Text(at + "name");
      system.model = reader.Text(at + "model");
      system.tokens_per_s_user = ReadFigure(reader, at + "tokens_per_s_user");
      system.tokens_per_s_best = ReadFigure(reader, at + "tokens_per_s_best");
      system.joule_per_token = ReadFigure(reader, at + "joule_per_token");
      system.usd_per_m_tokens = ReadFigure(reader, at + "usd_per_m_tokens");
      system.rent_usd_per_hour = ReadFigure(reader, at + "rent_usd_per_hour");
      systems.push_back(std::move(system));
    }
    BURIN_TRY(reader.Finish());
    return systems;
  }
  return BadInput(std::string("data/") + kFile, "is not in this build");
}

}  // namespace burin
