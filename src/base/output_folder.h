// A folder of generated files that appears whole or not at all.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/result.h"

namespace burin {

// Files are written into PATH.partial; Finish gives the folder its name. What is not finished is
// removed. Not thread safe.
class OutputFolder {
 public:
  // `mark`: a file in every folder of this kind. Errors: kBadInput when `path` is a file, or a
  // folder with something in it, unless `force` is set and it holds the mark: only what was
  // generated is replaced; kIo when it cannot be made.
  static Result<OutputFolder> Create(const std::filesystem::path& path, std::string_view mark,
                                     bool force);

  OutputFolder(OutputFolder&& other) noexcept;
  OutputFolder& operator=(OutputFolder&&) = delete;
  ~OutputFolder();

  // Writes one file, `name` relative to the folder, and the folders it lies in. Errors: kIo.
  Status Write(const std::string& name, std::string_view text);
  // Replaces what was at the path. Errors: kIo.
  Status Finish();

  const std::filesystem::path& path() const { return path_; }
  // Where the files lie until Finish, for those who write them by other means.
  const std::filesystem::path& partial() const { return partial_; }
  uint64_t bytes() const { return bytes_; }
  int64_t files() const { return files_; }

 private:
  explicit OutputFolder(std::filesystem::path path);

  std::filesystem::path path_, partial_;
  uint64_t bytes_ = 0;
  int64_t files_ = 0;
};

}  // namespace burin
