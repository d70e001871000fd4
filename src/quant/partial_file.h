// A big file in the making: OUT.partial and its journal OUT.partial.journal beside the output. What
// the journal names is on the disk; after a crash the next run reads the journal and goes on behind
// it; the output appears by one rename.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace burin {

class PartialFile {
 public:
  // Opens or makes the partial of `output` and takes its lock. The lines that an earlier run with
  // the same `identity` (one line: options and inputs) committed are in `journal()`; another
  // identity, or a journal that cannot be read, starts a new file (`discarded()` says so). `size`
  // bytes of disk are reserved at the start where the file system can.
  // Errors: kIo when the folder does not exist or cannot be written, another process is writing the
  // same output, the output is a folder, or the disk has not `size` bytes free.
  static Result<PartialFile> Open(const std::filesystem::path& output, std::string_view identity,
                                  uint64_t size);

  PartialFile(PartialFile&& other) noexcept;
  PartialFile& operator=(PartialFile&&) = delete;
  ~PartialFile();  // leaves the files for a later run

  const std::vector<std::string>& journal() const { return journal_; }
  bool discarded() const { return discarded_; }

  // Forgets all journal lines from `count` on, on the disk too.
  Status Truncate(size_t count);

  Status Write(uint64_t offset, std::span<const std::byte> bytes);
  Status Read(uint64_t offset, std::span<std::byte> bytes) const;

  // Puts all that was written on the disk, then the lines (without line breaks) into the journal.
  Status Commit(std::span<const std::string> lines);

  // Sets the size, puts all on the disk and renames it to the output.
  Status Publish(uint64_t size);

  // Removes both files.
  void Remove();

 private:
  explicit PartialFile(std::filesystem::path output);
  Status Start(std::string_view identity, uint64_t size);
  void ReadJournal(std::string_view identity);
  Status AppendLine(std::string_view line);
  Status SyncJournal();
  tl::unexpected<Error> Failed(const std::string& what) const;

  std::filesystem::path output_, data_path_, journal_path_;
  int data_ = -1, journal_file_ = -1;
  std::vector<std::string> journal_;
  std::vector<uint64_t>
      line_ends_;  // offset behind the identity line, then behind each journal line
  bool discarded_ = false;
};

}  // namespace burin
