#include "base/output_file.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

namespace burin {
namespace {

tl::unexpected<Error> CannotWrite(const std::filesystem::path& path, const std::string& why) {
  return IoError(path.string(), "cannot be written: " + why, "a writable place",
                 "Check that the folder exists, may be written and has space.");
}

bool IsDeviceOrPipe(std::filesystem::file_status status) {
  return std::filesystem::exists(status) && !std::filesystem::is_regular_file(status) &&
         !std::filesystem::is_directory(status);
}

}  // namespace

Result<std::filesystem::path> ReplaceableFile(const std::filesystem::path& path) {
  std::error_code ignored;
  const std::filesystem::file_status status = std::filesystem::status(path, ignored);
  if (std::filesystem::is_directory(status)) {
    return IoError(path.string(), "is a folder", "the name of a file to write");
  }
  if (IsDeviceOrPipe(status)) {
    return IoError(path.string(), "is a device, pipe or socket", "the name of a file to write");
  }
  // By hand: a link may lead to what is not there yet, and std::filesystem::canonical stops at it.
  constexpr int kMostLinks = 40;  // as Linux
  std::filesystem::path target = path;
  for (int links = 0; std::filesystem::is_symlink(target, ignored); ++links) {
    std::error_code error;
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) return CannotWrite(path, error.message());
    if (links == kMostLinks) return CannotWrite(path, "too many symbolic links");
    target = target.parent_path() / next;
  }
  return target;
}

Result<OutputFile> OutputFile::Create(const std::filesystem::path& path) {
  std::error_code ignored;
  if (IsDeviceOrPipe(std::filesystem::status(path, ignored))) {
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return CannotWrite(path, std::generic_category().message(errno));
    return OutputFile(path, {}, file);
  }
  BURIN_ASSIGN(std::filesystem::path target, ReplaceableFile(path));
  std::filesystem::path temporary = target;
  temporary += fmt::format(".{}.partial", ::getpid());
  std::FILE* file = std::fopen(temporary.c_str(), "wb");
  if (file == nullptr) return CannotWrite(path, std::generic_category().message(errno));
  return OutputFile(std::move(target), std::move(temporary), file);
}

OutputFile::OutputFile(OutputFile&& other) noexcept
    : path_(std::move(other.path_)),
      temporary_(std::move(other.temporary_)),
      file_(std::exchange(other.file_, nullptr)) {}

OutputFile::~OutputFile() {
  if (file_ == nullptr) return;
  std::fclose(file_);
  Discard();
}

void OutputFile::Discard() {
  std::error_code ignored;
  if (!temporary_.empty()) std::filesystem::remove(temporary_, ignored);
}

tl::unexpected<Error> OutputFile::Failed(int error) const {
  return CannotWrite(path_, std::generic_category().message(error));
}

Status OutputFile::Write(std::string_view bytes) {
  if (std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size()) return {};
  return Failed(errno);
}

Status OutputFile::Write(std::span<const uint8_t> bytes) {
  return Write(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
}

Status OutputFile::Commit() {
  if (std::fclose(std::exchange(file_, nullptr)) != 0) {
    const int error = errno;
    Discard();
    return Failed(error);
  }
  if (temporary_.empty()) return {};
  std::error_code error;
  std::filesystem::rename(temporary_, path_, error);
  if (!error) return {};
  Discard();
  return Failed(error.value());
}

Status WriteFileAtomically(const std::filesystem::path& path, std::string_view content) {
  BURIN_ASSIGN(OutputFile file, OutputFile::Create(path));
  BURIN_TRY(file.Write(content));
  return file.Commit();
}

}  // namespace burin
