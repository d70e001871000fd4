#include "mask/rules.h"

#include <toml++/toml.h>

#include "base/check.h"
#include "fabric/data_files.h"

namespace burin::mask {
namespace {

constexpr std::array<std::string_view, kRoles> kRoleNames = {
    "nwell",    "active", "tap",  "n_select", "p_select",   "gate", "contact",      "gate_contact",
    "gate_cut", "local",  "via0", "strap",    "weight_via", "line", "constant_via", "constant"};

// The largest value that a drawing uses; areas up to 1000 um2.
constexpr int64_t kLargestNm = 1'000'000;
constexpr int64_t kLargestArea = 1'000'000'000;

bool EndsWith(std::string_view text, std::string_view end) { return text.ends_with(end); }

Result<Layer> ReadLayer(const toml::node& node, const std::string& object) {
  const toml::table* table = node.as_table();
  const toml::array* gds = table ? (*table)["gds"].as_array() : nullptr;
  const std::string expected = "{ name = \"...\", gds = [number, datatype] } with 0 .. 32767";
  if (!gds || gds->size() != 2 || !(*table)["name"].is_string()) {
    return BadInput(object, "no layer", expected);
  }
  const int64_t number = gds->get(0)->value_or<int64_t>(-1);
  const int64_t datatype = gds->get(1)->value_or<int64_t>(-1);
  if (number < 0 || number > 32767 || datatype < 0 || datatype > 32767) {
    return BadInput(object, fmt::format("gds = [{}, {}]", number, datatype), expected);
  }
  return Layer{static_cast<int16_t>(number), static_cast<int16_t>(datatype)};
}

Result<Rule> ReadRule(const toml::node& node, const std::string& key, const std::string& object,
                      int32_t grid) {
  const toml::table* table = node.as_table();
  const std::string expected = "{ nm = integer, grade = \"...\", source = \"...\" }";
  if (!table || !(*table)["nm"].is_integer() || !(*table)["source"].is_string() ||
      !(*table)["grade"].is_string()) {
    return BadInput(object, "no rule", expected);
  }
  Rule rule{(*table)["nm"].value_or<int64_t>(0), (*table)["source"].value_or(std::string()),
            (*table)["grade"].value_or(std::string())};
  const bool is_area = EndsWith(key, ".area");
  // One choice may be negative: how far active goes beyond a contact (asap7's SDT reaches over its
  // end).
  const bool is_size = EndsWith(key, "width") || EndsWith(key, ".size") ||
                       EndsWith(key, ".space") || EndsWith(key, "grid") || is_area;
  const int64_t least = key == "draw.drain_past_contact" ? -kLargestNm : is_size ? 1 : 0;
  if (rule.nm < least || rule.nm > (is_area ? kLargestArea : kLargestNm)) {
    return BadInput(object, fmt::format("{}", rule.nm),
                    fmt::format("nanometres, {} up to one millimetre", least));
  }
  if (!is_area && rule.nm % grid != 0) {
    return BadInput(object, fmt::format("{} nm", rule.nm),
                    fmt::format("a multiple of the grid, {} nm", grid));
  }
  if (rule.grade != "public rule" && rule.grade != "LEF" && rule.grade != "GDS" &&
      rule.grade != "assumption") {
    return BadInput(object, "grade \"" + rule.grade + "\"", "public rule, LEF, GDS or assumption");
  }
  return rule;
}

}  // namespace

std::string_view RoleName(Role role) { return kRoleNames[static_cast<size_t>(role)]; }

Result<Rules> Rules::Load(const std::string& name_or_path) {
  BURIN_ASSIGN(const DataText file, ReadData("rules", name_or_path));
  return Parse(file.text, file.object);
}

Result<Rules> Rules::Parse(std::string_view text, const std::string& path) {
  toml::table root;
  try {
    root = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    return BadInput(fmt::format("{}: line {}", path, error.source().begin.line),
                    std::string(error.description()), "a TOML rule file");
  }
  Rules rules;
  rules.path_ = path;
  rules.name_ = root["name"].value_or(std::string());
  const int64_t grid = root["grid"].value_or<int64_t>(0);
  const toml::table* layers = root["layers"].as_table();
  const toml::table* list = root["rules"].as_table();
  if (rules.name_.empty() || grid < 1 || grid > 1000 || !layers || !list) {
    return BadInput(path, "no rule file", "name, grid (1 .. 1000 nm), [layers] and [rules]");
  }
  rules.grid_ = static_cast<int32_t>(grid);
  for (size_t i = 0; i < kRoles; ++i) {
    const toml::node* node = layers->get(kRoleNames[i]);
    if (!node && static_cast<Role>(i) == Role::kGateCut) continue;
    const std::string object = fmt::format("{}: layers.{}", path, kRoleNames[i]);
    if (!node) return BadInput(object, "missing", "the layer of this role");
    BURIN_ASSIGN(rules.layers_[i], ReadLayer(*node, object));
    rules.layer_names_[i] = (*node->as_table())["name"].value_or(std::string());
  }
  for (const auto& [key, node] : *list) {
    const std::string name(key.str());
    BURIN_ASSIGN(Rule rule,
                 ReadRule(node, name, fmt::format("{}: rules.\"{}\"", path, name), rules.grid_));
    rules.rules_.emplace(name, std::move(rule));
  }
  return rules;
}

const Rule* Rules::Find(std::string_view key) const {
  const auto at = rules_.find(key);
  return at == rules_.end() ? nullptr : &at->second;
}

int32_t RuleReader::operator()(std::string_view key) {
  const Rule* rule = rules_.Find(key);
  if (rule) return static_cast<int32_t>(rule->nm);
  if (status_) {
    status_ = BadInput(fmt::format("{}: rules.\"{}\"", rules_.path(), key), "missing",
                       "{ nm = integer, grade = \"...\", source = \"...\" }");
  }
  return 0;
}

int32_t RuleReader::Or(std::string_view key, int32_t otherwise) {
  const Rule* rule = rules_.Find(key);
  return rule ? static_cast<int32_t>(rule->nm) : otherwise;
}

}  // namespace burin::mask
