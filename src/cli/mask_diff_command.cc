// burin mask diff: what a new model changes on the same base die.
#include <algorithm>
#include <filesystem>
#include <memory>

#include "base/interrupt.h"
#include "base/progress.h"
#include "cli/console.h"
#include "cli/mask_engrave_command.h"
#include "cost/constants.h"
#include "cost/money.h"
#include "fabric/nearest_chip.h"
#include "mask/die.h"
#include "mask/mask_diff.h"
#include "quant/cartridge.h"

namespace burin {
namespace {

std::string Count(int64_t n) { return WithCommas(static_cast<uint64_t>(n)); }

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

double LeftOverRounding(const mask::TensorDiff& t) {
  if (t.energy_by_rank.empty() || t.rounding_energy <= 0) return 0;
  return t.change_energy * (1 - t.energy_by_rank.back()) / t.rounding_energy;
}

std::string DescribeTensors(const mask::MaskDiff& diff, int rank) {
  std::vector<const mask::TensorDiff*> changed;
  for (const auto& t : diff.tensors) {
    if (t.moved + t.added + t.removed + t.scale_bits > 0) changed.push_back(&t);
  }
  std::stable_sort(changed.begin(), changed.end(),
                   [](auto* a, auto* b) { return a->moved > b->moved; });
  constexpr size_t kShown = 12;
  std::string text = fmt::format(
      "{:<32} {:>11} {:>7} {:>10} {:>7} {:>8}\n", "tensor", "vias moved", "share", "scale bits",
      rank > 0 ? fmt::format("rank {}", rank) : "", rank > 0 ? "the rest" : "");
  for (size_t i = 0; i < std::min(kShown, changed.size()); ++i) {
    const auto& t = *changed[i];
    text += fmt::format(
        "{:<32} {:>11} {:>5.1f} % {:>10} {:>7} {:>8}\n", t.name, Count(t.moved),
        100.0 * static_cast<double>(t.moved) / static_cast<double>(std::max<int64_t>(1, t.cells)),
        Count(t.scale_bits),
        t.energy_by_rank.empty() ? "" : fmt::format("{:.1f} %", 100 * t.energy_by_rank.back()),
        t.energy_by_rank.empty() ? "" : fmt::format("{:.2f}", LeftOverRounding(t)));
  }
  if (changed.size() > kShown)
    text += fmt::format("and {} more (--json lists all)\n", changed.size() - kShown);
  return text;
}

// Whether an adapter could do what the masks do.
std::string DescribeAdapter(int rank, const mask::LowRankShare& share) {
  return fmt::format(
      "adapter     a LoRA of rank {} on every matrix holds {:.1f} % of the change; the rest is "
      "{:.2f}\n"
      "            of what rounding to codes moves by itself: the LoRA could {}express the "
      "change\n",
      rank, 100 * share.held, share.left_over_rounding,
      share.left_over_rounding <= 1 ? "" : "not ");
}

Json TensorsJson(const mask::MaskDiff& diff) {
  Json list = Json::array();
  for (const auto& t : diff.tensors) {
    Json one = {{"name", t.name},
                {"moved", t.moved},
                {"added", t.added},
                {"removed", t.removed},
                {"scale_bits", t.scale_bits},
                {"relative_energy", RoundTo(t.relative_energy, 9)},
                {"left_over_rounding", RoundTo(LeftOverRounding(t), 6)}};
    one["energy_by_rank"] = Json::array();
    for (const double e : t.energy_by_rank) one["energy_by_rank"].push_back(RoundTo(e, 6));
    list.push_back(std::move(one));
  }
  return list;
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
  const mask::LowRankShare share = diff.LowRank();
  if (flags.rank > 0) text += DescribeAdapter(flags.rank, share);
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
       {"energy_held", RoundTo(share.held, 6)},
       {"left_over_rounding", RoundTo(share.left_over_rounding, 6)},
       {"tensors", TensorsJson(diff)}});
}

}  // namespace

Result<std::unique_ptr<OnDie>> PlaceCartridge(const std::string& path, const ChipSpec& chip) {
  BURIN_ASSIGN(QuantizedModel model, OpenCartridge(path));
  auto on_die = std::make_unique<OnDie>();
  on_die->model = std::move(model);
  const ModelPlan plan = PlanOf(on_die->model, std::filesystem::path(path).stem().string());
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

void AddMaskDiffCommand(CLI::App& mask, Action& action) {
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

}  // namespace burin
