// Read-only mapped files, and files that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace burin {

// A read-only memory mapping of a whole regular file. Movable; unmapped when destroyed. An empty
// file maps to an empty span.
class MappedFile {
 public:
  // Errors: kIo when the file is missing, unreadable or not a regular file.
  static Result<MappedFile> Open(const std::filesystem::path& path);

  MappedFile() = default;
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;
  ~MappedFile();

  std::span<const std::byte> bytes() const { return {data_, size_}; }
  const std::filesystem::path& path() const { return path_; }

 private:
  const std::byte* data_ = nullptr;
  size_t size_ = 0;
  std::filesystem::path path_;
};

// The whole of a small text file; refuses one above `max_bytes` before it allocates.
Result<std::string> ReadTextFile(const std::filesystem::path& path, uint64_t max_bytes = 1u << 30);

// Bytes free for writing on the file system that holds `path` (or its nearest existing parent).
Result<uint64_t> FreeDiskBytes(const std::filesystem::path& path);

// Bytes of memory that the system says a program may still take (MemAvailable and any cgroup
// limit); 0 if unknown.
uint64_t AvailableMemoryBytes();

}  // namespace burin
