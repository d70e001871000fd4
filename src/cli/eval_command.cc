// burin eval: quality of a cartridge on a text or on questions with one right answer.
#include <memory>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "cli/adapter_report.h"
#include "cli/app.h"
#include "cli/checkpoint.h"
#include "cli/console.h"
#include "cli/evaluation.h"
#include "cli/exact_match.h"
#include "cli/session.h"
#include "cli/tensor_groups.h"
#include "emu/float_weights.h"
#include "emu/mixed_matrices.h"
#include "quant/tensor_list.h"

namespace burin {
namespace {

constexpr int64_t kWindow = 512;

struct EvalFlags {
  std::string cartridge, reference, text, exact_match, blame, json;
  int64_t tokens = 0;
  int64_t window = 0;  // 0: kWindow, or the context if that is less
  bool arithmetic = false;
  EngineFlags engine;
};

// One row of the report: a way to run the model.
struct Contender {
  std::string name;
  std::unique_ptr<MatrixBackend> matrices = {};  // null: the emulator's own
  std::unique_ptr<Emulator> emulator = {};       // null: the float reference
  const Adapter* adapter = nullptr;
};

// A part of the weights that is quantized alone.
struct Part {
  std::string name;
  std::function<bool(MatrixId)> holds;
  bool embedding = false;
};

TensorKind KindOf(MatrixKind kind) {
  return static_cast<TensorKind>(static_cast<int>(TensorKind::kQ) + static_cast<int>(kind));
}
static_assert(static_cast<int>(TensorKind::kHead) - static_cast<int>(TensorKind::kQ) ==
              static_cast<int>(MatrixKind::kHead));

// Each kind of matrix, or each matrix. A tied embedding is one part with the head.
std::vector<Part> PartsOf(const ModelConfig& config, bool by_tensor) {
  std::vector<Part> parts;
  for (const MatrixEntry& entry : MatricesOf(config)) {
    const bool embedding = entry.kind == TensorKind::kEmbedding;
    const TensorKind kind = embedding && config.tied_head ? TensorKind::kHead : entry.kind;
    const int64_t layer = by_tensor ? entry.layer : kNoLayer;
    const std::string name = by_tensor ? entry.name : KindOfTensor(entry.name);
    if (!parts.empty() &&
        std::ranges::any_of(parts, [&](const Part& part) { return part.name == name; })) {
      continue;
    }
    parts.push_back({name,
                     [kind, layer](MatrixId id) {
                       return KindOf(id.kind) == kind && (layer == kNoLayer || id.layer == layer);
                     },
                     embedding});
  }
  return parts;
}

// All that is needed to run the model in every way asked for.
class Lineup {
 public:
  static Result<std::unique_ptr<Lineup>> Make(const EvalFlags& flags) {
    auto lineup = std::unique_ptr<Lineup>(new Lineup(ThreadCount(flags.engine.threads)));
    BURIN_ASSIGN(lineup->kernels_, ChooseKernels(flags.engine));
    BURIN_ASSIGN(lineup->chip_, LoadCartridge(flags.cartridge));
    BURIN_TRY(NeedTokenizer(lineup->tokenizer(), flags.cartridge));
    if (!flags.reference.empty()) BURIN_TRY(lineup->LoadReference(flags));
    if (!flags.engine.adapter.empty()) BURIN_TRY(lineup->LoadAdapters(flags.engine.adapter));
    lineup->AddContenders(flags);
    return lineup;
  }

  const QuantizedModel& chip() const { return chip_.model; }
  const Tokenizer* tokenizer() const { return chip_.tokenizer ? &*chip_.tokenizer : nullptr; }
  const std::vector<Contender>& contenders() const { return contenders_; }
  const Adapter* adapter() const { return adapter_.get(); }
  bool has_reference() const { return reference_ != nullptr; }
  ThreadPool& pool() { return pool_; }

  Result<std::vector<std::unique_ptr<Predictor>>> Predictors(int64_t window) {
    std::vector<std::unique_ptr<Predictor>> predictors;
    for (const Contender& contender : contenders_) {
      BURIN_ASSIGN(auto predictor,
                   contender.emulator != nullptr
                       ? MakePredictor(*contender.emulator, window, contender.adapter)
                       : MakePredictor(*reference_, window, pool_));
      predictors.push_back(std::move(predictor));
    }
    return predictors;
  }

