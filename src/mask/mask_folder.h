// A folder of masks: base.oas, the two programmed layers weights.oas and constants.oas (one of each
// a die), the chip and the rules they were drawn for, an index of the banks, and masks.toml, which
// says what is what.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace burin::mask {

struct MaskFile {
  std::string name;    // in the folder
  std::string sha256;  // hexadecimal
  int64_t bytes = 0;
};

struct MaskManifest {
  std::string tool;
  std::string model;        // name of the cartridge
  std::string digest;       // of the cartridge, hexadecimal
  std::string chip, rules;  // names, for people: their texts are chip.toml and rules.toml
  int64_t dies = 1;
  int64_t weight_vias = 0, constant_vias = 0;  // of all dies
  std::vector<MaskFile> files;                 // base, then weights and constants of each die
};

// "weights.oas"; with several dies "weights-0.oas", ...
std::string LayerFileName(const std::string& layer, int64_t die, int64_t dies);

std::string ManifestText(const MaskManifest& manifest);
// Errors: no folder of masks; a manifest that is damaged.
Result<MaskManifest> ReadManifest(const std::filesystem::path& folder);

inline constexpr const char* kManifestName = "masks.toml";
inline constexpr const char* kBaseName = "base.oas";

}  // namespace burin::mask
