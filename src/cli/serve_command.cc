// burin serve: a cartridge behind an OpenAI API and a page.
#include <chrono>
#include <filesystem>
#include <memory>
#include <thread>

#include "base/interrupt.h"
#include "base/progress.h"
#include "cli/app.h"
#include "cli/chip_silicon.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "cli/session.h"
#include "quant/adapter.h"
#include "quant/cartridge.h"
#include "serve/server.h"

namespace burin {
namespace {

struct ServeFlags {
  std::string cartridge, name, host = "127.0.0.1", cors = "*", key_file, certificate, key;
  std::string adapter_folder, chip;
  std::vector<std::string> adapters;  // NAME=PATH
  int64_t port = 8080, users = 64, queue = 512, connections = 1024;
  int64_t kv_mib = 1024, adapter_mib = 1024, body_mib = 8, timeout_s = 600, grace_s = 30;
  bool log = false;
  EngineFlags engine;
};

Result<std::vector<std::pair<std::string, std::string>>> AdapterList(const ServeFlags& flags) {
  std::vector<std::pair<std::string, std::string>> list;
  for (const std::string& item : flags.adapters) {
    const size_t sign = item.find('=');
    if (sign == std::string::npos || sign == 0 || sign + 1 == item.size()) {
      return BadInput("--adapter", item, "NAME=PATH");
    }
    list.emplace_back(item.substr(0, sign), item.substr(sign + 1));
  }
  return list;
}

Result<ServerOptions> OptionsOf(const ServeFlags& flags) {
  ServerOptions options;
  options.http.host = flags.host;
  options.http.port = static_cast<uint16_t>(flags.port);
  options.http.tls_certificate = flags.certificate;
  options.http.tls_key = flags.key;
  options.http.max_connections = flags.connections;
  options.http.max_body_bytes = static_cast<uint64_t>(flags.body_mib) << 20;
  options.scheduler.max_sequences = flags.users;
  options.scheduler.max_waiting = flags.queue;
  options.kv_bytes = static_cast<uint64_t>(flags.kv_mib) << 20;
  options.adapter_bytes = static_cast<uint64_t>(flags.adapter_mib) << 20;
  options.id =
      flags.name.empty() ? std::filesystem::path(flags.cartridge).stem().string() : flags.name;
  options.path = flags.cartridge;
  options.version = VersionText();
  options.cors_origin = flags.cors == "none" ? "" : flags.cors;
  options.adapter_folder = flags.adapter_folder;
  options.request_timeout = std::chrono::seconds(flags.timeout_s);
  if (!flags.key_file.empty()) {
    BURIN_ASSIGN(options.keys, ApiKeys::Load(flags.key_file));
  }
  if (flags.log) {
    options.log = [](const std::string& line) { Console::Note(OneLine(line) + "\n"); };
  }
  std::error_code error;
  if (!flags.adapter_folder.empty() &&
      !std::filesystem::is_directory(flags.adapter_folder, error)) {
    return BadInput("--adapter-folder", flags.adapter_folder, "a folder");
  }
  return options;
}

// Reads and quantizes adapters for the model, on the calling thread: the pool is the scheduler's.
// With a chip they take what the chip's memory needs.
AdapterLoader LoaderFor(const QuantizedModel& model, const SiliconModel* silicon) {
  return [&model, silicon](const std::string& path) -> Result<LoadedAdapter> {
    BURIN_ASSIGN(const auto weights, LoadAdapter(path, model));
    LoadedAdapter loaded;
    loaded.weights = weights;
    loaded.rank = weights->rank;
    loaded.bytes = weights->DataBytes();
    if (silicon != nullptr) {
      BURIN_ASSIGN(loaded.bytes, silicon->BytesOf(*weights));
    }
    loaded.digest = ToHex(weights->digest);
    loaded.base_model = weights->base_model;
    return loaded;
  };
}

// Waits for Ctrl-C or SIGTERM.
void WaitForInterrupt() {
  while (!InterruptRequested()) std::this_thread::sleep_for(std::chrono::milliseconds(50));
}

Status RunServe(const ServeFlags& flags) {
  const Console console("");
  CatchInterrupts();
  BURIN_ASSIGN(const auto adapters, AdapterList(flags));
  BURIN_ASSIGN(const KernelSet* kernels, ChooseKernels(flags.engine));
  BURIN_ASSIGN(ServerOptions options, OptionsOf(flags));
  BURIN_ASSIGN(const LoadedCartridge loaded, LoadCartridge(flags.cartridge));
  BURIN_ASSIGN(const Tokenizer* tokenizer,
               NeedTokenizer(loaded.tokenizer ? &*loaded.tokenizer : nullptr, flags.cartridge));
  ThreadPool pool(ThreadCount(flags.engine.threads));
  BURIN_ASSIGN(const auto server, Server::Listen(options));
  const std::string where = fmt::format("{}://{}:{}", flags.certificate.empty() ? "http" : "https",
                                        flags.host, server->port());
  {
    // The answers name the digest: it must be that of the bytes.
    Progress progress("verify", "bytes", loaded.model.file->bytes().size());
    BURIN_TRY(VerifyCartridge(loaded.model, pool, &progress));
  }
  std::unique_ptr<SiliconModel> silicon;
  if (!flags.chip.empty()) {
    BURIN_ASSIGN(silicon, MakeSilicon(loaded.model, options.id, flags.chip));
  }
  ServedModel served;
  served.silicon = silicon.get();
  served.model = &loaded.model;
  served.tokenizer = tokenizer;
  served.kernels = kernels;
  served.pool = pool.size() > 1 ? &pool : nullptr;
  served.load_adapter = LoaderFor(loaded.model, silicon.get());
  BURIN_TRY(server->Serve(served, adapters));
  if (!options.keys.needed() && flags.host != "127.0.0.1" && flags.host != "localhost" &&
      flags.host != "::1") {
    Console::Note("Anybody who reaches this address may ask: there is no --api-key-file.\n");
  }
  console.Print(fmt::format("{} at {}\n{}, {} threads; digest {}\nCtrl-C ends.\n", options.id,
                            where, kernels->name, pool.size(), ToHex(loaded.model.digest)));
  WaitForInterrupt();
  const int64_t running = server->state().running + server->state().waiting;
  if (running > 0) {
    Console::Note(fmt::format("Ending; {} texts have {} s left.\n", running, flags.grace_s));
  }
  const int64_t cut = server->Stop(std::chrono::seconds(flags.grace_s));
  if (cut > 0) Console::Note(fmt::format("{} connections were ended.\n", cut));
  return {};
}

template <typename Number>
void AddNumber(CLI::App& command, const std::string& name, Number& target, int64_t least,
               int64_t most, const std::string& what, const std::string& unit = "N") {
  command.add_option(name, target, fmt::format("{}; {} by default", what, target))
      ->option_text(unit)
      ->check(CLI::Range(least, most));
}

void AddNetworkOptions(CLI::App& command, ServeFlags& flags) {
  command.add_option("--host", flags.host, "Address to listen at; 127.0.0.1 by default")
      ->option_text("ADDRESS");
  AddNumber(command, "--port", flags.port, 0, 65535, "Port; 0 takes a free one");
  command.add_option("--api-key-file", flags.key_file, "Keys that may ask, one a line")
      ->option_text("FILE");
  CLI::Option* certificate =
      command.add_option("--tls-certificate", flags.certificate, "Certificate chain, PEM: https")
          ->option_text("FILE");
  CLI::Option* key = command.add_option("--tls-key", flags.key, "Its private key, PEM")
                         ->option_text("FILE")
                         ->needs(certificate);
  certificate->needs(key);
  command
      .add_option("--cors", flags.cors,
                  "Origin whose pages may ask; * (the default) is all, none is none")
      ->option_text("ORIGIN");
  command.add_flag("--log", flags.log, "A line for every answer, to standard error");
}

void AddLimitOptions(CLI::App& command, ServeFlags& flags) {
  constexpr int64_t kMany = int64_t{1} << 20;
  AddNumber(command, "--users", flags.users, 1, 4096, "Texts that are written at a time");
  AddNumber(command, "--queue", flags.queue, 1, kMany, "Texts that may wait; above: status 429");
  AddNumber(command, "--connections", flags.connections, 1, kMany, "Connections at a time");
  AddNumber(command, "--kv-memory", flags.kv_mib, 1, kMany, "Memory for keys and values, MiB",
            "MIB");
  AddNumber(command, "--adapter-memory", flags.adapter_mib, 1, kMany, "For adapters, MiB", "MIB");
  AddNumber(command, "--max-body", flags.body_mib, 1, 1024, "Largest request, MiB", "MIB");
  AddNumber(command, "--timeout", flags.timeout_s, 0, kMany,
            "Seconds that a request may take; 0 is no limit", "S");
  AddNumber(command, "--grace", flags.grace_s, 0, 3600, "Seconds to finish after Ctrl-C", "S");
}

}  // namespace

void AddServeCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<ServeFlags>();
  CLI::App* command = app.add_subcommand("serve", "Answer an OpenAI API, with a page");
  command->add_option("CARTRIDGE", flags->cartridge, "The file")->required();
  command->add_option("--name", flags->name, "The model's name; the file's by default")
      ->option_text("NAME");
  command->add_option("--adapter", flags->adapters, "A LoRA adapter and its name; may be repeated")
      ->option_text("NAME=PATH");
  command
      ->add_option("--adapter-folder", flags->adapter_folder,
                   "Adapters below it may be loaded while the server runs")
      ->option_text("DIR");
  command
      ->add_option("--chip", flags->chip, "Say what this chip would take, and keep to its memory")
      ->option_text("CHIP");
  AddNetworkOptions(*command, *flags);
  AddLimitOptions(*command, *flags);
  AddEngineOptions(*command, flags->engine);
  command->callback([flags, &action] { action = [flags] { return RunServe(*flags); }; });
}

}  // namespace burin
