// burin mask CARTRIDGE, burin mask verify: a model as two programmed layers.
#include "cli/mask_engrave_command.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "base/interrupt.h"
#include "base/output_file.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "fabric/data_files.h"
#include "fabric/placed_fabric.h"
#include "mask/gdsii_writer.h"
#include "mask/layer_reader.h"
#include "mask/masks_writer.h"
#include "mask/read_back.h"
#include "quant/cartridge.h"

namespace burin {
namespace {

namespace fs = std::filesystem;

std::string Count(int64_t n) { return WithCommas(static_cast<uint64_t>(n)); }

double SecondsSince(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

Json FilesJson(const mask::MaskManifest& manifest) {
  Json files = Json::array();
  for (const mask::MaskFile& file : manifest.files) {
    files.push_back({{"name", file.name}, {"bytes", file.bytes}, {"sha256", file.sha256}});
  }
  return files;
}

struct EngraveFlags {
  std::string cartridge, chip, output, process, json;
  int64_t tile = -1;
  int threads = 0;
  bool force = false;
};

Status WriteOneTile(const EngraveFlags& flags, const OnDie& on_die, const mask::Die& die,
                    const Console& console) {
  if (flags.tile >= on_die.fabric.banks) {
    return BadInput("--tile", fmt::format("{}", flags.tile),
                    fmt::format("a bank that the model uses, 0 to {}", on_die.fabric.banks - 1));
  }
  BURIN_TRY(CheckWritable(flags.output));
  const mask::Layout layout = mask::TileLayout(on_die.fabric, die, flags.tile);
  if (fs::path(flags.output).extension() == ".gds") {
    BURIN_ASSIGN(const std::string bytes, mask::ToGdsii(layout, "burin"));
    BURIN_TRY(WriteFileAtomically(flags.output, bytes));
  } else {
    BURIN_TRY(mask::WriteOasis(layout, flags.output));
  }
  console.Print(fmt::format("written     {}: bank {} with base, weights and constants\n",
                            OneLine(flags.output), flags.tile));
  // Rows of codes, as burin mask cell gives them; -1: no via.
  Json codes = Json::array();
  const auto flat = mask::BankCodes(on_die.fabric, flags.tile);
  for (size_t i = 0; i < flat.size(); ++i) {
    if (i % static_cast<size_t>(on_die.fabric.chip.columns) == 0) codes.push_back(Json::array());
    codes.back().push_back(flat[i] == mask::kNoVia ? -1 : int{flat[i]});
  }
  return console.WriteJson({{"file", flags.output},
                            {"bank", flags.tile},
                            {"rules", die.rules().name()},
                            {"rows", die.bank().shape().rows},
                            {"columns", die.bank().shape().cols},
                            {"lines", die.bank().shape().lines},
                            {"codes", std::move(codes)}});
}

std::string Describe(const mask::MaskManifest& m, const mask::Die& die, double seconds) {
  int64_t weights = 0, constants = 0;
  for (const mask::MaskFile& file : m.files) {
    if (file.name.starts_with("weights")) weights += file.bytes;
    if (file.name.starts_with("constants")) constants += file.bytes;
  }
  const mask::Rect& box = die.extent();
  return fmt::format(
             "chip        {}, drawn by the rules of {}, {:.2f} x {:.2f} mm a die\n"
             "base        {}: {} bytes, SHA-256 {}...\n",
             OneLine(m.chip), OneLine(m.rules), 1e-6 * box.width(), 1e-6 * box.height(),
             m.files[0].name, Count(m.files[0].bytes), m.files[0].sha256.substr(0, 16)) +
         fmt::format("weights     {} vias, {} bytes, {:.2f} bits a via\n", Count(m.weight_vias),
                     Count(weights),
                     8.0 * static_cast<double>(weights) / static_cast<double>(m.weight_vias)) +
         fmt::format("constants   {} vias, {} bytes\n", Count(m.constant_vias), Count(constants)) +
         fmt::format("dies        {}\ndigest      {}\n", m.dies, m.digest) +
         fmt::format(
             "time        {:.2f} s, {:.1f} M vias/s\n", seconds,
             1e-6 * static_cast<double>(m.weight_vias + m.constant_vias) / std::max(seconds, 1e-9));
}

Status RunEngrave(const EngraveFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  if (flags.cartridge.empty() || flags.chip.empty() || flags.output.empty()) {
    return BadInput("burin mask", "needs CARTRIDGE, --chip and -o, or one of cell, verify, diff",
                    {}, "See burin mask --help.");
  }
  CatchInterrupts();
  BURIN_ASSIGN(const ChipSpec chip, LoadChip(flags.chip));
  BURIN_ASSIGN(const DataText chip_text, ReadData("chips", flags.chip));
  BURIN_ASSIGN(const mask::Rules rules, RulesFor(chip, flags.process));
  BURIN_ASSIGN(const DataText rules_text,
               ReadData("rules", flags.process.empty() ? chip.process : flags.process));
  BURIN_ASSIGN(const auto on_die, PlaceCartridge(flags.cartridge, chip));
  BURIN_ASSIGN(const mask::Die die, mask::Die::Create(chip, rules));
  if (flags.tile >= 0) return WriteOneTile(flags, *on_die, die, console);
  BURIN_ASSIGN(OutputFolder folder,
               OutputFolder::Create(flags.output, mask::kManifestName, flags.force));
  ThreadPool pool(ThreadCount(flags.threads));
  const auto start = std::chrono::steady_clock::now();
  mask::MaskManifest manifest;
  {
    Progress progress("mask", "banks", static_cast<uint64_t>(2 * on_die->fabric.banks));
    BURIN_ASSIGN(manifest, mask::WriteMasks(on_die->fabric, die,
                                            {VersionText(), chip_text.text, rules_text.text},
                                            folder, pool, &progress));
  }
  const double seconds = SecondsSince(start);
  console.Print(Describe(manifest, die, seconds));
  return console.WriteJson({{"folder", flags.output},
                            {"model", manifest.model},
                            {"digest", manifest.digest},
                            {"chip", manifest.chip},
                            {"rules", manifest.rules},
                            {"dies", manifest.dies},
                            {"weight_vias", manifest.weight_vias},
                            {"constant_vias", manifest.constant_vias},
                            {"files", FilesJson(manifest)},
                            {"seconds", RoundTo(seconds, 3)}});
}

struct VerifyFlags {
  std::string folder, cartridge, json;
  int threads = 0;
};

Status RunVerify(const VerifyFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  CatchInterrupts();
  std::optional<QuantizedModel> model;
  if (!flags.cartridge.empty()) {
    BURIN_ASSIGN(model, OpenCartridge(flags.cartridge));
  }
  ThreadPool pool(ThreadCount(flags.threads));
  mask::ReadBack read;
  {
    Progress progress("verify", "banks", 0);
    BURIN_ASSIGN(read, mask::ReadMasks(flags.folder, model ? &*model : nullptr, pool, &progress));
  }
  int64_t weights = 0, equal = 0;
  Json tensors = Json::array();
  for (const auto& t : read.tensors) {
    weights += t.weights;
    equal += t.equal ? 1 : 0;
    tensors.push_back(
        {{"name", t.name}, {"bits", t.bits}, {"weights", t.weights}, {"equal", t.equal}});
  }
  for (const std::string& problem : read.problems) Console::Note(problem + "\n");
  const std::string digest = read.digest ? ToHex(*read.digest) : "";
  console.Print(
      fmt::format("read        {} weight vias in {} banks, {} constant vias\n",
                  Count(read.weight_vias), Count(read.banks), Count(read.constant_vias)) +
      fmt::format("tensors     {} of {} {}, {} weights, embedding and head included\n", equal,
                  read.tensors.size(), model ? "equal" : "readable", Count(weights)) +
      fmt::format("program     {} steps\n", read.program_steps) +
      (read.digest ? fmt::format("digest      {}{}\n", digest,
                                 model && digest == ToHex(model->digest) ? ", the cartridge's" : "")
                   : std::string("digest      none: the masks are damaged\n")));
  BURIN_TRY(console.WriteJson({{"folder", flags.folder},
                               {"model", read.manifest.model},
                               {"digest", digest},
                               {"problems", read.problem_count},
                               {"problem_texts", read.problems},
                               {"weight_vias", read.weight_vias},
                               {"constant_vias", read.constant_vias},
                               {"steps", read.program_steps},
                               {"tensors", tensors}}));
  const std::string& wanted = model ? ToHex(model->digest) : read.manifest.digest;
  if (read.problem_count > 0) {
    return BadInput(OneLine(flags.folder),
                    fmt::format("{} difference{}, the first: {}", read.problem_count,
                                read.problem_count == 1 ? "" : "s", read.problems.front()),
                    model ? "what the cartridge says" : "masks that burin drew");
  }
  if (digest != wanted) return BadInput(OneLine(flags.folder), "digest " + digest, wanted);
  return {};
}

void AddVerify(CLI::App& mask, Action& action) {
  auto flags = std::make_shared<VerifyFlags>();
  CLI::App* command =
      mask.add_subcommand("verify", "Read masks back and compare them with a cartridge");
  command->add_option("FOLDER", flags->folder, "What burin mask wrote")->required();
  command->add_option("CARTRIDGE", flags->cartridge,
                      "The model; without one the masks are only read");
  AddThreadsOption(*command, flags->threads);
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunVerify(*flags); }; });
}

}  // namespace

