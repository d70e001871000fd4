// burin bench: how fast this machine runs a cartridge, beside how fast it reads memory.
#include <algorithm>
#include <chrono>
#include <fstream>
#include <memory>
#include <vector>

#include "base/interrupt.h"
#include "base/mapped_file.h"
#include "cli/app.h"
#include "cli/console.h"
#include "cli/engine_flags.h"
#include "cli/server_bench.h"
#include "cli/session.h"
#include "emu/emulator.h"
#include "kernels/memory_probe.h"
#include "quant/cartridge.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kProbeBytes = size_t{256} << 20;
// Stretches of a round's decoding, each between two looks at the memory: on a shared machine the
// limit itself changes from second to second.
constexpr size_t kTurns = 4;

struct BenchFlags {
  std::string cartridge, json;
  int64_t prompt = 512, decode = 32, rounds = 3;
  EngineFlags engine;
  ServerBenchFlags server;
};

struct Measured {
  double load_ms = 0;
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;  // medians of the rounds
  double limit = 0;  // bytes/s of memory reads; the median of the looks
  double limit_low = 0, limit_high = 0;
  double decode_bytes_per_s = 0;  // of weights
  double share = 0;  // of the looks before and after a stretch; the median of the stretches
  uint64_t weight_bytes = 0;  // read for a token
  uint64_t kv_bytes = 0;      // in use at the end
  uint64_t peak_bytes = 0;    // resident, without the probe's buffer
};

