// The files of data/ that the program carries, so that it is one file wherever it lies: chips,
// processes, rules, measurements.
#pragma once

#include <cstddef>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace burin {

// A file of data/; name with folder: "chips/nano.toml".
struct BuiltInFile {
  const char* name;
  const unsigned char* bytes;
  size_t size;
  std::string_view text() const { return {reinterpret_cast<const char*>(bytes), size}; }
};

// All of them, sorted by name; made by cmake/embed_data.cmake.
std::span<const BuiltInFile> BuiltInFiles();

// Names in a folder without the ending: DataNames("chips") = {"edge", "hc1", ...}; sorted.
std::vector<std::string> DataNames(std::string_view folder);

// A text and where it came from, for messages.
struct DataText {
  std::string text;
  std::string object;  // "data/chips/nano.toml", or the path
};

// data/FOLDER/NAME.toml by its name, or the file itself where the name has a '/' or ends in
// ".toml". Errors: an unknown name, with the nearest known; a file that cannot be read or has more
// than 256 KiB.
Result<DataText> ReadData(std::string_view folder, const std::string& name_or_path);

}  // namespace burin
