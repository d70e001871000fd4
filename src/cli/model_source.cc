#include "cli/model_source.h"

#include <algorithm>
#include <filesystem>

#include "base/mapped_file.h"
#include "base/near_names.h"
#include "cli/console.h"
#include "model/config.h"
#include "model/import.h"
#include "model/presets.h"
#include "quant/cartridge.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

bool IsCartridge(const fs::path& path) {
  if (path.extension() == ".burin") return true;
  const auto file = MappedFile::Open(path);
  constexpr std::string_view kMagic = "BURIN";
  return file && file->bytes().size() >= kMagic.size() &&
         std::equal(kMagic.begin(), kMagic.end(),
                    reinterpret_cast<const char*>(file->bytes().data()));
}

struct Geometry {
  ModelConfig config;
  std::string name;
};

Result<Geometry> ReadGeometry(const std::string& text) {
  const fs::path path = text;
  std::error_code ignored;
  if (fs::is_directory(path, ignored)) {
    if (fs::exists(path / "config.json", ignored)) {
      BURIN_ASSIGN(const HfConfig read, ReadHfConfig(path));
      return Geometry{read.config, fs::absolute(path).lexically_normal().filename().string()};
    }
    BURIN_ASSIGN(const Model model, ImportModel(path));
    return Geometry{model.config, path.filename().string()};
  }
  if (fs::exists(path, ignored)) {
    if (path.extension() == ".gguf") {
      BURIN_ASSIGN(const Model model, ImportModel(path));
      return Geometry{model.config, path.stem().string()};
    }
    constexpr uint64_t kMostBytes = 1 << 20;
    BURIN_ASSIGN(const std::string json, ReadTextFile(path, kMostBytes));
    BURIN_ASSIGN(ModelConfig config, ParseHfConfig(json, text));
    return Geometry{std::move(config), path.string()};
  }
  if (text.find('/') != std::string::npos || path.has_extension()) {
    const auto names = PresetNames();
    if (std::find(names.begin(), names.end(), text) == names.end() &&
        (text.find('/') != std::string::npos || path.extension() == ".json" ||
         path.extension() == ".gguf")) {
      return IoError(OneLine(text), "no such file or folder",
                     "a cartridge, a checkpoint or a preset (burin presets lists them)");
    }
  }
  BURIN_ASSIGN(ModelConfig config, FindPreset(text));
  return Geometry{std::move(config), text};
}

void AddModel(CLI::App& command, ModelSourceFlags& flags, const char* name, const char* what) {
  command.add_option(name, flags.model, what)->required();
}

void AddChip(CLI::App& command, ModelSourceFlags& flags) {
  command
      .add_option(
          "--chip", flags.chip,
          fmt::format("The chip: {}, or a TOML file of your own", fmt::join(ChipNames(), ", ")))
      ->option_text("NAME|FILE")
      ->required();
}

void AddContext(CLI::App& command, ModelSourceFlags& flags) {
  command.add_option("--context", flags.context, "Positions that one user must have")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
}

void AddBits(CLI::App& command, ModelSourceFlags& flags) {
  command.add_option("--bits", flags.bits, "Bits a weight, 3, 4 or 6, where there is no cartridge")
      ->option_text("N")
      ->check(CLI::IsMember({3, 4, 6}));
  command
      .add_option("--tensor-bits", flags.tensor_bits,
                  "Other bits for some matrices: 'lm_head=6,*.o_proj=6'")
      ->option_text("P=N,...");
  command.add_option("--group", flags.group, "Inputs a scale, 32, 64 or 128")
      ->option_text("N")
      ->check(CLI::IsMember({32, 64, 128}));
}

constexpr const char* kModel =
    "A cartridge, a checkpoint or its config.json, or a preset (burin presets)";

}  // namespace

void AddModelSourceOptions(CLI::App& command, ModelSourceFlags& flags) {
  AddModel(command, flags, "MODEL", kModel);
  AddChip(command, flags);
  AddBits(command, flags);
  AddContext(command, flags);
}

void AddModelOptions(CLI::App& command, ModelSourceFlags& flags) {
  AddModel(command, flags, "MODEL", kModel);
  AddBits(command, flags);
  AddContext(command, flags);
}

void AddCartridgeSourceOptions(CLI::App& command, ModelSourceFlags& flags) {
  AddModel(command, flags, "CARTRIDGE", "The file");
  AddChip(command, flags);
  AddContext(command, flags);
}

Result<ModelSource> LoadModelSource(const ModelSourceFlags& flags) {
  ModelSource source;
  BURIN_ASSIGN(source.chip, LoadChip(flags.chip));
  if (IsCartridge(flags.model)) {
    if (flags.bits != 0 || !flags.tensor_bits.empty() || flags.group != 0) {
      return BadInput(OneLine(flags.model), "--bits, --tensor-bits or --group given",
                      "none of them: a cartridge has its own",
                      "Engrave the model again with other bits.");
    }
    BURIN_ASSIGN(QuantizedModel model, OpenCartridge(flags.model));
    source.weights = std::make_unique<QuantizedModel>(std::move(model));
    source.plan = PlanOf(*source.weights, fs::path(flags.model).stem().string());
  } else {
    BURIN_ASSIGN(const Geometry geometry, ReadGeometry(flags.model));
    const int bits = flags.bits != 0 ? flags.bits : source.chip.levels == 16 ? 4 : 3;
    BURIN_ASSIGN(source.plan,
                 PlanOf(geometry.config, geometry.name, bits, flags.tensor_bits, flags.group, 0));
  }
  source.plan.needed_context = std::max<int64_t>(1, flags.context);
  return source;
}

}  // namespace burin