void AddMaskEngraveCommands(CLI::App& mask, Action& action) {
  auto flags = std::make_shared<EngraveFlags>();
  mask.add_option("CARTRIDGE", flags->cartridge, "The model to draw");
  mask.add_option(
          "--chip", flags->chip,
          fmt::format("The chip: {}, or a TOML file of your own", fmt::join(ChipNames(), ", ")))
      ->option_text("NAME|FILE");
  mask.add_option("-o,--output", flags->output,
                  "New or empty folder for the masks; with --tile a file")
      ->option_text("PATH");
  mask.add_flag("--force", flags->force, "Replace the masks that are there");
  mask.add_option("--process", flags->process,
                  fmt::format("Rules to draw by: {}, or a file; the chip's process",
                              fmt::join(DataNames("rules"), ", ")))
      ->option_text("NAME|FILE");
  mask.add_option("--tile", flags->tile,
                  "Only bank N, base and both layers, as one OASIS (or .gds) file")
      ->option_text("N")
      ->check(CLI::NonNegativeNumber);
  AddThreadsOption(mask, flags->threads);
  AddJsonOption(mask, flags->json);
  AddVerify(mask, action);
  AddMaskDiffCommand(mask, action);
  // Runs for `burin mask` itself and before a subcommand's, which then takes the place.
  mask.callback([flags, &mask, &action] {
    if (mask.get_subcommands().empty()) action = [flags] { return RunEngrave(*flags); };
  });
}

}  // namespace burin
