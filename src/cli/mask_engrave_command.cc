// burin mask CARTRIDGE, burin mask verify, burin mask diff: a model as two programmed layers.
#include "cli/mask_engrave_command.h"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <memory>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "cost/constants.h"
#include "cost/money.h"
#include "fabric/data_files.h"
#include "fabric/nearest_chip.h"
#include "fabric/placed_fabric.h"
#include "mask/gdsii_writer.h"
#include "mask/layer_reader.h"
#include "mask/mask_diff.h"
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

// A cartridge on a chip whose base die is drawn by a process's rules.
struct OnDie {
  QuantizedModel model;
  PlacedFabric fabric;
};

Result<std::unique_ptr<OnDie>> PlaceCartridge(const std::string& path, const ChipSpec& chip) {
  BURIN_ASSIGN(QuantizedModel model, OpenCartridge(path));
  auto on_die = std::make_unique<OnDie>();
  on_die->model = std::move(model);
  const ModelPlan plan = PlanOf(on_die->model, fs::path(path).stem().string());
  auto fabric = Place(plan, chip);
  if (!fabric) return tl::unexpected<Error>(WithNearestChips(fabric.error(), plan));
  on_die->fabric = std::move(*fabric);
  BURIN_TRY(VerifyPlacement(on_die->fabric));
  return on_die;
}

// The rules of --process, or of the chip's own.
Result<mask::Rules> RulesFor(const ChipSpec& chip, const std::string& process) {
  const std::string name = process.empty() ? chip.process : process;
  auto rules = mask::Rules::Load(name);
  if (!rules && process.empty()) {
    Error error = rules.error();
    error.advice += fmt::format("{}No rule file for the chip's process: choose one with --process.",
                                error.advice.empty() ? "" : " ");
    return tl::unexpected<Error>(std::move(error));
  }
  return rules;
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
  ThreadPool pool(ThreadCount(flags.threads));
  const auto start = std::chrono::steady_clock::now();
  mask::MaskManifest manifest;
  {
    Progress progress("mask", "banks", static_cast<uint64_t>(2 * on_die->fabric.banks));
    BURIN_ASSIGN(manifest, mask::WriteMasks(on_die->fabric, die,
                                            {VersionText(), chip_text.text, rules_text.text},
                                            flags.output, pool, &progress));
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
    return BadInput(
        OneLine(flags.folder),
        fmt::format("{} differences, the first: {}", read.problem_count, read.problems.front()),
        model ? "what the cartridge says" : "masks that burin drew");
  }
  if (digest != wanted) return BadInput(OneLine(flags.folder), "digest " + digest, wanted);
  return {};
}

struct DiffFlags {
  std::string from, to, chip, process, json;
  int rank = 16;
};

// Cost and weeks of two new masks and the engineering of a model on them, by the chip's process.
struct Respin {
  double usd[3], weeks[3];  // low, nominal, high
};

Result<Respin> RespinOf(const ChipSpec& chip) {
  BURIN_ASSIGN(const Constants constants, LoadConstants(chip));
  const Bracket& mask = constants[Param::kMask];
  const Bracket& work = constants[Param::kRespinWork];
  const Bracket& weeks = constants[Param::kRespinWeeks];
  constexpr double kMasks = kProgrammedMasks;
  return Respin{{kMasks * mask.low + work.low, kMasks * mask.nominal + work.nominal,
                 kMasks * mask.high + work.high},
                {weeks.low, weeks.nominal, weeks.high}};
}

std::string DescribeTensors(const mask::MaskDiff& diff, int rank) {
  std::vector<const mask::TensorDiff*> changed;
  for (const auto& t : diff.tensors) {
    if (t.moved + t.added + t.removed + t.scale_bits > 0) changed.push_back(&t);
  }
  std::stable_sort(changed.begin(), changed.end(),
                   [](auto* a, auto* b) { return a->moved > b->moved; });
  constexpr size_t kShown = 12;
  std::string text =
      fmt::format("{:<38} {:>12} {:>7} {:>9} {:>9}\n", "tensor", "vias moved", "share",
                  "scale bits", rank > 0 ? fmt::format("rank {}", rank) : "");
  for (size_t i = 0; i < std::min(kShown, changed.size()); ++i) {
    const auto& t = *changed[i];
    text += fmt::format(
        "{:<38} {:>12} {:>5.1f} % {:>9} {:>9}\n", t.name, Count(t.moved),
        100.0 * static_cast<double>(t.moved) / static_cast<double>(std::max<int64_t>(1, t.cells)),
        Count(t.scale_bits),
        t.energy_by_rank.empty() ? "" : fmt::format("{:.1f} %", 100 * t.energy_by_rank.back()));
  }
  if (changed.size() > kShown)
    text += fmt::format("and {} more (--json lists all)\n", changed.size() - kShown);
  return text;
}

