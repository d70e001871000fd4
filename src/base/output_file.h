// Files that a program writes: the name holds the old content or the whole new one, never half of
// it.
#pragma once

#include <cstdio>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace burin {

// The file that a rename onto `path` may replace: `path` itself, or where its symbolic links lead.
// Refuses a folder, and a device, pipe or socket: those are written, never replaced.
Result<std::filesystem::path> ReplaceableFile(const std::filesystem::path& path);

// Goes through a temporary file beside the target that Commit renames; without Commit it leaves
// nothing. What symbolic links lead to is replaced, not they. A device or pipe is written directly.
// Not thread-safe.
class OutputFile {
 public:
  // Refuses a folder and a place where nothing may be written.
  static Result<OutputFile> Create(const std::filesystem::path& path);
  OutputFile(OutputFile&& other) noexcept;
  OutputFile& operator=(OutputFile&&) = delete;
  ~OutputFile();

  // After an error only destruction makes sense.
  Status Write(std::string_view bytes);
  Status Write(std::span<const uint8_t> bytes);
  // At most once, as the last call.
  Status Commit();

 private:
  OutputFile(std::filesystem::path path, std::filesystem::path temporary, std::FILE* file)
      : path_(std::move(path)), temporary_(std::move(temporary)), file_(file) {}
  tl::unexpected<Error> Failed(int error) const;
  void Discard();

  std::filesystem::path path_,
      temporary_;  // temporary_ is empty where the target is written directly
  std::FILE* file_ = nullptr;
};

// All of a file at once.
Status WriteFileAtomically(const std::filesystem::path& path, std::string_view content);

}  // namespace burin
