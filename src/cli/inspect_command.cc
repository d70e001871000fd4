// burin inspect: what a cartridge holds.
#include <memory>

#include "base/interrupt.h"
#include "cli/adapter_report.h"
#include "cli/app.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "cli/session.h"
#include "cli/tensor_groups.h"
#include "quant/cartridge.h"
#include "quant/cartridge_format.h"
#include "text/chat_template.h"

namespace burin {
namespace {

struct InspectFlags {
  std::string path, adapter, chip, json;
  int threads = 0;
  bool verify = false, tensors = false;
};

// What is shown of an adapter instead of the cartridge.
Status InspectAdapter(const InspectFlags& flags, const QuantizedModel& model,
                      const Console& console) {
  ThreadPool pool(ThreadCount(flags.threads));
  BURIN_ASSIGN(const auto adapter, LoadAdapter(flags.adapter, model, &pool));
  std::optional<ChipSpec> chip;
  if (!flags.chip.empty()) {
    BURIN_ASSIGN(chip, LoadChip(flags.chip));
  }
  const ChipSpec* of = chip ? &*chip : nullptr;
  console.Print(DescribeAdapter(*adapter, flags.adapter, of));
  Json json = AdapterReportJson(*adapter, flags.adapter, of);
  json["cartridge"] = flags.path;
  json["cartridge_digest"] = ToHex(model.digest);
  return console.WriteJson(json);
}

Json GeometryJson(const ModelConfig& c) {
  Json json = {{"architecture", c.architecture},
               {"hidden", c.hidden},
               {"layers", c.layers},
               {"heads", c.heads},
               {"kv_heads", c.kv_heads},
               {"head_dim", c.head_dim},
               {"ffn", c.ffn},
               {"vocab", c.vocab},
               {"max_positions", c.max_positions},
               {"rope_theta", c.rope_theta},
               {"rms_eps", c.rms_eps},
               {"tied_head", c.tied_head},
               {"qkv_bias", c.qkv_bias},
               {"qk_norm", c.qk_norm},
               {"eos_ids", c.eos_ids}};
  if (c.bos_id) json["bos_id"] = *c.bos_id;
  return json;
}

// "Jinja" or the known template that fits; empty when there is none or it is not understood.
std::string ChatFormatName(const Tokenizer& tokenizer) {
  const auto format = ChatTemplate::Create(tokenizer);
  return format && *format ? std::string((*format)->name()) : std::string();
}

Json TokenizerJson(const Tokenizer& tokenizer) {
  const std::string format = ChatFormatName(tokenizer);
  Json json = {{"tokens", tokenizer.vocab_size()},
               {"eos_ids", tokenizer.eos_ids()},
               {"chat_template", !tokenizer.chat_template().empty()}};
  if (tokenizer.bos_id()) json["bos_id"] = *tokenizer.bos_id();
  if (!format.empty()) json["chat_format"] = format;
  return json;
}

Json ToJson(const InspectFlags& flags, const LoadedCartridge& loaded) {
  const QuantizedModel& m = loaded.model;
  const auto tensors = TensorsOf(m);
  Json list = Json::array();
  uint64_t bytes = 0;
  for (const EngravedTensor& t : tensors) {
    list.push_back({{"name", t.name},
                    {"rows", t.rows},
                    {"cols", t.cols},
                    {"bits", t.bits},
                    {"bytes", t.bytes}});
    bytes += t.bytes;
  }
  Json json = {{"file", flags.path},
               {"digest", ToHex(m.digest)},
               {"format_version", kCartridgeVersion},
               {"contract_version", kContractVersion},
               {"file_bytes", m.file->bytes().size()},
               {"weight_bytes", bytes},
               {"weights", m.config.WeightCount()},
               {"bits_per_weight", BitsPerWeight(tensors)},
               {"geometry", GeometryJson(m.config)},
               {"context", m.context},
               {"group", m.group},
               {"residual_fraction", m.residual_fraction},
               {"quantizer",
                {{"tool", m.quantizer.tool},
                 {"method", m.quantizer.method},
                 {"bits", m.quantizer.bits},
                 {"tensor_bits", m.quantizer.tensor_bits},
                 {"calibration_tokens", m.quantizer.calibration_tokens}}}};
  json["tokenizer"] = loaded.tokenizer ? TokenizerJson(*loaded.tokenizer) : Json();
  json["verified"] = flags.verify;
  json["tensors"] = std::move(list);
  return json;
}

std::string DescribeModel(const QuantizedModel& m) {
  const ModelConfig& c = m.config;
  std::string text = fmt::format(
      "model       {}, {} layers, hidden {}, ffn {}\n"
      "            {} heads of {}, {} key/value heads, vocabulary {}{}\n",
      OneLine(c.architecture), c.layers, c.hidden, c.ffn, c.heads, c.head_dim, c.kv_heads, c.vocab,
      c.tied_head ? ", tied head" : "");
  text += fmt::format("context     {} of {} positions\n", m.context, c.max_positions);
  text += fmt::format("group       {} inputs a scale\n", m.group);
  const std::string calibrated =
      m.quantizer.calibration_tokens > 0
          ? fmt::format("calibrated on {} tokens", m.quantizer.calibration_tokens)
          : std::string("not calibrated");
  text += fmt::format("engraved    by {}, {}, {}\n", OneLine(m.quantizer.tool),
                      OneLine(m.quantizer.method), calibrated);
  return text;
}

std::string DescribeTokenizer(const std::optional<Tokenizer>& tokenizer) {
  if (!tokenizer) return "tokenizer   none: a synthetic model\n";
  const std::string format = ChatFormatName(*tokenizer);
  return fmt::format("tokenizer   {} tokens, bos {}, eos {}, chat {}\n", tokenizer->vocab_size(),
                     tokenizer->bos_id() ? fmt::format("{}", *tokenizer->bos_id()) : "none",
                     tokenizer->eos_ids().empty()
                         ? std::string("none")
                         : fmt::format("{}", fmt::join(tokenizer->eos_ids(), " ")),
                     !format.empty()                      ? format
                     : tokenizer->chat_template().empty() ? "none"
                                                          : "template not understood");
}

std::string DescribeWeights(const InspectFlags& flags, const QuantizedModel& m) {
  const auto tensors = TensorsOf(m);
  std::string text;
  if (flags.tensors) {
    text += fmt::format("{:<40} {:>4} {:>15} {:>15}\n", "tensor", "bits", "shape", "bytes");
    for (const EngravedTensor& t : tensors) {
      text += fmt::format("{:<40} {:>4} {:>15} {:>15}\n", t.name, t.bits,
                          fmt::format("{} x {}", t.rows, t.cols), WithCommas(t.bytes));
    }
  } else {
    text += fmt::format("{:<14} {:>7} {:>6} {:>15} {:>16}\n", "kind", "tensors", "bits", "weights",
                        "bytes");
    for (const TensorGroup& group : GroupTensors(tensors)) {
      text += fmt::format("{:<14} {:>7} {:>6} {:>15} {:>16}\n", group.kind, group.tensors,
                          group.bits, WithCommas(group.weights), WithCommas(group.bytes));
    }
  }
  text += fmt::format("weights     {} at {:.3f} bits, scales, embedding and head included\n",
                      WithCommas(m.config.WeightCount()), BitsPerWeight(tensors));
  text += fmt::format("file        {} bytes, format {}, integer contract {}\n",
                      WithCommas(m.file->bytes().size()), kCartridgeVersion, kContractVersion);
  return text;
}

Status RunInspect(const InspectFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  if (!flags.chip.empty() && flags.adapter.empty()) {
    return BadInput("--chip", "given without --adapter", "both",
                    "For the cartridge itself use burin place.");
  }
  CatchInterrupts();
  BURIN_ASSIGN(const LoadedCartridge loaded, LoadCartridge(flags.path));
  const QuantizedModel& model = loaded.model;
  if (flags.verify) {
    ThreadPool pool(ThreadCount(flags.threads));
    Progress progress("verify", "bytes", model.file->bytes().size());
    BURIN_TRY(VerifyCartridge(model, pool, &progress));
  }
  if (!flags.adapter.empty()) return InspectAdapter(flags, model, console);
  console.Print(DescribeModel(model) + DescribeTokenizer(loaded.tokenizer) +
                DescribeWeights(flags, model) +
                fmt::format("digest      {}\n", ToHex(model.digest)) +
                (flags.verify ? "verified    every byte\n" : ""));
  return console.WriteJson(ToJson(flags, loaded));
}

}  // namespace

void AddInspectCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<InspectFlags>();
  CLI::App* command = app.add_subcommand("inspect", "Show what a cartridge holds");
  command->add_option("CARTRIDGE", flags->path, "The file")->required();
  command->add_flag("--verify", flags->verify, "Read all of it and check every digest");
  command->add_flag("--tensors", flags->tensors, "List every tensor, not kinds of tensors");
  AddAdapterOption(*command, flags->adapter);
  command->add_option("--chip", flags->chip, "With --adapter: the chip that shall hold it")
      ->option_text("NAME");
  AddThreadsOption(*command, flags->threads);
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunInspect(*flags); }; });
}

}  // namespace burin
