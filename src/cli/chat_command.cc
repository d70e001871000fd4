// burin chat: a conversation on the terminal.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "cli/app.h"
#include "cli/console.h"
#include "cli/line_reader.h"
#include "cli/session.h"
#include "text/chat_template.h"

namespace burin {
namespace {

struct ChatFlags {
  std::string model, system;
  int64_t tokens = 1024;
  EngineFlags engine;
  SamplingFlags sampling;
};

// Ctrl-C stops an answer and not the program, so that chat has a handler of its own.
std::atomic<bool> stop_requested{false};
static_assert(std::atomic<bool>::is_always_lock_free);

void CatchCtrlC() {
  struct sigaction action {};
  action.sa_handler = [](int) { stop_requested = true; };
  ::sigaction(SIGINT, &action, nullptr);  // without SA_RESTART: reading a line ends too
}

constexpr const char* kHelp =
    "/reset        forget the conversation\n"
    "/system TEXT  set the system message and forget the conversation\n"
    "/stats        tokens and speed of the last answer\n"
    "/quit         end (so does the end of the input)\n"
    "A line that ends in \\ goes on in the next. Ctrl-C stops an answer.\n";

class Chat {
 public:
  // `format`: nothing when the model has no chat template.
  Chat(Session& session, const Tokenizer& tokenizer, std::optional<ChatTemplate> format,
       const ChatFlags& flags)
      : session_(session),
        tokenizer_(tokenizer),
        format_(std::move(format)),
        system_(flags.system),
        interactive_(::isatty(STDIN_FILENO) == 1) {
    options_.sampling = ResolveSampling(flags.sampling, session.generation());
    options_.stop_ids = format_ ? format_->stop_ids() : session.config().eos_ids;
    options_.max_tokens = flags.tokens;
  }

  Status Run() {
    Greet();
    bool stopped_once = false;
    for (;;) {
      if (interactive_) console_.Print("> ");
      std::string message;
      const LineReader::Outcome outcome = reader_.Read(message);
      if (outcome == LineReader::Outcome::kEnd) break;
      if (outcome == LineReader::Outcome::kInterrupted) {
        if (stopped_once) return Interrupted("chat");
        stopped_once = true;
        stop_requested = false;
        Console::Note("\n(Ctrl-C again ends; so does /quit)\n");
        continue;
      }
      if (message == "/quit") return {};
      stopped_once = false;
      if (message.empty() || Command(message)) continue;
      BURIN_ASSIGN(stopped_once, Answer(message));
    }
    if (interactive_) console_.Print("\n");
    return {};
  }

 private:
  void Greet() const {
    if (!format_) {
      Console::Note("The model has no chat template: it just goes on with the text.\n");
    }
    if (interactive_) {
      Console::Note(fmt::format("{}, {} threads. /help lists the commands.\n", session_.kernels(),
                                session_.threads()));
    }
  }

  // True if the line was a command.
  bool Command(const std::string& line) {
    if (!line.starts_with('/')) return false;
    if (line == "/reset") {
      Forget();
    } else if (line == "/system" || line.starts_with("/system ")) {
      system_ = line.size() > 8 ? line.substr(8) : std::string();
      Forget();
      if (!format_) Console::Note("(this model knows no system message)\n");
    } else if (line == "/stats") {
      console_.Print(stats_.empty() ? "no answer yet\n" : stats_);
    } else {
      console_.Print(kHelp);
    }
    return true;
  }

  void Forget() {
    messages_.clear();
    ids_.clear();
  }

  // The ids of the whole conversation with `message` at its end.
  Result<std::vector<int32_t>> Prompt(const std::string& message) const {
    if (format_) {
      Conversation conversation;
      if (!system_.empty()) conversation.messages.push_back({"system", system_});
      conversation.messages.insert(conversation.messages.end(), messages_.begin(), messages_.end());
      conversation.messages.push_back({"user", message});
      return format_->Encode(conversation);
    }
    std::vector<int32_t> ids = ids_;
    const auto added =
        tokenizer_.Encode(message, {.add_special = ids.empty(), .parse_special = false});
    ids.insert(ids.end(), added.begin(), added.end());
    return ids;
  }

  // Answers; true if Ctrl-C stopped it.
  Result<bool> Answer(const std::string& message) {
    BURIN_ASSIGN(std::vector<int32_t> prompt, Prompt(message));
    if (prompt.empty() || static_cast<int64_t>(prompt.size()) >= session_.context()) {
      console_.Print(
          fmt::format("(no room: the context is {} tokens; /reset forgets)\n", session_.context()));
      return false;
    }
    StreamDecoder decoder(tokenizer_, /*skip_special=*/true, /*continuation=*/!format_);
    stop_requested = false;
    std::string answer;
    const auto print = [&](const std::string& part) {
      answer += part;
      console_.Print(part);
    };
    const auto result = session_.Continue(prompt, options_, [&](int32_t id) {
      print(decoder.Push(id));
      return !stop_requested.load();
    });
    print(decoder.Finish());
    console_.Print("\n");
    BURIN_TRY(result);
    messages_.push_back({"user", message});
    messages_.push_back({"assistant", answer});
    ids_ = std::move(prompt);
    ids_.insert(ids_.end(), result->tokens.begin(), result->tokens.end());
    if (result->reason == FinishReason::kCapacity) {
      console_.Print("(the context is full; /reset forgets the conversation)\n");
    }
    KeepStats(*result);
    return result->reason == FinishReason::kCallback;
  }

  void KeepStats(const GenerateResult& result) {
    stats_ = fmt::format(
        "prompt {} new tokens, {:.1f} tokens/s; answer {} tokens, {:.1f} tokens/s;\n"
        "context {} of {} tokens\n",
        result.prompt_tokens, result.PromptTokensPerS(), result.tokens.size(),
        result.DecodeTokensPerS(), ids_.size(), session_.context());
  }

  Session& session_;
  const Tokenizer& tokenizer_;
  const std::optional<ChatTemplate> format_;
  std::string system_;
  const bool interactive_;
  const Console console_{""};
  GenerateOptions options_;
  LineReader reader_;
  std::vector<ChatMessage> messages_;
  std::vector<int32_t> ids_;  // of the conversation up to the last answer
  std::string stats_;
};

Status RunChat(const ChatFlags& flags) {
  BURIN_ASSIGN(const auto session, Session::OpenChip(flags.model, flags.engine));
  BURIN_ASSIGN(const Tokenizer* tokenizer, NeedTokenizer(session->tokenizer(), flags.model));
  BURIN_TRY(session->Reserve(session->context()));
  BURIN_ASSIGN(auto format, ChatTemplate::Create(*tokenizer));
  CatchCtrlC();
  return Chat(*session, *tokenizer, std::move(format), flags).Run();
}

}  // namespace

void AddChatCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ChatFlags>();
  CLI::App* command = app.add_subcommand("chat", "Talk with a model");
  command->add_option("CARTRIDGE", flags->model, "The file")->required();
  command->add_option("--system", flags->system, "The system message")->option_text("TEXT");
  command->add_option("-n,--tokens", flags->tokens, "At most in an answer; 1024 by default")
      ->option_text("N")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  AddSamplingOptions(*command, flags->sampling);
  AddAdapterOption(*command, flags->engine.adapter);
  AddEngineOptions(*command, flags->engine);
  command->callback([flags, &action] { action = [flags] { return RunChat(*flags); }; });
}

}  // namespace burin
