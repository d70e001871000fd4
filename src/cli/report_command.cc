// burin report: what a model would be as a chip.
#include <memory>

#include "base/output_file.h"
#include "cli/app.h"
#include "cli/console.h"
#include "cli/report.h"

namespace burin {
namespace {

constexpr int64_t kUsualContext = 1024;

struct ReportFlags {
  ModelSourceFlags source;
  std::string process, require, html, json;
  int64_t prompt = 0, adapter_rank = 0;
};

Result<Workload> WorkloadOf(const ReportFlags& flags, const PlacedFabric& fabric) {
  Workload work;
  work.context = flags.source.context > 0
                     ? flags.source.context
                     : std::max<int64_t>(1, std::min(kUsualContext, fabric.max_context));
  work.prompt = flags.prompt > 0 ? flags.prompt : work.context;
  if (work.prompt > std::max<int64_t>(1, fabric.max_context)) {
    return BadInput(
        "burin report: --prompt", fmt::format("{}", work.prompt),
        fmt::format("at most the {} positions that the KV SRAM holds", fabric.max_context));
  }
  if (flags.adapter_rank > fabric.chip.max_rank) {
    return BadInput("burin report: --adapter-rank", fmt::format("{}", flags.adapter_rank),
                    fmt::format("at most the chip's {}", fabric.chip.max_rank));
  }
  work.adapter_rank = flags.adapter_rank;
  return work;
}

Status RunReport(const ReportFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  if (!flags.html.empty()) BURIN_TRY(CheckWritable(flags.html));
  std::vector<Wish> wishes;
  if (!flags.require.empty()) {
    BURIN_ASSIGN(wishes, ParseWishes(flags.require));
  }
  BURIN_ASSIGN(const PlacedModel placed, PlaceModel(flags.source, flags.process));
  BURIN_ASSIGN(const Workload work, WorkloadOf(flags, placed.fabric));
  const ChipModel model(placed.fabric, placed.constants, work);
  BURIN_ASSIGN(std::vector<System> systems, LoadComparison());
  Report report{model, std::move(systems), BindingOf(model), {}, {}, wishes, {}};
  report.answers = AnswersOf(model, report.systems);
  report.break_evens = BreakEvensOf(model, report.systems);
  if (!wishes.empty()) {
    BURIN_ASSIGN(report.required, Require(model, wishes));
  }
  if (!flags.html.empty()) BURIN_TRY(WriteFileAtomically(flags.html, ReportHtml(report)));
  console.Print(ReportText(report));
  return console.WriteJson(ReportJson(report));
}

}  // namespace

void AddReportCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ReportFlags>();
  CLI::App* command =
      app.add_subcommand("report", "Speed, area, power and price of a model as a chip, and why");
  AddModelSourceOptions(*command, flags->source);
  command
      ->add_option("--prompt", flags->prompt,
                   "Tokens before the first answer; by default --context")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 24));
  command
      ->add_option("--adapter-rank", flags->adapter_rank,
                   "With a LoRA of that rank on all matrices")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1024}));
  command
      ->add_option("--process", flags->process,
                   "Another process than the chip's: a name of data/tech, or a TOML file")
      ->option_text("NAME|FILE");
  command
      ->add_option(
          "--require", flags->require,
          "The smallest change that meets it: tokens_per_s=17000,context=6144,area_mm2=858")
      ->option_text("K=N,...");
  command->add_option("--html", flags->html, "Write a page with floorplan and charts")
      ->option_text("FILE");
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunReport(*flags); }; });
}

}  // namespace burin
