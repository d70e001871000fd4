// burin rtl: a complete chip, or a tile of one, as SystemVerilog, with its benches and the
// reference for them.
#include <algorithm>
#include <chrono>
#include <memory>

#include "cli/app.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "cli/model_source.h"
#include "cli/rtl_tile.h"
#include "cli/rtl_trace.h"
#include "quant/adapter_memory.h"
#include "quant/cartridge.h"
#include "rtl/emit.h"
#include "text/tokenizer.h"

namespace burin {
namespace {

constexpr uint64_t kMostWeights = 24'000'000;  // of a whole chip as text
constexpr int64_t kChipTokens = 64, kTilePasses = 4;

struct RtlFlags {
  ModelSourceFlags source;
  EngineFlags engine;
  std::string output, prompt = "Once upon a time", adapter, json;
  std::vector<int32_t> prompt_ids;
  int64_t tokens = 0;  // 0: kChipTokens, kTilePasses
  std::string tile;
  int64_t column_block = 0;
  bool force = false;
};

Result<std::vector<int32_t>> PromptIds(const RtlFlags& flags, const QuantizedModel& model) {
  std::vector<int32_t> ids = flags.prompt_ids;
  if (ids.empty() && !model.tokenizer.empty()) {
    BURIN_ASSIGN(const Tokenizer tokenizer,
                 Tokenizer::Deserialize(model.tokenizer, flags.source.model));
    ids = tokenizer.Encode(flags.prompt, {.add_special = true, .parse_special = true});
  }
  if (ids.empty()) ids = {0};  // a synthetic model: any token
  for (const int32_t id : ids) {
    if (id >= 0 && id < model.config.vocab) continue;
    return BadInput("--prompt-ids", fmt::format("id {}", id),
                    fmt::format("0 to {}, the vocabulary of the model", model.config.vocab - 1));
  }
  if (static_cast<int64_t>(ids.size()) > model.context) {
    return BadInput("prompt", fmt::format("{} tokens", ids.size()),
                    fmt::format("at most {}, the context of the model", model.context));
  }
  return ids;
}

Status CheckSize(const ModelSource& source) {
  const uint64_t weights = source.plan.config.WeightCount();
  if (weights <= kMostWeights) return {};
  return BadInput(source.plan.name, fmt::format("{} weights", WithCommas(weights)),
                  fmt::format("at most {} for a whole chip as text", WithCommas(kMostWeights)),
                  "Or emit one column block: --tile LAYER.MATRIX, such as --tile 0.down_proj.");
}

// The image of the adapter for the bench.
Status WriteAdapter(const Adapter& adapter, const ModelSource& source, OutputFolder& folder,
                    Trace& trace) {
  const ChipSpec& chip = source.chip;
  const AdapterEngine engine = EngineOf(chip.adapter_lanes, chip.max_rank);
  if (adapter.rank > chip.max_rank) {
    return BadInput("adapter", fmt::format("rank {}", adapter.rank),
                    fmt::format("at most {}, max_rank of chip {}", chip.max_rank, chip.name));
  }
  const uint64_t bytes = AdapterMemoryBytes(adapter, engine);
  if (bytes > static_cast<uint64_t>(chip.adapter_bytes)) {
    return BadInput("adapter", fmt::format("{} bytes of adapter memory", WithCommas(bytes)),
                    fmt::format("at most {}, adapter_bytes of chip {}",
                                WithCommas(static_cast<uint64_t>(chip.adapter_bytes)), chip.name));
  }
  BURIN_ASSIGN(const AdapterMemory memory, PackAdapter(adapter, engine));
  const std::vector<std::byte> image = PortBytes(memory);
  trace.set_adapter_words(static_cast<int64_t>(image.size() / 4));
  return WriteAdapterImage(image, folder);
}

// The ids, in lines of at most 80 columns with the indent of the printed keys.
std::string Wrapped(const std::vector<int32_t>& ids) {
  constexpr size_t kColumns = 80 - 12;
  std::string text, line;
  for (const int32_t id : ids) {
    const std::string word = fmt::format("{}", id);
    if (line.size() + 1 + word.size() > kColumns) {
      text += fmt::format("\n            {}", line);
      line.clear();
    }
    line += line.empty() ? word : " " + word;
  }
  return line.empty() ? text : text + fmt::format("\n            {}", line);
}

Status RunChip(const RtlFlags& flags, const ModelSource& source, const KernelSet& kernels,
               const Console& console) {
  const QuantizedModel& model = *source.weights;
  const int64_t tokens = flags.tokens == 0 ? kChipTokens : flags.tokens;
  BURIN_TRY(CheckSize(source));
  BURIN_ASSIGN(const PlacedFabric fabric, Place(source.plan, source.chip));
  BURIN_ASSIGN(const EnginePlan plan, PlanEngine(fabric));
  BURIN_ASSIGN(const std::vector<int32_t> prompt, PromptIds(flags, model));
  std::shared_ptr<const Adapter> adapter;
  if (!flags.adapter.empty()) {
    BURIN_ASSIGN(adapter, LoadAdapter(flags.adapter, model));
  }
  BURIN_ASSIGN(OutputFolder folder, OutputFolder::Create(flags.output, kRtlMark, flags.force));
  const int64_t run = std::min(fabric.max_context, static_cast<int64_t>(prompt.size()) + tokens);
  console.Print(fmt::format("chip        {} banks on {}, about {} bytes of text\n",
                            WithCommas(static_cast<uint64_t>(fabric.banks)), source.chip.name,
                            WithCommas(EstimateBytes(fabric, plan, run))));
  const auto begin = std::chrono::steady_clock::now();
  BURIN_ASSIGN(const EmittedChip emitted, EmitChip(fabric, plan, folder));
  Trace trace(fabric, plan, model.digest, tokens);
  if (adapter != nullptr) BURIN_TRY(WriteAdapter(*adapter, source, folder, trace));
  BURIN_ASSIGN(const std::vector<int32_t> written,
               TraceGreedy(model, kernels, fabric, plan, prompt, tokens, adapter.get(), trace));
  BURIN_TRY(WriteTrace(trace, folder));
  BURIN_TRY(folder.Finish());
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
  console.Print(fmt::format(
      "written     {} files, {} bytes; {} ROM modules of {} bits; {:.1f} s\n"
      "trace       {} tokens of prompt, then these {}:{}\n"
      "next        make -C {} lint sim\n",
      folder.files(), WithCommas(folder.bytes()), emitted.rom_modules, WithCommas(emitted.rom_bits),
      seconds.count(), prompt.size(), written.size(), Wrapped(written), flags.output));
  return console.WriteJson({{"model", flags.source.model},
                            {"chip", source.chip.name},
                            {"digest", ToHex(model.digest)},
                            {"banks", fabric.banks},
                            {"files", folder.files()},
                            {"bytes", folder.bytes()},
                            {"rom_modules", emitted.rom_modules},
                            {"rom_bits", emitted.rom_bits},
                            {"prompt_ids", prompt},
                            {"ids", written}});
}

Status Run(const RtlFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  BURIN_ASSIGN(const ModelSource source, LoadModelSource(flags.source));
  if (source.weights == nullptr) {
    return BadInput(OneLine(flags.source.model), "a checkpoint or a geometry, no quantized weights",
                    "a cartridge", "Make one with burin engrave.");
  }
  BURIN_ASSIGN(const KernelSet* kernels, ChooseKernels(flags.engine));
  if (flags.tile.empty()) return RunChip(flags, source, *kernels, console);
  BURIN_ASSIGN(const std::vector<int32_t> prompt, PromptIds(flags, *source.weights));
  const TileRequest request{flags.tile, flags.column_block,
                            flags.tokens == 0 ? kTilePasses : flags.tokens, flags.output,
                            flags.force};
  return RunTile(request, source, *kernels, prompt, console);
}

}  // namespace

void AddRtlCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<RtlFlags>();
  CLI::App* command = app.add_subcommand("rtl", "Write a chip as SystemVerilog, with its benches");
  AddCartridgeSourceOptions(*command, flags->source);
  command->add_option("-o,--output", flags->output, "The folder to write")
      ->option_text("DIR")
      ->required();
  command->add_flag("--force", flags->force, "Replace the folder if there is something in it");
  auto* prompt =
      command->add_option("-p,--prompt", flags->prompt, "The text that the bench begins with")
          ->option_text("TEXT");
  command->add_option("--prompt-ids", flags->prompt_ids, "The same as token ids: 1,2,3")
      ->option_text("IDS")
      ->delimiter(',')
      ->excludes(prompt);
  command
      ->add_option("-n,--tokens", flags->tokens,
                   "Tokens that the chip writes, 64 by default; of a tile the tokens that pass, 4")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 20));
  auto* tile = command->add_option("--tile", flags->tile,
                                   "Only a column block of this matrix: 3.down_proj, lm_head");
  tile->option_text("LAYER.MATRIX");
  command->add_option("--column-block", flags->column_block, "Which column block; 0 by default")
      ->option_text("N")
      ->needs(tile)
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 31));
  command
      ->add_option("--adapter", flags->adapter,
                   "A LoRA adapter that the bench loads through the host port")
      ->option_text("DIR|GGUF")
      ->excludes(tile);
  AddEngineOptions(*command, flags->engine);
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return Run(*flags); }; });
}

}  // namespace burin
