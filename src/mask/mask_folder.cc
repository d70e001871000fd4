#include "mask/mask_folder.h"

#include <fmt/format.h>

#include "base/mapped_file.h"
#include "fabric/bracket_reader.h"

namespace burin::mask {
namespace {

// Text from a cartridge's name or a user's flags as a TOML string.
std::string Quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    out += byte < 0x20 || byte > 0x7E || c == '"' || c == '\\' ? '_' : c;
  }
  return out + '"';
}

constexpr int64_t kMost = int64_t{1} << 60;

}  // namespace

std::string LayerFileName(const std::string& layer, int64_t die, int64_t dies) {
  return dies == 1 ? layer + ".oas" : fmt::format("{}-{}.oas", layer, die);
}

std::string ManifestText(const MaskManifest& m) {
  std::string text = fmt::format(
      "# Masks of a model (docs/masks.md). burin mask verify reads them back.\n"
      "format = 1\ntool = {}\nmodel = {}\ndigest = \"{}\"\nchip = {}\nrules = {}\ndies = {}\n"
      "weight_vias = {}\nconstant_vias = {}\n",
      Quoted(m.tool), Quoted(m.model), m.digest, Quoted(m.chip), Quoted(m.rules), m.dies,
      m.weight_vias, m.constant_vias);
  for (const MaskFile& file : m.files) {
    text += fmt::format("\n[[file]]\nname = \"{}\"\nbytes = {}\nsha256 = \"{}\"\n", file.name,
                        file.bytes, file.sha256);
  }
  return text;
}

Result<MaskManifest> ReadManifest(const std::filesystem::path& folder) {
  const std::filesystem::path path = folder / kManifestName;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    return BadInput(folder.string(), "has no masks.toml", "a folder that burin mask wrote");
  }
  constexpr uint64_t kMostBytes = 1 << 20;
  BURIN_ASSIGN(const std::string text, ReadTextFile(path, kMostBytes));
  BURIN_ASSIGN(TomlReader reader, TomlReader::Parse(text, path.string()));
  MaskManifest m;
  reader.Int("format", 1, 1);
  m.tool = reader.Text("tool");
  m.model = reader.Text("model");
  m.digest = reader.Text("digest");
  m.chip = reader.Text("chip");
  m.rules = reader.Text("rules");
  m.dies = reader.Int("dies", 1, 1024);
  m.weight_vias = reader.Int("weight_vias", 0, kMost);
  m.constant_vias = reader.Int("constant_vias", 0, kMost);
  for (int64_t i = 0; i < reader.ArraySize("file"); ++i) {
    const std::string key = fmt::format("file[{}].", i);
    m.files.push_back({reader.Text(key + "name"), reader.Text(key + "sha256"),
                       reader.Int(key + "bytes", 0, kMost)});
  }
  BURIN_TRY(reader.Finish());
  return m;
}

}  // namespace burin::mask