double SecondsSince(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double Median(std::vector<double> values) {
  std::ranges::sort(values);
  const size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// VmHWM of this process; 0 if the system does not say.
uint64_t PeakResidentBytes() {
  std::ifstream status("/proc/self/status");
  for (std::string word; status >> word;) {
    uint64_t kib = 0;
    if (word == "VmHWM:" && status >> kib) return kib * 1024;
  }
  return 0;
}

// Codes and scales that a decoded token needs: all matrices but the embedding, of which it reads
// one column.
uint64_t WeightBytes(const QuantizedModel& model) {
  uint64_t bytes = model.head.shape.CodeBytes() + model.head.shape.ScaleBytes();
  for (const QuantizedLayer& layer : model.layers) {
    for (const PackedMatrix* matrix :
         {&layer.q, &layer.k, &layer.v, &layer.o, &layer.gate, &layer.up, &layer.down}) {
      bytes += matrix->shape.CodeBytes() + matrix->shape.ScaleBytes();
    }
  }
  return bytes;
}

// Ids that depend on nothing but the position: speed does not depend on the text.
std::vector<int32_t> SomeIds(int64_t count, int64_t vocab) {
  std::vector<int32_t> ids;
  for (int64_t i = 0; i < count; ++i) ids.push_back(static_cast<int32_t>((i * 7919 + 1) % vocab));
  return ids;
}

class Bench {
 public:
  Bench(const QuantizedModel& model, const KernelSet& kernels, const BenchFlags& flags,
        const Adapter* adapter, ThreadPool& pool)
      : pool_(pool),
        adapter_(adapter),
        emulator_(model, kernels, pool.size() > 1 ? &pool : nullptr),
        logits_(static_cast<size_t>(model.config.vocab)),
        ids_(SomeIds(flags.prompt + flags.decode, model.config.vocab)),
        prompt_(static_cast<size_t>(flags.prompt)) {}

  // Everything once, unmeasured: pages come in, buffers get their size.
  Status WarmUp() {
    BURIN_ASSIGN(KvCache cache, emulator_.NewCache(static_cast<int64_t>(ids_.size())));
    return Take(cache, ids_);
  }

  Status Run(int64_t rounds, Measured& measured) {
    BURIN_ASSIGN(KvCache cache, emulator_.NewCache(static_cast<int64_t>(ids_.size())));
    const std::vector<std::byte> buffer(kProbeBytes, std::byte{1});
    std::vector<double> prefill, decode;
    for (int64_t round = 0; round < rounds; ++round) {
      cache.Truncate(0);
      const Clock::time_point start = Clock::now();
      BURIN_TRY(Take(cache, std::span(ids_).first(prompt_)));
      prefill.push_back(static_cast<double>(prompt_) / SecondsSince(start));
      BURIN_ASSIGN(const double seconds, Decode(cache, buffer));
      decode.push_back(static_cast<double>(ids_.size() - prompt_) / seconds);
    }
    measured.prefill_tokens_per_s = Median(prefill);
    measured.decode_tokens_per_s = Median(decode);
    measured.weight_bytes = WeightBytes(emulator_.model());
    const auto bytes = static_cast<double>(measured.weight_bytes);
    measured.decode_bytes_per_s = measured.decode_tokens_per_s * bytes;
    measured.limit = Median(limits_);
    measured.limit_low = std::ranges::min(limits_);
    measured.limit_high = std::ranges::max(limits_);
    measured.share = Median(tokens_per_limit_) * bytes;
    measured.kv_bytes = cache.used_bytes();
    return {};
  }

 private:
  Status Take(KvCache& cache, std::span<const int32_t> ids) {
    if (InterruptRequested()) return Interrupted("benchmark");
    const Chunk chunk{&cache, ids, LogitsWanted::kLast, logits_, adapter_};
    return emulator_.Forward({&chunk, 1}, workspace_);
  }

  double Look(std::span<const std::byte> buffer) {
    limits_.push_back(MeasureReadBytesPerSecond(buffer, 1, pool_));
    return limits_.back();
  }

  // Seconds to decode what follows the prompt, without the looks at the memory. After each look one
  // token goes unmeasured, so that the caches hold what they would without it.
  Result<double> Decode(KvCache& cache, std::span<const std::byte> buffer) {
    const size_t count = ids_.size() - prompt_, turns = std::min(kTurns, count);
    double seconds = 0, before = Look(buffer);
    for (size_t turn = 0; turn < turns; ++turn) {
      const size_t begin = prompt_ + count * turn / turns,
                   end = prompt_ + count * (turn + 1) / turns;
      BURIN_TRY(Take(cache, std::span(ids_).subspan(begin, 1)));
      cache.Truncate(static_cast<int64_t>(begin));
      const Clock::time_point start = Clock::now();
      for (size_t i = begin; i < end; ++i) {
        BURIN_TRY(Take(cache, std::span(ids_).subspan(i, 1)));
      }
      const double turn_seconds = SecondsSince(start), after = Look(buffer);
      tokens_per_limit_.push_back(static_cast<double>(end - begin) / turn_seconds /
                                  ((before + after) / 2));
      seconds += turn_seconds;
      before = after;
    }
    return seconds;
  }

  ThreadPool& pool_;
  const Adapter* const adapter_;
  std::vector<double> limits_;            // bytes/s of every look
  std::vector<double> tokens_per_limit_;  // tokens/s over bytes/s of every stretch
  const Emulator emulator_;
  Workspace workspace_;
  std::vector<int32_t> logits_;
  const std::vector<int32_t> ids_;
  const size_t prompt_;
};

std::string Describe(const BenchFlags& flags, const Measured& m, const std::string& kernels,
                     uint64_t file_bytes, int threads) {
  constexpr double kGiga = 1e-9;
  std::string text = fmt::format("kernels     {}, {} threads, medians of {} rounds\n", kernels,
                                 threads, flags.rounds);
  text += fmt::format("load        {:.1f} ms\n", m.load_ms);
  text += fmt::format("prefill     {:.1f} tokens/s, {} tokens from position 0\n",
                      m.prefill_tokens_per_s, flags.prompt);
  text += fmt::format("decode      {:.2f} tokens/s, {} tokens from position {}\n",
                      m.decode_tokens_per_s, flags.decode, flags.prompt);
  text += fmt::format("weights     {} bytes a token: {:.2f} GB/s\n", WithCommas(m.weight_bytes),
                      m.decode_bytes_per_s * kGiga);
  text += fmt::format("memory      reads {:.2f} GB/s, {:.2f} to {:.2f} between the tokens\n",
                      m.limit * kGiga, m.limit_low * kGiga, m.limit_high * kGiga);
  text += fmt::format("share       {:.0f} % of that limit\n", 100 * m.share);
  text += fmt::format("resident    {} at most; cartridge {}, KV cache {}\n",
                      HumanBytes(m.peak_bytes), HumanBytes(file_bytes), HumanBytes(m.kv_bytes));
  return text;
}

Json ToJson(const BenchFlags& flags, const Measured& m, const QuantizedModel& model,
            const std::string& kernels, int threads) {
  return {{"cartridge", flags.cartridge},
          {"digest", ToHex(model.digest)},
          {"kernels", kernels},
          {"threads", threads},
          {"rounds", flags.rounds},
          {"prompt_tokens", flags.prompt},
          {"decode_tokens", flags.decode},
          {"load_ms", RoundTo(m.load_ms, 3)},
          {"prefill_tokens_per_second", RoundTo(m.prefill_tokens_per_s, 3)},
          {"decode_tokens_per_second", RoundTo(m.decode_tokens_per_s, 3)},
          {"weight_bytes_per_token", m.weight_bytes},
          {"decode_bytes_per_second", RoundTo(m.decode_bytes_per_s, 0)},
          {"memory_limit_bytes_per_second", RoundTo(m.limit, 0)},
          {"memory_limit_lowest", RoundTo(m.limit_low, 0)},
          {"memory_limit_highest", RoundTo(m.limit_high, 0)},
          {"share_of_limit", RoundTo(m.share, 4)},
          {"peak_resident_bytes", m.peak_bytes},
          {"cartridge_bytes", model.file->bytes().size()},
          {"kv_bytes", m.kv_bytes}};
}

// The prompt gets shorter when the context cannot hold it with the tokens to decode.
Status FitContext(const QuantizedModel& model, BenchFlags& flags) {
  if (flags.decode >= model.context) {
    return BadInput("--decode", fmt::format("{}", flags.decode),
                    fmt::format("less than {}, the context", model.context));
  }
  flags.prompt = std::min(flags.prompt, model.context - flags.decode);
  return {};
}

Status RunBench(BenchFlags flags) {
  const Console console(flags.json);
  BURIN_TRY(console.Check());
  CatchInterrupts();
  BURIN_ASSIGN(const KernelSet* kernels, ChooseKernels(flags.engine));
  Measured measured;
  const Clock::time_point start = Clock::now();
  BURIN_ASSIGN(const QuantizedModel model, OpenCartridge(flags.cartridge));
  measured.load_ms = 1e3 * SecondsSince(start);
  BURIN_TRY(FitContext(model, flags));
  ThreadPool pool(ThreadCount(flags.engine.threads));
  std::shared_ptr<const Adapter> adapter;
  if (!flags.engine.adapter.empty()) {
    BURIN_ASSIGN(adapter, LoadAdapter(flags.engine.adapter, model, &pool));
  }
  Bench bench(model, *kernels, flags, adapter.get(), pool);
  BURIN_TRY(bench.WarmUp());
  measured.peak_bytes = PeakResidentBytes();
  BURIN_TRY(bench.Run(flags.rounds, measured));
  const std::string name(kernels->name);
  console.Print(Describe(flags, measured, name, model.file->bytes().size(), pool.size()));
  return console.WriteJson(ToJson(flags, measured, model, name, pool.size()));
}

}  // namespace

void AddBenchCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command =
      app.add_subcommand("bench", "Measure speed and memory of a cartridge, or a server's speed");
  CLI::Option* cartridge = command->add_option("CARTRIDGE", flags->cartridge, "The file");
  const CLI::Range count(int64_t{1}, int64_t{1} << 24);
  command->add_option("--prompt", flags->prompt, "Tokens to prefill; 512 by default")
      ->option_text("N")
      ->check(count);
  command->add_option("--decode", flags->decode, "Tokens to decode after them; 32 by default")
      ->option_text("N")
      ->check(count);
  command->add_option("--rounds", flags->rounds, "Medians are of so many; 3 by default")
      ->option_text("N")
      ->check(count);
  AddAdapterOption(*command, flags->engine.adapter);
  AddEngineOptions(*command, flags->engine);
  AddJsonOption(*command, flags->json);
  AddServerBenchOptions(*command, flags->server);
  command->get_option("--server")->excludes(cartridge);
  command->callback([flags, &action] {
    action = [flags]() -> Status {
      if (!flags->server.url.empty()) return RunServerBench(flags->server, flags->json);
      if (!flags->cartridge.empty()) return RunBench(*flags);
      return BadInput("burin bench", "nothing to measure", "a CARTRIDGE or --server URL",
                      "See burin bench --help.");
    };
  });
}

}  // namespace burin
