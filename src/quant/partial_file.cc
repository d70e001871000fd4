#include "quant/partial_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

#include "base/mapped_file.h"
#include "base/output_file.h"
#include "base/progress.h"
#include "base/sha256.h"

namespace burin {
namespace {

constexpr size_t kCheckDigits = 16;
constexpr uint64_t kDiskReserve = 16 << 20;  // left free for others

std::filesystem::path WithSuffix(std::filesystem::path path, const char* suffix) {
  path += suffix;
  return path;
}

// A journal line: 16 digits of the SHA-256 of the rest, a space, the rest. A line that was cut off
// by a crash does not check.
std::string CheckedLine(std::string_view line) {
  const Sha256Digest digest = Sha256Of(std::as_bytes(std::span(line)));
  return ToHex(digest).substr(0, kCheckDigits) + " " + std::string(line) + "\n";
}

std::string SystemMessage() { return std::generic_category().message(errno); }

uint64_t AllocatedBytes(int file) {
  struct stat info {};
  return ::fstat(file, &info) == 0 ? static_cast<uint64_t>(info.st_blocks) * 512 : 0;
}

// Whether the name still means the open file: another process may have renamed it before the lock.
bool IsSameFile(int file, const std::filesystem::path& path) {
  struct stat open_file {
  }, named{};
  return ::fstat(file, &open_file) == 0 && ::stat(path.c_str(), &named) == 0 &&
         open_file.st_ino == named.st_ino && open_file.st_dev == named.st_dev;
}

}  // namespace

PartialFile::PartialFile(std::filesystem::path output)
    : output_(std::move(output)),
      data_path_(WithSuffix(output_, ".partial")),
      journal_path_(WithSuffix(output_, ".partial.journal")) {}

PartialFile::PartialFile(PartialFile&& other) noexcept
    : output_(std::move(other.output_)),
      data_path_(std::move(other.data_path_)),
      journal_path_(std::move(other.journal_path_)),
      data_(std::exchange(other.data_, -1)),
      journal_file_(std::exchange(other.journal_file_, -1)),
      journal_(std::move(other.journal_)),
      line_ends_(std::move(other.line_ends_)),
      discarded_(other.discarded_) {}

PartialFile::~PartialFile() {
  if (data_ >= 0) ::close(data_);
  if (journal_file_ >= 0) ::close(journal_file_);
}

tl::unexpected<Error> PartialFile::Failed(const std::string& what) const {
  return IoError(
      data_path_.string(), what + ": " + SystemMessage(), "a writable place",
      "Check that the folder exists, may be written and has space; the same command then "
      "goes on where this one stopped.");
}

Result<PartialFile> PartialFile::Open(const std::filesystem::path& output,
                                      std::string_view identity, uint64_t size) {
  BURIN_ASSIGN(std::filesystem::path target, ReplaceableFile(output));
  PartialFile file(std::move(target));
  file.data_ = ::open(file.data_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file.data_ < 0) return file.Failed("cannot be made");
  if (::flock(file.data_, LOCK_EX | LOCK_NB) != 0 || !IsSameFile(file.data_, file.data_path_)) {
    return IoError(output.string(), "another process is writing it", {},
                   "Wait for it, or give another output.");
  }
  file.journal_file_ = ::open(file.journal_path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file.journal_file_ < 0) return file.Failed("the journal cannot be made");
  file.ReadJournal(identity);
  Status started = file.Start(identity, size);
  if (!started) {
    if (file.journal_.empty()) file.Remove();
    return tl::unexpected<Error>(std::move(started).error());
  }
  return file;
}

void PartialFile::ReadJournal(std::string_view identity) {
  const auto text = ReadTextFile(journal_path_);
  if (!text || text->empty()) return;
  uint64_t at = 0;
  bool first = true;
  for (;;) {
    const size_t end = text->find('\n', at);
    if (end == std::string::npos || end - at <= kCheckDigits) break;
    const std::string line = text->substr(at + kCheckDigits + 1, end - at - kCheckDigits - 1);
    if (CheckedLine(line) != text->substr(at, end + 1 - at)) break;
    if (first && line != identity) break;
    if (!first) journal_.push_back(line);
    first = false;
    at = end + 1;
    line_ends_.push_back(at);
  }
  discarded_ = line_ends_.empty();
}

Status PartialFile::Start(std::string_view identity, uint64_t size) {
  BURIN_ASSIGN(const uint64_t free, FreeDiskBytes(data_path_));
  if (line_ends_.empty() && ::ftruncate(data_, 0) != 0) return Failed("cannot be emptied");
  const uint64_t there = AllocatedBytes(data_);
  const uint64_t needed = size > there ? size - there : 0;
  if (needed + kDiskReserve > free) {
    return IoError(output_.string(), fmt::format("{} free on the disk", HumanBytes(free)),
                   fmt::format("{}", HumanBytes(needed + kDiskReserve)),
                   "Make room, or write to another disk.");
  }
  // Not all file systems can reserve; writing then finds out.
  if (::fallocate(data_, 0, 0, static_cast<off_t>(size)) != 0 && errno == ENOSPC) {
    return Failed("no space can be reserved");
  }
  if (line_ends_.empty()) {
    if (::ftruncate(journal_file_, 0) != 0) return Failed("the journal cannot be emptied");
    BURIN_TRY(AppendLine(identity));
    return SyncJournal();
  }
  return Truncate(journal_.size());  // cuts off a torn last line
}

Status PartialFile::Truncate(size_t count) {
  journal_.resize(count);
  line_ends_.resize(count + 1);
  if (::ftruncate(journal_file_, static_cast<off_t>(line_ends_.back())) != 0) {
    return Failed("the journal cannot be cut");
  }
  return {};
}

Status PartialFile::Write(uint64_t offset, std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::pwrite(data_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return Failed("cannot be written");
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return {};
}

Status PartialFile::Read(uint64_t offset, std::span<std::byte> bytes) const {
  while (!bytes.empty()) {
    const ssize_t done = ::pread(data_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) return Failed("cannot be read");
    if (done == 0) return BadInput(data_path_.string(), "shorter than its journal says");
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
  return {};
}

Status PartialFile::AppendLine(std::string_view line) {
  const std::string text = CheckedLine(line);
  uint64_t at = line_ends_.empty() ? 0 : line_ends_.back();
  std::string_view rest = text;
  while (!rest.empty()) {
    const ssize_t done = ::pwrite(journal_file_, rest.data(), rest.size(), static_cast<off_t>(at));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return Failed("the journal cannot be written");
    at += static_cast<uint64_t>(done);
    rest.remove_prefix(static_cast<size_t>(done));
  }
  line_ends_.push_back(at);
  return {};
}

Status PartialFile::SyncJournal() {
  if (::fdatasync(journal_file_) != 0) return Failed("the journal cannot be put on the disk");
  return {};
}

Status PartialFile::Commit(std::span<const std::string> lines) {
  if (::fdatasync(data_) != 0) return Failed("cannot be put on the disk");
  for (const std::string& line : lines) {
    BURIN_TRY(AppendLine(line));
    journal_.push_back(line);
  }
  return SyncJournal();
}

Status PartialFile::Publish(uint64_t size) {
  if (::ftruncate(data_, static_cast<off_t>(size)) != 0) return Failed("cannot be cut to its size");
  if (::fsync(data_) != 0) return Failed("cannot be put on the disk");
  if (::rename(data_path_.c_str(), output_.c_str()) != 0) return Failed("cannot be renamed");
  ::unlink(journal_path_.c_str());
  // The rename itself is on the disk when the folder is.
  const std::filesystem::path folder = output_.has_parent_path() ? output_.parent_path() : ".";
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd >= 0) {
    ::fsync(fd);
    ::close(fd);
  }
  return {};
}

void PartialFile::Remove() {
  ::unlink(data_path_.c_str());
  ::unlink(journal_path_.c_str());
}

}  // namespace burin