 private:
  explicit Lineup(int threads) : pool_(threads) {}

  Status LoadReference(const EvalFlags& flags) {
    BURIN_ASSIGN(checkpoint_, LoadCheckpoint(flags.reference));
    ModelConfig same = checkpoint_->model.config;
    same.eos_ids = chip_.model.config.eos_ids;
    same.bos_id = chip_.model.config.bos_id;
    if (same != chip_.model.config) {
      return BadInput(flags.reference, "another geometry than " + flags.cartridge,
                      "the checkpoint that it was engraved from");
    }
    if (!flags.engine.adapter.empty()) {
      BURIN_ASSIGN(lora_, ReadAdapter(flags.engine.adapter, checkpoint_->model.config));
    }
    reference_ = std::make_unique<ReferenceModel>(checkpoint_->model, lora_ ? &*lora_ : nullptr);
    const QuantizedModel& m = chip_.model;
    floats_ =
        std::make_unique<FloatWeights>(checkpoint_->model, m.context, m.group, m.residual_fraction);
    return {};
  }

  // For the chip, and for its arithmetic with the float weights.
  Status LoadAdapters(const std::string& path) {
    BURIN_ASSIGN(adapter_, LoadAdapter(path, chip_.model, &pool_));
    if (floats_ == nullptr) return {};
    BURIN_ASSIGN(exact_adapter_, LoadAdapter(path, floats_->shell(), &pool_));
    return {};
  }

  void AddContenders(const EvalFlags& flags) {
    if (has_reference()) contenders_.push_back({.name = "float reference"});
    AddEmulator("chip", nullptr);
    if (flags.arithmetic || !flags.blame.empty()) {
      Contender exact{.name = "arithmetic alone"};
      exact.emulator =
          std::make_unique<Emulator>(floats_->shell(), *kernels_, &pool_, floats_.get());
      exact.adapter = exact_adapter_.get();
      contenders_.push_back(std::move(exact));
    }
    if (flags.blame.empty()) return;
    quantized_ = std::make_unique<IntegerMatrices>(chip_.model, *kernels_);
    for (const Part& part : PartsOf(chip_.model.config, flags.blame == "tensor")) {
      AddEmulator(part.name, std::make_unique<MixedMatrices>(*quantized_, *floats_, part.holds,
                                                             part.embedding));
    }
  }

  void AddEmulator(std::string name, std::unique_ptr<MatrixBackend> matrices) {
    Contender contender{.name = std::move(name), .matrices = std::move(matrices)};
    contender.adapter = adapter_.get();
    contender.emulator =
        std::make_unique<Emulator>(chip_.model, *kernels_, &pool_, contender.matrices.get());
    contenders_.push_back(std::move(contender));
  }

