// A process's layers and design rules, read from data/rules/NAME.toml.
//
// The file names layers by their role in the ROM (`strap`, `line`, ...) with the process's own name
// and numbers, and holds each rule as a key made of roles, a value in nanometres, a source and a
// grade. The same file drives the drawing here and the rule deck scripts/klayout/rules.drc: there
// is one place for every number. docs/masks.md lists the kinds of keys.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "mask/geometry.h"

namespace burin::mask {

// What a layer does in the ROM, from the substrate up. sky130's and asap7's names stand beside it.
enum class Role {
  kNwell,        // nwell, nwell
  kActive,       // diff, active: sources and drains, and channels below gates
  kTap,          // tap, active: contacts of substrate and well
  kNSelect,      // nsdm, nselect
  kPSelect,      // psdm, pselect
  kGate,         // poly, gate: word lines
  kContact,      // licon1, SDT: on active
  kGateContact,  // licon1, LIG: on gates
  kGateCut,      // npc, none: opening for contacts on gates; optional
  kLocal,        // li1, LISD: ground rails and pads
  kVia0,         // mcon, V0
  kStrap,        // met1, M1: one a cell, below all level lines of its column
  kWeightVia,    // via, V1: the layer of the weights
  kLine,         // met2, M2: level lines
  kConstantVia,  // via2, V2: the layer of the constants
  kConstant,     // met3, M3: outputs of constant bits
};
inline constexpr int kRoles = 16;
std::string_view RoleName(Role role);

struct Rule {
  int64_t nm = 0;      // nanometres; square nanometres for areas
  std::string source;  // the rule's name or document
  std::string grade;   // "public rule", "LEF", "GDS" or "assumption"
};

class Rules {
 public:
  // Reads and checks data/rules/NAME.toml, or the file itself where the name has a '/' or ends in
  // ".toml". Errors: unknown or unreadable, not TOML, a layer without numbers, a rule without
  // value, source or grade, values off the grid. That a rule is missing is found by who needs it
  // (RuleReader).
  static Result<Rules> Load(const std::string& name_or_path);
  static Result<Rules> Parse(std::string_view text, const std::string& path);

  const std::string& name() const { return name_; }
  const std::string& path() const { return path_; }
  int32_t grid() const { return grid_; }
  // The layer of a role; empty if this process has none.
  std::optional<Layer> layer(Role role) const { return layers_[static_cast<size_t>(role)]; }
  const std::string& layer_name(Role role) const { return layer_names_[static_cast<size_t>(role)]; }
  const std::map<std::string, Rule, std::less<>>& all() const { return rules_; }
  const Rule* Find(std::string_view key) const;

 private:
  std::string name_, path_;
  int32_t grid_ = 1;
  std::array<std::optional<Layer>, kRoles> layers_;
  std::array<std::string, kRoles> layer_names_;
  std::map<std::string, Rule, std::less<>> rules_;
};

// Looks rules up and remembers the first that is missing, so that arithmetic can be written as
// arithmetic.
class RuleReader {
 public:
  explicit RuleReader(const Rules& rules) : rules_(rules) {}
  // The value in nanometres, at most 1 mm; 0 after a failure.
  int32_t operator()(std::string_view key);
  // The value, or `otherwise` if the file has no such rule.
  int32_t Or(std::string_view key, int32_t otherwise);
  // An error that names file and key if any lookup failed.
  Status status() const { return status_; }

 private:
  const Rules& rules_;
  Status status_;
};

}  // namespace burin::mask
