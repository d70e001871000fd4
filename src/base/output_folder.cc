#include "base/output_folder.h"

#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

namespace burin {

namespace fs = std::filesystem;

OutputFolder::OutputFolder(fs::path path) : path_(std::move(path)) {
  partial_ = path_;
  partial_ += ".partial";
}

OutputFolder::OutputFolder(OutputFolder&& other) noexcept
    : path_(std::move(other.path_)),
      partial_(std::exchange(other.partial_, {})),
      bytes_(other.bytes_),
      files_(other.files_) {}

OutputFolder::~OutputFolder() {
  if (partial_.empty()) return;
  std::error_code ignored;
  fs::remove_all(partial_, ignored);
}

Result<OutputFolder> OutputFolder::Create(const fs::path& path, std::string_view mark, bool force) {
  fs::path clean = path.lexically_normal();
  if (!clean.has_filename()) clean = clean.parent_path();
  if (clean.empty() || clean == "." || clean == "..") {
    return BadInput(path.string(), "no folder of its own", "the name of a new folder");
  }
  std::error_code error;
  const fs::file_status status = fs::status(clean, error);
  if (fs::exists(status) && !fs::is_directory(status)) {
    return BadInput(clean.string(), "a file", "a folder, or a new name");
  }
  if (fs::exists(status) && !fs::is_empty(clean, error)) {
    const bool generated = fs::exists(clean / mark, error);
    if (!generated || !force) {
      return BadInput(clean.string(), "a folder that is not empty", "a new or empty one",
                      generated ? "Add --force to replace all that is in it."
                                : "It was not made by this command: give another name.");
    }
  }
  OutputFolder folder(clean);
  fs::remove_all(folder.partial_, error);
  if (!error) fs::create_directories(folder.partial_, error);
  if (error) return IoError(folder.partial_.string(), error.message());
  return folder;
}

Status OutputFolder::Write(const std::string& name, std::string_view text) {
  const fs::path file = partial_ / name;
  std::error_code error;
  fs::create_directories(file.parent_path(), error);
  if (error) return IoError(file.parent_path().string(), error.message());
  std::ofstream out(file, std::ios::binary);
  out.write(text.data(), static_cast<std::streamsize>(text.size()));
  out.close();
  if (!out) return IoError(file.string(), std::strerror(errno));
  bytes_ += text.size();
  ++files_;
  return {};
}

Status OutputFolder::Finish() {
  std::error_code error;
  fs::remove_all(path_, error);
  if (!error) fs::rename(partial_, path_, error);
  if (error) return IoError(path_.string(), error.message());
  partial_.clear();
  return {};
}

}  // namespace burin
