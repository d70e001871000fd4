// burin fit: which known chips hold a model, and what it would be on them.
#include <cmath>
#include <memory>

#include "cli/app.h"
#include "cli/console.h"
#include "cli/model_source.h"
#include "cost/chip_model.h"

namespace burin {
namespace {

struct FitFlags {
  ModelSourceFlags source;
  std::string json;
};

// A chip with the model on it, or what keeps it off.
struct Fit {
  std::string chip, process, refusal;
  Estimate estimate;
  int64_t dies = 0, context = 0;
  double used = 0;  // of the cells built
};

Result<Fit> FitOn(ModelSourceFlags flags, const std::string& chip_name) {
  flags.chip = chip_name;
  BURIN_ASSIGN(const ModelSource source, LoadModelSource(flags));
  Fit fit;
  fit.chip = chip_name;
  fit.process = source.chip.process;
  BURIN_ASSIGN(const Constants constants, LoadConstants(source.chip));
  const auto fabric =
      Place(source.plan, source.chip, SizesFor(source.chip, source.plan.config, constants));
  if (!fabric) {
    const Error& error = fabric.error();  // its object begins with the pair
    const std::string pair = fmt::format("{} on chip {}", source.plan.name, chip_name);
    const std::string of = error.object.starts_with(pair + ": ")
                               ? error.object.substr(pair.size() + 2) + " "
                               : std::string();
    fit.refusal = of + error.found + "; expected " + error.expected;
    return fit;
  }
  Workload work;
  work.context = std::max<int64_t>(1, std::min(work.context, fabric->max_context));
  const ChipModel model(*fabric, constants, work, ChipModel::Bands::kNoPrompt);
  fit.estimate = model.nominal();
  fit.dies = fabric->dies;
  fit.context = fabric->max_context;
  fit.used = static_cast<double>(model.inventory().cells_used) /
             static_cast<double>(model.inventory().cell_sites);
  return fit;
}

std::string Describe(const std::vector<Fit>& fits) {
  std::string text =
      fmt::format("{:<8}{:<8}{:>5}{:>8}{:>10}{:>12}{:>10}{:>10}\n", "chip", "process", "dies",
                  "full", "context", "tokens/s", "mm2 a die", "USD");
  for (const Fit& f : fits) {
    if (!f.refusal.empty()) continue;
    text += fmt::format(
        "{:<8}{:<8}{:>5}{:>6.0f} %{:>10}{:>12}{:>10.4g}{:>10}\n", f.chip, f.process, f.dies,
        100 * f.used, WithCommas(static_cast<uint64_t>(f.context)),
        WithCommas(static_cast<uint64_t>(std::llround(f.estimate.tokens_per_s_user))),
        f.estimate.die_mm2, WithCommas(static_cast<uint64_t>(std::llround(f.estimate.card.usd()))));
  }
  for (const Fit& f : fits) {
    if (!f.refusal.empty()) text += Paragraph("not " + f.chip, f.refusal);
  }
  return text;
}

Json ToJson(const std::vector<Fit>& fits) {
  Json list = Json::array();
  for (const Fit& f : fits) {
    Json json = {{"chip", f.chip}, {"process", f.process}, {"fits", f.refusal.empty()}};
    if (f.refusal.empty()) {
      json["dies"] = f.dies;
      json["used_cells"] = RoundTo(f.used, 4);
      json["max_context"] = f.context;
      json["tokens_per_s_user"] = RoundTo(f.estimate.tokens_per_s_user, 2);
      json["die_mm2"] = RoundTo(f.estimate.die_mm2, 3);
      json["card_cost_usd"] = RoundTo(f.estimate.card.usd(), 2);
    } else {
      json["refusal"] = f.refusal;
    }
    list.push_back(std::move(json));
  }
  return list;
}

Status RunFit(const FitFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  std::vector<Fit> fits;
  for (const std::string& name : ChipNames()) {
    BURIN_ASSIGN(Fit fit, FitOn(flags.source, name));
    fits.push_back(std::move(fit));
  }
  console.Print(Describe(fits));
  return console.WriteJson(ToJson(fits));
}

}  // namespace

void AddFitCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<FitFlags>();
  CLI::App* command = app.add_subcommand("fit", "Which known chips hold a model");
  AddModelOptions(*command, flags->source);
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunFit(*flags); }; });
}

}  // namespace burin
