#include "fabric/data_files.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/mapped_file.h"
#include "base/near_names.h"

namespace burin {
namespace {

constexpr std::string_view kEnding = ".toml";
constexpr uint64_t kMostBytes = 1 << 18;

Result<DataText> ReadFile(const std::string& path) {
  BURIN_ASSIGN(std::string text, ReadTextFile(path, kMostBytes));
  return DataText{std::move(text), path};
}

}  // namespace

std::vector<std::string> DataNames(std::string_view folder) {
  std::vector<std::string> names;
  for (const BuiltInFile& file : BuiltInFiles()) {
    const std::string_view name = file.name;
    if (name.starts_with(folder) && name.substr(folder.size()).starts_with('/') &&
        name.ends_with(kEnding)) {
      names.emplace_back(
          name.substr(folder.size() + 1, name.size() - folder.size() - 1 - kEnding.size()));
    }
  }
  return names;
}

Result<DataText> ReadData(std::string_view folder, const std::string& name_or_path) {
  if (name_or_path.find('/') != std::string::npos || name_or_path.ends_with(kEnding)) {
    return ReadFile(name_or_path);
  }
  const std::string wanted = fmt::format("{}/{}{}", folder, name_or_path, kEnding);
  for (const BuiltInFile& file : BuiltInFiles()) {
    if (file.name == wanted) return DataText{std::string(file.text()), "data/" + wanted};
  }
  const std::string kind(folder.ends_with('s') ? folder.substr(0, folder.size() - 1) : folder);
  return BadInput(
      fmt::format("{} '{}'", kind, name_or_path), "is unknown",
      fmt::format("one of {}", fmt::join(NearNames(name_or_path, DataNames(folder), 4), ", ")),
      "A file of your own: write its path, with a '/' or '.toml'.");
}

}  // namespace burin
