// burin presets: the known geometries.
#include <memory>

#include "cli/app.h"
#include "cli/console.h"
#include "model/presets.h"

namespace burin {
namespace {

Json ToJson(const std::string& name, const ModelConfig& c) {
  return {{"name", name},        {"architecture", c.architecture},
          {"hidden", c.hidden},  {"layers", c.layers},
          {"heads", c.heads},    {"kv_heads", c.kv_heads},
          {"ffn", c.ffn},        {"head_dim", c.head_dim},
          {"vocab", c.vocab},    {"max_positions", c.max_positions},
          {"tied", c.tied_head}, {"weights", c.WeightCount()}};
}

Status RunPresets(const std::string& json_target) {
  const Console console(json_target);
  BURIN_TRY(console.Check());
  Json list = Json::array();
  std::string table =
      fmt::format("{:<20} {:>8} {:>6} {:>6} {:>5} {:>5} {:>6} {:>7} {:>7}\n", "name", "weights",
                  "hidden", "layers", "heads", "kv", "ffn", "vocab", "context");
  for (const std::string& name : PresetNames()) {
    BURIN_ASSIGN(const ModelConfig c, FindPreset(name));
    list.push_back(ToJson(name, c));
    table += fmt::format("{:<20} {:>7.2f}G {:>6} {:>6} {:>5} {:>5} {:>6} {:>7} {:>7}\n", name,
                         static_cast<double>(c.WeightCount()) * 1e-9, c.hidden, c.layers, c.heads,
                         c.kv_heads, c.ffn, c.vocab, c.max_positions);
  }
  console.Print(table);
  return console.WriteJson(list);
}

}  // namespace

void AddPresetsCommand(CLI::App& app, Action& action) {
  auto target = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand("presets", "Known geometries, for engrave --synthetic");
  AddJsonOption(*command, *target);
  command->callback([target, &action] { action = [target] { return RunPresets(*target); }; });
}

}  // namespace burin
