// burin engrave: a checkpoint, or a geometry, becomes a cartridge.
#include <filesystem>
#include <memory>
#include <optional>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "cli/app.h"
#include "cli/checkpoint.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "cli/tensor_groups.h"
#include "model/config.h"
#include "model/import.h"
#include "model/presets.h"
#include "quant/calibration.h"
#include "quant/engrave.h"

namespace burin {

// data/calibration.txt, put into the program when it is built; empty if it was not there.
extern const unsigned char kBuiltInCalibration[];
extern const unsigned long kBuiltInCalibrationSize;

namespace {

struct EngraveFlags {
  std::string model, output, synthetic, tensor_bits, calibration, json;
  int bits = 3, threads = 0;
  int64_t group = 0, context = 0, calibration_tokens = 4096;  // group 0: DefaultGroup
  uint64_t seed = 0;
  bool no_calibration = false, force = false;
};

Status CheckFlags(const EngraveFlags& flags) {
  if (flags.model.empty() == flags.synthetic.empty()) {
    return BadInput("burin engrave", flags.model.empty() ? "no model" : "MODEL and --synthetic",
                    "either MODEL or --synthetic PRESET", "See burin engrave --help.");
  }
  std::error_code ignored;
  if (std::filesystem::exists(flags.output, ignored) && !flags.force) {
    return BadInput(flags.output, "exists already", "a new file", "Add --force to replace it.");
  }
  return CheckWritable(flags.output);
}

EngraveOptions OptionsOf(const EngraveFlags& flags, const ModelConfig& config) {
  EngraveOptions options;
  options.bits = flags.bits;
  options.tensor_bits = flags.tensor_bits;
  options.group = flags.group > 0 ? flags.group : DefaultGroup(config);
  options.context = flags.context;
  options.tool = VersionText();
  return options;
}

Result<std::string> CalibrationText(const EngraveFlags& flags) {
  if (flags.no_calibration) return std::string();
  if (!flags.calibration.empty()) return ReadTextFile(flags.calibration);
  return std::string(reinterpret_cast<const char*>(kBuiltInCalibration), kBuiltInCalibrationSize);
}

// What flows through the checkpoint on the text; nullopt when there is none to use.
Result<std::optional<Calibration>> Calibrate(const EngraveFlags& flags,
                                             const Checkpoint& checkpoint, ThreadPool& pool) {
  BURIN_ASSIGN(const std::string text, CalibrationText(flags));
  if (text.empty()) {
    if (flags.calibration.empty()) return std::nullopt;
    return BadInput(flags.calibration, "an empty file", "a text to calibrate with");
  }
  std::vector<int32_t> tokens =
      checkpoint.tokenizer.Encode(text, {.add_special = false, .parse_special = true});
  if (tokens.size() > static_cast<size_t>(flags.calibration_tokens)) {
    tokens.resize(static_cast<size_t>(flags.calibration_tokens));
  }
  Progress progress("calibrate", "tokens", tokens.size());
  BURIN_ASSIGN(Calibration calibration,
               CollectImportance(checkpoint.model, tokens, pool, &progress));
  return calibration;
}

struct Engraved {
  EngraveSummary summary;
  int64_t calibration_tokens = 0;
  int64_t padded_rows = 0;
  int64_t group = 0;
};

Result<Engraved> EngraveCheckpoint(const EngraveFlags& flags, ThreadPool& pool) {
  BURIN_ASSIGN(const Checkpoint checkpoint, LoadCheckpoint(flags.model));
  BURIN_TRY(CheckFinite(checkpoint.model, pool));
  BURIN_ASSIGN(const auto calibration, Calibrate(flags, checkpoint, pool));
  const std::vector<std::byte> tokenizer = checkpoint.tokenizer.Serialize();
  Progress progress("engrave", "weights", checkpoint.model.config.WeightCount());
  EngraveOptions options = OptionsOf(flags, checkpoint.model.config);
  options.calibration = calibration ? &*calibration : nullptr;
  options.tokenizer = tokenizer;
  options.progress = &progress;
  BURIN_ASSIGN(EngraveSummary summary, Engrave(checkpoint.model, options, flags.output, pool));
  return Engraved{std::move(summary), calibration ? calibration->tokens : 0, checkpoint.padded_rows,
                  options.group};
}

// A preset, or the geometry of a config.json.
Result<ModelConfig> SyntheticGeometry(const std::string& name) {
  if (!name.ends_with(".json")) return FindPreset(name);
  constexpr uint64_t kMostBytes = 1 << 20;
  BURIN_ASSIGN(const std::string text, ReadTextFile(name, kMostBytes));
  return ParseHfConfig(text, name);
}

Result<Engraved> EngravePreset(const EngraveFlags& flags, ThreadPool& pool) {
  BURIN_ASSIGN(const ModelConfig config, SyntheticGeometry(flags.synthetic));
  Progress progress("synthesize", "weights", config.WeightCount());
  EngraveOptions options = OptionsOf(flags, config);
  options.progress = &progress;
  BURIN_ASSIGN(EngraveSummary summary,
               EngraveSynthetic(config, options, flags.seed, flags.output, pool));
  return Engraved{std::move(summary), 0, 0, options.group};
}

std::string Table(const EngraveSummary& summary, bool with_error) {
  std::string text = fmt::format("{:<14} {:>7} {:>6} {:>9} {:>16}\n", "kind", "tensors", "bits",
                                 with_error ? "error" : "", "bytes");
  for (const TensorGroup& group : GroupTensors(summary.tensors)) {
    text += fmt::format("{:<14} {:>7} {:>6} {:>9} {:>16}\n", group.kind, group.tensors, group.bits,
                        with_error ? fmt::format("{:.3f} %", 100 * group.error) : "",
                        WithCommas(group.bytes));
  }
  return text;
}

std::string Describe(const EngraveFlags& flags, const Engraved& engraved) {
  const EngraveSummary& s = engraved.summary;
  std::string text = Table(s, flags.synthetic.empty());
  text += fmt::format("weights     {} at {:.3f} bits, scales, embedding and head included\n",
                      WithCommas(s.weights), s.bits_per_weight);
  text += fmt::format("context     {} positions\n", s.context);
  if (flags.synthetic.empty()) {
    text += engraved.calibration_tokens > 0
                ? fmt::format("calibrated  on {} tokens\n", engraved.calibration_tokens)
                : std::string("calibrated  no: every input counts the same\n");
  }
  if (engraved.padded_rows > 0) {
    text += fmt::format("vocabulary  {} rows of the embedding have no token (padding)\n",
                        engraved.padded_rows);
  }
  if (s.resumed > 0) text += fmt::format("resumed     {} tensors were there already\n", s.resumed);
  if (s.discarded) text += "discarded   an unfinished file of other options or inputs\n";
  text += fmt::format("file        {}, {} bytes\n", flags.output, WithCommas(s.file_bytes));
  text += fmt::format("digest      {}\n", ToHex(s.digest));
  text += fmt::format("time        {}\n", HumanSeconds(s.seconds));
  return text;
}

Json ToJson(const EngraveFlags& flags, const Engraved& engraved) {
  const EngraveSummary& s = engraved.summary;
  Json tensors = Json::array();
  for (const EngravedTensor& t : s.tensors) {
    Json tensor = {
        {"name", t.name}, {"rows", t.rows}, {"cols", t.cols}, {"bits", t.bits}, {"bytes", t.bytes}};
    if (flags.synthetic.empty()) tensor["error"] = t.error;
    tensors.push_back(std::move(tensor));
  }
  return {{"output", flags.output},
          {"digest", ToHex(s.digest)},
          {"weights", s.weights},
          {"bits_per_weight", s.bits_per_weight},
          {"file_bytes", s.file_bytes},
          {"group", engraved.group},
          {"context", s.context},
          {"residual_fraction", s.residual_fraction},
          {"calibration_tokens", engraved.calibration_tokens},
          {"padded_rows", engraved.padded_rows},
          {"resumed_tensors", s.resumed},
          {"seconds", RoundTo(s.seconds, 3)},
          {"tensors", std::move(tensors)}};
}

Status RunEngrave(const EngraveFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  BURIN_TRY(CheckFlags(flags));
  CatchInterrupts();
  ThreadPool pool(ThreadCount(flags.threads));
  BURIN_ASSIGN(const Engraved engraved, flags.synthetic.empty() ? EngraveCheckpoint(flags, pool)
                                                                : EngravePreset(flags, pool));
  console.Print(Describe(flags, engraved));
  return console.WriteJson(ToJson(flags, engraved));
}

void AddOptions(CLI::App& command, EngraveFlags& flags) {
  command.add_option("MODEL", flags.model, "A Hugging Face folder or a GGUF file");
  command.add_option("-o,--output", flags.output, "The cartridge to write")
      ->option_text("FILE")
      ->required();
  command.add_option("--bits", flags.bits, "Bits a weight: 3, 4 or 6; 3 by default")
      ->option_text("N")
      ->check(CLI::IsMember({3, 4, 6}));
  command
      .add_option("--tensor-bits", flags.tensor_bits,
                  "Other bits for some tensors: 'lm_head=6,*.down_proj=6'")
      ->option_text("LIST");
  command
      .add_option(
          "--group", flags.group,
          "Inputs that share a scale: 32, 64 or 128; by default the largest that fits the widths")
      ->option_text("N")
      ->check(CLI::IsMember({32, 64, 128}));
  command.add_option("--context", flags.context, "Positions; what the model has by default")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  auto* calibration = command.add_option("--calibration", flags.calibration,
                                         "A text like those to come; else the built-in one");
  calibration->option_text("FILE");
  command.add_flag("--no-calibration", flags.no_calibration, "Let every input count the same")
      ->excludes(calibration);
  command.add_option("--calibration-tokens", flags.calibration_tokens, "At most; 4096 by default")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  command
      .add_option(
          "--synthetic", flags.synthetic,
          "Random weights in a known geometry (burin presets, or a config.json) instead of MODEL")
      ->option_text("PRESET|FILE");
  command.add_option("--seed", flags.seed, "Of the random weights; 0 by default")->option_text("S");
  AddThreadsOption(command, flags.threads);
  command.add_flag("--force", flags.force, "Replace the output if it exists");
  AddJsonOption(command, flags.json);
}

}  // namespace

void AddEngraveCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<EngraveFlags>();
  CLI::App* command = app.add_subcommand("engrave", "Make a cartridge of a checkpoint");
  AddOptions(*command, *flags);
  command->callback([flags, &action] { action = [flags] { return RunEngrave(*flags); }; });
}

}  // namespace burin