  ThreadPool pool_;
  const KernelSet* kernels_ = nullptr;
  LoadedCartridge chip_;
  std::optional<Checkpoint> checkpoint_;
  std::unique_ptr<ReferenceModel> reference_;
  std::unique_ptr<FloatWeights> floats_;
  std::optional<LoraAdapter> lora_;
  std::shared_ptr<const Adapter> adapter_, exact_adapter_;
  std::unique_ptr<IntegerMatrices> quantized_;
  std::vector<Contender> contenders_;
};

Json SampleMeanJson(const SampleMean& estimate) {
  return {{"mean", estimate.mean}, {"standard_error", estimate.error}};
}

Json ToJson(const Quality& q, bool compared) {
  Json json = {{"perplexity", q.perplexity},
               {"perplexity_standard_error", q.perplexity_error},
               {"nll", SampleMeanJson(q.nll)}};
  if (!compared) return json;
  json["kl"] = SampleMeanJson(q.kl);
  json["kl_p99"] = q.kl_p99;
  json["top1_agreement"] = SampleMeanJson(q.top1);
  json["nll_above_reference"] = SampleMeanJson(q.nll_above_reference);
  return json;
}

std::string Row(const std::string& name, const Quality& q, bool compared) {
  std::string shown = name.size() <= 33 ? name : "..." + name.substr(name.size() - 30);
  std::string text =
      fmt::format("{:<33} {:>9.6g} +- {:<8.3g}", shown, q.perplexity, q.perplexity_error);
  if (compared) {
    text += fmt::format(" {:>8.5f} {:>7.4f} {:>6.2f}%", q.kl.mean, q.kl_p99, 100 * q.top1.mean);
  }
  return text + "\n";
}

struct Report {
  std::string text;
  Json json;
};

Report MakeReport(const EvalFlags& flags, Lineup& lineup, const ScoredText& text,
                  std::span<const TokenScores> scores) {
  Report report;
  report.text =
      fmt::format("{} tokens of {}, windows of {}\n",
                  WithCommas(static_cast<uint64_t>(text.predicted)), flags.text, flags.window);
  report.text += fmt::format("{:<33} {:>21}", "", "perplexity   ");
  report.text += lineup.has_reference()
                     ? fmt::format(" {:>8} {:>7} {:>7}\n", "KL mean", "KL p99", "top-1")
                     : std::string("\n");
  Json rows = Json::array();
  for (size_t i = 0; i < scores.size(); ++i) {
    const Quality quality = Summarise(scores[i], lineup.has_reference() ? &scores[0] : nullptr);
    const bool compared = lineup.has_reference() && i > 0;
    const std::string& name = lineup.contenders()[i].name;
    report.text += Row(name, quality, compared);
    Json row = {{"name", name}};
    row.update(ToJson(quality, compared));
    rows.push_back(std::move(row));
  }
  const double bits = BitsPerWeight(TensorsOf(lineup.chip()));
  report.text += fmt::format("{:.3f} bits a weight, scales, embedding and head included\n", bits);
  report.json = {
      {"adapter",
       lineup.adapter() != nullptr ? AdapterJson(*lineup.adapter(), flags.engine.adapter) : Json()},
      {"cartridge", flags.cartridge},
      {"digest", ToHex(lineup.chip().digest)},
      {"bits_per_weight", bits},
      {"text", flags.text},
      {"window", flags.window},
      {"tokens", text.tokens},
      {"predicted", text.predicted},
      {"results", std::move(rows)}};
  return report;
}

Status EvalText(EvalFlags flags, const Console& console) {
  if (flags.reference.empty() && (flags.arithmetic || !flags.blame.empty())) {
    return BadInput("burin eval", flags.arithmetic ? "--arithmetic" : "--blame",
                    "--reference MODEL with it");
  }
  BURIN_ASSIGN(const auto lineup, Lineup::Make(flags));
  if (flags.window == 0) flags.window = std::min(kWindow, lineup->chip().context);
  if (flags.window > lineup->chip().context) {
    return BadInput(
        "--window", fmt::format("{}", flags.window),
        fmt::format("at most {}, the context of the cartridge", lineup->chip().context));
  }
  BURIN_ASSIGN(const std::string text, ReadTextFile(flags.text));
  BURIN_ASSIGN(const ScoredText cut,
               CutText(*lineup->tokenizer(), text, flags.window, flags.tokens));
  BURIN_ASSIGN(const auto predictors, lineup->Predictors(flags.window));
  Progress progress("evaluate", "tokens", static_cast<uint64_t>(cut.predicted));
  BURIN_ASSIGN(const auto scores, ScoreText(cut, predictors, lineup->chip().config.vocab,
                                            lineup->has_reference(), lineup->pool(), &progress));
  const Report report = MakeReport(flags, *lineup, cut, scores);
  console.Print(report.text);
  return console.WriteJson(report.json);
}

Json ToJson(const ExactResult& result) {
  Json kinds = Json::object();
  for (const auto& [kind, tally] : result.by_kind) {
    kinds[kind] = {{"right", tally.right}, {"cases", tally.cases}, {"share", tally.Share()}};
  }
  return {{"right", result.total.right},
          {"cases", result.total.cases},
          {"share", result.total.Share()},
          {"kinds", std::move(kinds)}};
}

std::string ExactRow(const std::string& kind, const Tally& chip, const Tally* reference) {
  auto cell = [](const Tally& tally) {
    return fmt::format("{:>6} of {:<6} {:>6.2f} %", tally.right, tally.cases, 100 * tally.Share());
  };
  return fmt::format("{:<16} {}{}\n", OneLine(kind), cell(chip),
                     reference != nullptr ? "  " + cell(*reference) : "");
}

Status EvalExact(const EvalFlags& flags, const Console& console) {
  BURIN_ASSIGN(const auto cases, ReadExactCases(flags.exact_match));
  BURIN_ASSIGN(const auto chip, Session::OpenChip(flags.cartridge, flags.engine));
  std::optional<ExactResult> float_result;
  Progress progress("evaluate", "cases", cases.size() * (flags.reference.empty() ? 1 : 2));
  BURIN_ASSIGN(const ExactResult result, CountExact(cases, *chip, &progress));
  if (!flags.reference.empty()) {
    BURIN_ASSIGN(const auto reference, Session::OpenReference(flags.reference, flags.engine));
    BURIN_ASSIGN(float_result, CountExact(cases, *reference, &progress));
  }
  std::string text = fmt::format("{:<16} {:>25}", "exact matches", "chip");
  text += float_result ? fmt::format("  {:>25}\n", "float reference") : std::string("\n");
  for (const auto& [kind, tally] : result.by_kind) {
    text += ExactRow(kind, tally, float_result ? &float_result->by_kind[kind] : nullptr);
  }
  text += ExactRow("total", result.total, float_result ? &float_result->total : nullptr);
  console.Print(text);
  Json json = {
      {"cartridge", flags.cartridge},
      {"digest", ToHex(chip->cartridge()->digest)},
      {"adapter",
       chip->adapter() != nullptr ? AdapterJson(*chip->adapter(), flags.engine.adapter) : Json()},
      {"cases", flags.exact_match},
      {"chip", ToJson(result)}};
  if (float_result) json["reference"] = ToJson(*float_result);
  return console.WriteJson(json);
}

Status RunEval(const EvalFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  if (flags.text.empty() == flags.exact_match.empty()) {
    return BadInput("burin eval", flags.text.empty() ? "nothing to evaluate on" : "two tasks",
                    "either --text FILE or --exact-match FILE", "See burin eval --help.");
  }
  if (!flags.blame.empty() && flags.blame != "kind" && flags.blame != "tensor") {
    return BadInput("--blame", OneLine(flags.blame), "kind or tensor");
  }
  CatchInterrupts();
  return flags.exact_match.empty() ? EvalText(flags, console) : EvalExact(flags, console);
}

void AddOptions(CLI::App& command, EvalFlags& flags) {
  command.add_option("CARTRIDGE", flags.cartridge, "The file")->required();
  command.add_option("--reference", flags.reference, "The checkpoint it was engraved from")
      ->option_text("MODEL");
  command.add_option("--text", flags.text, "Predict this text: perplexity, KL divergence, top-1")
      ->option_text("FILE");
  command.add_option("--tokens", flags.tokens, "Only so many tokens of the text; 0 is all")
      ->option_text("N")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  command.add_option("--window", flags.window, "Tokens read from an empty memory; 512 by default")
      ->option_text("N")
      ->check(CLI::Range(int64_t{2}, int64_t{1} << 30));
  command.add_flag("--arithmetic", flags.arithmetic,
                   "Also with exact weights: what the integer arithmetic costs alone");
  command.add_flag("--blame{kind}", flags.blame,
                   "Also with one kind of matrix quantized at a time, the others exact; "
                   "--blame=tensor: one matrix at a time");
  command
      .add_option("--exact-match", flags.exact_match,
                  "Count right answers instead: lines of {\"prompt\", \"expected\"}")
      ->option_text("FILE");
  AddAdapterOption(command, flags.engine.adapter);
  AddEngineOptions(command, flags.engine);
  AddJsonOption(command, flags.json);
}

}  // namespace

void AddEvalCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<EvalFlags>();
  CLI::App* command = app.add_subcommand("eval", "Measure quality on a text or on questions");
  AddOptions(*command, *flags);
  command->callback([flags, &action] { action = [flags] { return RunEval(*flags); }; });
}

}  // namespace burin
