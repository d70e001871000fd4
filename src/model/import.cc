#include "model/import.h"

#include <vector>

namespace burin {

Result<std::optional<std::filesystem::path>> FindGguf(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (!fs::exists(status)) {
    return IoError(path.string(), "does not exist", "a Hugging Face folder or a .gguf file",
                   "Check the name.");
  }
  if (!fs::is_directory(status)) {
    if (path.extension() == ".gguf") return path;
    return BadInput(path.string(), "is neither a folder nor a .gguf file",
                    "a Hugging Face folder or a .gguf file",
                    "For a .safetensors file give its folder, with config.json.");
  }
  if (fs::exists(path / "config.json", error)) return std::nullopt;
  std::vector<fs::path> ggufs;
  for (fs::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
    if (it->path().extension() == ".gguf") ggufs.push_back(it->path());
  }
  if (error) return IoError(path.string(), error.message());
  if (ggufs.size() == 1) return ggufs[0];
  return BadInput(path.string(),
                  ggufs.empty() ? "neither config.json nor a .gguf file"
                                : fmt::format("{} .gguf files", ggufs.size()),
                  "config.json, or one .gguf file",
                  ggufs.empty() ? "Download the whole folder." : "Name the one you want.");
}

Result<Model> ImportModel(const std::filesystem::path& path) {
  BURIN_ASSIGN(const auto gguf, FindGguf(path));
  if (!gguf) return ImportHfFolder(path);
  BURIN_ASSIGN(const OpenGguf opened, OpenGgufFile(*gguf));
  return ImportGguf(opened);
}

}  // namespace burin
