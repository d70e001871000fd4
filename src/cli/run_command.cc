// burin run: continues a prompt.
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "cli/adapter_report.h"
#include "cli/app.h"
#include "cli/console.h"
#include "cli/output_form.h"
#include "cli/session.h"
#include "text/chat_template.h"

namespace burin {
namespace {

struct RunFlags {
  std::string model, file, system, json;
  std::optional<std::string> prompt;
  std::vector<int32_t> prompt_ids;
  int64_t tokens = 256, prefill_chunk = 512;
  bool chat = false, raw = false, stats = false, ids = false, reference = false;
  EngineFlags engine;
  SamplingFlags sampling;
  OutputForm form;
};

struct Prompt {
  std::vector<int32_t> ids;
  std::vector<int32_t> stop_ids;
  bool continuation = false;  // the answer goes on after a text: a leading space is meant
};

Result<std::string> ReadPromptText(const RunFlags& flags) {
  if (flags.prompt) return *flags.prompt;
  if (flags.file.empty()) {
    return BadInput("burin run", "no prompt", "-p TEXT, -f FILE, -f - or --prompt-ids",
                    "See burin run --help.");
  }
  if (flags.file != "-") return ReadTextFile(flags.file);
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

Result<Prompt> ChatPrompt(const RunFlags& flags, const Tokenizer& tokenizer,
                          const std::string& text) {
  BURIN_ASSIGN(const auto format, ChatTemplate::Create(tokenizer));
  if (!format) {
    return BadInput(flags.model, "it has no chat template, and its special tokens are unknown", {},
                    "Run without --chat and write the marks into the prompt.");
  }
  Conversation conversation;
  if (!flags.system.empty()) conversation.messages.push_back({"system", flags.system});
  conversation.messages.push_back({"user", text});
  Prompt prompt;
  BURIN_ASSIGN(prompt.ids, format->Encode(conversation));
  prompt.stop_ids = format->stop_ids();
  return prompt;
}

Result<Prompt> MakePrompt(const RunFlags& flags, const Session& session) {
  Prompt prompt;
  prompt.stop_ids = session.config().eos_ids;
  if (!flags.prompt_ids.empty()) {
    prompt.ids = flags.prompt_ids;
    prompt.continuation = true;
    return prompt;
  }
  BURIN_ASSIGN(const Tokenizer* tokenizer, NeedTokenizer(session.tokenizer(), flags.model));
  BURIN_ASSIGN(const std::string text, ReadPromptText(flags));
  if (flags.chat) return ChatPrompt(flags, *tokenizer, text);
  // A prompt that begins with BOS in writing has it already.
  const bool has_bos = !tokenizer->bos_text().empty() && text.starts_with(tokenizer->bos_text());
  prompt.ids =
      tokenizer->Encode(text, {.add_special = !flags.raw && !has_bos, .parse_special = !flags.raw});
  prompt.continuation = !text.empty();
  if (prompt.ids.empty()) {
    return BadInput("prompt", "no tokens: it is empty and the model has no BOS",
                    "at least one token", "Give a text with -p.");
  }
  return prompt;
}

Json StatsJson(const GenerateResult& result) {
  return {{"prompt_tokens", result.prompt_tokens},
          {"prompt_seconds", RoundTo(result.prompt_s, 6)},
          {"prompt_tokens_per_second", RoundTo(result.PromptTokensPerS(), 2)},
          {"decode_tokens", result.decode_tokens},
          {"decode_seconds", RoundTo(result.decode_s, 6)},
          {"decode_tokens_per_second", RoundTo(result.DecodeTokensPerS(), 2)}};
}

Json ToJson(const RunFlags& flags, const Session& session, const Prompt& prompt,
            const GenerateResult& result, const std::string& text) {
  Json json = {{"model", flags.model}};
  if (session.cartridge() != nullptr) json["digest"] = ToHex(session.cartridge()->digest);
  if (session.adapter() != nullptr) {
    json["adapter"] = AdapterJson(*session.adapter(), flags.engine.adapter);
  }
  json["kernels"] = session.kernels();
  json["threads"] = session.threads();
  json["prompt_ids"] = prompt.ids;
  json["ids"] = result.tokens;
  if (session.tokenizer() != nullptr) json["text"] = text;
  json["finish"] = FinishReasonName(result.reason);
  json["stats"] = StatsJson(result);
  return json;
}

std::string StatsLine(const Session& session, const GenerateResult& result) {
  return fmt::format(
      "prompt {} tokens, {:.1f} tokens/s; decode {} tokens, {:.1f} tokens/s\n"
      "({}, {} threads; ended by {})\n",
      result.prompt_tokens, result.PromptTokensPerS(), result.decode_tokens,
      result.DecodeTokensPerS(), session.kernels(), session.threads(),
      FinishReasonName(result.reason));
}

// Prints tokens as they come, as text or as ids, and keeps the text.
class TokenPrinter {
 public:
  TokenPrinter(const Console& console, const Tokenizer* tokenizer, bool ids, bool continuation)
      : console_(console), ids_(ids) {
    if (tokenizer != nullptr) decoder_.emplace(*tokenizer, /*skip_special=*/true, continuation);
  }

  void Add(int32_t id) {
    const std::string part = decoder_ ? decoder_->Push(id) : std::string();
    text_ += part;
    console_.Print(ids_ ? fmt::format("{}{}", first_ ? "" : " ", id) : part);
    first_ = false;
  }
  void End() {
    const std::string part = decoder_ ? decoder_->Finish() : std::string();
    text_ += part;
    console_.Print(ids_ ? "\n" : part + "\n");
  }
  const std::string& text() const { return text_; }

 private:
  const Console& console_;
  const bool ids_;
  std::optional<StreamDecoder> decoder_;
  std::string text_;
  bool first_ = true;
};

Status CheckFlags(const RunFlags& flags) {
  if (!flags.system.empty() && !flags.chat) {
    return BadInput("--system", "given without --chat", "both", "Add --chat.");
  }
  return {};
}

Result<std::unique_ptr<Session>> OpenSession(const RunFlags& flags) {
  if (flags.reference) return Session::OpenReference(flags.model, flags.engine);
  return Session::OpenChip(flags.model, flags.engine);
}

Status Run(const RunFlags& flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  BURIN_TRY(CheckFlags(flags));
  CatchInterrupts();
  BURIN_ASSIGN(const auto session, OpenSession(flags));
  BURIN_ASSIGN(const Prompt prompt, MakePrompt(flags, *session));
  if (!flags.ids) BURIN_TRY(NeedTokenizer(session->tokenizer(), flags.model));
  const auto prompt_size = static_cast<int64_t>(prompt.ids.size());
  if (prompt_size > session->context()) {
    return BadInput("prompt", fmt::format("{} tokens", prompt_size),
                    fmt::format("at most {}, the context of {}", session->context(), flags.model),
                    "Shorten it.");
  }
  BURIN_TRY(session->Reserve(prompt_size + std::min(flags.tokens, session->context())));

  GenerateOptions options;
  options.sampling = ResolveSampling(flags.sampling, session->generation());
  options.stop_ids = prompt.stop_ids;
  options.max_tokens = flags.tokens;
  options.prefill_chunk = flags.prefill_chunk;
  std::shared_ptr<TokenConstraint> constraint;
  if (!flags.form.empty()) {
    BURIN_ASSIGN(const Tokenizer* tokenizer, NeedTokenizer(session->tokenizer(), flags.model));
    BURIN_ASSIGN(constraint, MakeConstraint(flags.form, *tokenizer, prompt.stop_ids));
  }
  options.constraint = constraint.get();
  TokenPrinter printer(console, session->tokenizer(), flags.ids, prompt.continuation);
  const auto result = session->Continue(prompt.ids, options, [&printer](int32_t id) {
    printer.Add(id);
    return true;
  });
  printer.End();
  BURIN_TRY(result);
  if (flags.stats) Console::Note(StatsLine(*session, *result));
  return console.WriteJson(ToJson(flags, *session, prompt, *result, printer.text()));
}

void AddPromptOptions(CLI::App& command, RunFlags& flags) {
  auto* prompt =
      command.add_option("-p,--prompt", flags.prompt, "The text to continue")->option_text("TEXT");
  auto* file = command.add_option("-f,--file", flags.file, "A file with it; - is standard input")
                   ->option_text("FILE")
                   ->excludes(prompt);
  command.add_option("--prompt-ids", flags.prompt_ids, "The prompt as token ids: 1,2,3")
      ->option_text("IDS")
      ->delimiter(',')
      ->excludes(prompt)
      ->excludes(file);
  command.add_flag("--chat", flags.chat, "The prompt is a user's message of a conversation");
  command.add_option("--system", flags.system, "The system message of it")->option_text("TEXT");
  command.add_flag("--raw", flags.raw,
                   "Plain text: no BOS before it, special tokens in it are not read");
}

}  // namespace

void AddRunCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<RunFlags>();
  CLI::App* command = app.add_subcommand("run", "Continue a prompt");
  command->add_option("MODEL", flags->model, "A cartridge; with --reference a checkpoint")
      ->required();
  AddPromptOptions(*command, *flags);
  command->add_option("-n,--tokens", flags->tokens, "New tokens at most; 256 by default")
      ->option_text("N")
      ->check(CLI::Range(int64_t{0}, int64_t{1} << 40));
  AddSamplingOptions(*command, flags->sampling);
  AddOutputFormOptions(*command, flags->form);
  command
      ->add_option("--prefill-chunk", flags->prefill_chunk,
                   "Prompt tokens at a time; changes no result")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 30));
  AddEngineOptions(*command, flags->engine);
  command->add_flag("--reference", flags->reference,
                    "The float forward pass of a checkpoint instead of the chip's");
  AddAdapterOption(*command, flags->engine.adapter);
  command->add_flag("--ids", flags->ids, "Print token ids instead of text");
  command->add_flag("--stats", flags->stats, "Tokens a second, to standard error");
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return Run(*flags); }; });
}

}  // namespace burin