Json TensorsJson(const mask::MaskDiff& diff) {
  Json list = Json::array();
  for (const auto& t : diff.tensors) {
    Json one = {{"name", t.name},
                {"moved", t.moved},
                {"added", t.added},
                {"removed", t.removed},
                {"scale_bits", t.scale_bits},
                {"relative_energy", RoundTo(t.relative_energy, 9)}};
    one["energy_by_rank"] = Json::array();
    for (const double e : t.energy_by_rank) one["energy_by_rank"].push_back(RoundTo(e, 6));
    list.push_back(std::move(one));
  }
  return list;
}

// Of all tensors, weighted by how much changes in each.
double EnergyHeld(const mask::MaskDiff& diff, const PlacedFabric& from) {
  double held = 0, total = 0;
  const auto matrices = MatricesIn(*from.plan.weights);
  for (size_t m = 0; m < diff.tensors.size() && m < matrices.size(); ++m) {
    const auto& t = diff.tensors[m];
    if (t.energy_by_rank.empty()) continue;
    held += t.change_energy * t.energy_by_rank.back();
    total += t.change_energy;
  }
  return total > 0 ? held / total : 1;
}

Status RunDiff(const DiffFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  CatchInterrupts();
  BURIN_ASSIGN(const ChipSpec chip, LoadChip(flags.chip));
  BURIN_ASSIGN(const mask::Rules rules, RulesFor(chip, flags.process));
  BURIN_ASSIGN(const mask::Die die, mask::Die::Create(chip, rules));
  BURIN_ASSIGN(const auto from, PlaceCartridge(flags.from, chip));
  BURIN_ASSIGN(const auto to, PlaceCartridge(flags.to, chip));
  BURIN_ASSIGN(const auto base, die.MeasureBase());
  BURIN_ASSIGN(const Respin respin, RespinOf(chip));
  mask::MaskDiff diff;
  {
    Progress progress("diff", "tensors", to->fabric.matrices.size());
    BURIN_ASSIGN(diff, mask::DiffMasks(from->fabric, to->fabric, die, flags.rank, &progress));
  }
  const int layers =
      (diff.weight_vias_changed() > 0 ? 1 : 0) + (diff.constant_vias_changed() > 0 ? 1 : 0);
  std::string text = fmt::format(
      "weights     {} vias change\nconstants   {} vias change, {} of them in the tables\n"
      "layers      {} touched, the base unchanged (SHA-256 {}...)\n",
      Count(diff.weight_vias_changed()), Count(diff.constant_vias_changed()),
      Count(diff.table_bits), layers, ToHex(base.digest).substr(0, 16));
  text += fmt::format(
      "re-spin     {} to {} USD, nominal {}; {:.0f} to {:.0f} weeks, nominal {:.0f} ({})\n",
      Count(static_cast<int64_t>(respin.usd[0])), Count(static_cast<int64_t>(respin.usd[2])),
      Count(static_cast<int64_t>(respin.usd[1])), respin.weeks[0], respin.weeks[2], respin.weeks[1],
      chip.process);
  const double held = EnergyHeld(diff, from->fabric);
  if (flags.rank > 0) {
    text +=
        fmt::format("adapter     a LoRA of rank {} on every matrix holds {:.1f} % of the change\n",
                    flags.rank, 100 * held);
  }
  console.Print(text + "\n" + DescribeTensors(diff, flags.rank));
  return console.WriteJson(
      {{"from", flags.from},
       {"to", flags.to},
       {"chip", chip.name},
       {"weight_vias_changed", diff.weight_vias_changed()},
       {"constant_vias_changed", diff.constant_vias_changed()},
       {"table_vias_changed", diff.table_bits},
       {"layers_touched", layers},
       {"base_sha256", ToHex(base.digest)},
       {"respin_usd",
        {{"low", respin.usd[0]}, {"nominal", respin.usd[1]}, {"high", respin.usd[2]}}},
       {"respin_weeks",
        {{"low", respin.weeks[0]}, {"nominal", respin.weeks[1]}, {"high", respin.weeks[2]}}},
       {"rank", flags.rank},
       {"energy_held", RoundTo(held, 6)},
       {"tensors", TensorsJson(diff)}});
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

void AddDiff(CLI::App& mask, Action& action) {
  auto flags = std::make_shared<DiffFlags>();
  CLI::App* command = mask.add_subcommand("diff", "What a new model changes on the same base die");
  command->add_option("FROM", flags->from, "The cartridge on the chip")->required();
  command->add_option("TO", flags->to, "The new cartridge")->required();
  command->add_option("--chip", flags->chip, "The chip")->option_text("NAME|FILE")->required();
  command
      ->add_option("--process", flags->process,
                   "Rule file to draw by, where the chip's process has none")
      ->option_text("NAME|FILE");
  command->add_option("--rank", flags->rank, "Rank of a LoRA to compare with; 0: none; 16")
      ->option_text("N")
      ->check(CLI::Range(0, 256));
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunDiff(*flags); }; });
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
  AddDiff(mask, action);
  // Runs for `burin mask` itself and before a subcommand's, which then takes the place.
  mask.callback([flags, &mask, &action] {
    if (mask.get_subcommands().empty()) action = [flags] { return RunEngrave(*flags); };
  });
}

}  // namespace burin
