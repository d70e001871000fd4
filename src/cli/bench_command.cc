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
#include "cli/session.h"
#include "emu/emulator.h"
#include "kernels/memory_probe.h"
#include "quant/cartridge.h"

namespace burin {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kProbeBytes = size_t{256} << 20;
constexpr int kProbeRounds = 5;

struct BenchFlags {
  std::string cartridge, json;
  int64_t prompt = 512, decode = 32, rounds = 3;
  EngineFlags engine;
};

struct Measured {
  double load_ms = 0;
  double prefill_tokens_per_s = 0, decode_tokens_per_s = 0;  // medians of the rounds
  double limit_before = 0, limit_after = 0;                  // bytes/s of memory reads
  double decode_bytes_per_s = 0;                             // of weights
  uint64_t weight_bytes = 0;                                 // read for a token
  uint64_t kv_bytes = 0;                                     // in use at the end
  uint64_t peak_bytes = 0;                                   // resident, without the probe's buffer
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

// The buffer is gone when this returns.
double MemoryLimit(ThreadPool& pool) {
  const std::vector<std::byte> buffer(kProbeBytes, std::byte{1});
  return MeasureReadBytesPerSecond(buffer, kProbeRounds, pool);
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
        ThreadPool& pool)
      : emulator_(model, kernels, pool.size() > 1 ? &pool : nullptr),
        logits_(static_cast<size_t>(model.config.vocab)),
        ids_(SomeIds(flags.prompt + flags.decode, model.config.vocab)),
        prompt_(static_cast<size_t>(flags.prompt)) {}

  Status Run(int64_t rounds, Measured& measured) {
    BURIN_ASSIGN(KvCache cache, emulator_.NewCache(static_cast<int64_t>(ids_.size())));
    std::vector<double> prefill, decode;
    for (int64_t round = 0; round < rounds; ++round) {
      cache.Truncate(0);
      Clock::time_point start = Clock::now();
      BURIN_TRY(Take(cache, std::span(ids_).first(prompt_)));
      prefill.push_back(static_cast<double>(prompt_) / SecondsSince(start));
      start = Clock::now();
      for (size_t i = prompt_; i < ids_.size(); ++i) {
        BURIN_TRY(Take(cache, std::span(ids_).subspan(i, 1)));
      }
      decode.push_back(static_cast<double>(ids_.size() - prompt_) / SecondsSince(start));
    }
    measured.prefill_tokens_per_s = Median(prefill);
    measured.decode_tokens_per_s = Median(decode);
    measured.kv_bytes = cache.used_bytes();
    return {};
  }

 private:
  Status Take(KvCache& cache, std::span<const int32_t> ids) {
    if (InterruptRequested()) return Interrupted("benchmark");
    const Chunk chunk{&cache, ids, LogitsWanted::kLast, logits_};
    return emulator_.Forward({&chunk, 1}, workspace_);
  }

  const Emulator emulator_;
  Workspace workspace_;
  std::vector<int32_t> logits_;
  const std::vector<int32_t> ids_;
  const size_t prompt_;
};

std::string Describe(const BenchFlags& flags, const Measured& m, const std::string& kernels,
                     uint64_t file_bytes, int threads) {
  constexpr double kGiga = 1e-9;
  const double limit = std::max(m.limit_before, m.limit_after);
  std::string text = fmt::format("kernels     {}, {} threads, medians of {} rounds\n", kernels,
                                 threads, flags.rounds);
  text += fmt::format("load        {:.1f} ms\n", m.load_ms);
  text += fmt::format("prefill     {:.1f} tokens/s, {} tokens from position 0\n",
                      m.prefill_tokens_per_s, flags.prompt);
  text += fmt::format("decode      {:.2f} tokens/s, {} tokens from position {}\n",
                      m.decode_tokens_per_s, flags.decode, flags.prompt);
  text += fmt::format("weights     {} bytes a token: {:.2f} GB/s\n", WithCommas(m.weight_bytes),
                      m.decode_bytes_per_s * kGiga);
  text += fmt::format("memory      reads {:.2f} GB/s before, {:.2f} GB/s after\n",
                      m.limit_before * kGiga, m.limit_after * kGiga);
  text += fmt::format("share       {:.0f} % of that limit\n", 100 * m.decode_bytes_per_s / limit);
  text += fmt::format("resident    {} at most; cartridge {}, KV cache {}\n",
                      HumanBytes(m.peak_bytes), HumanBytes(file_bytes), HumanBytes(m.kv_bytes));
  return text;
}

Json ToJson(const BenchFlags& flags, const Measured& m, const QuantizedModel& model,
            const std::string& kernels, int threads) {
  const double limit = std::max(m.limit_before, m.limit_after);
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
          {"memory_limit_before_bytes_per_second", RoundTo(m.limit_before, 0)},
          {"memory_limit_after_bytes_per_second", RoundTo(m.limit_after, 0)},
          {"share_of_limit", RoundTo(m.decode_bytes_per_s / limit, 4)},
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
  BURIN_TRY(Bench(model, *kernels, flags, pool).Run(1, measured));  // pages in, caches warm
  measured.peak_bytes = PeakResidentBytes();
  measured.limit_before = MemoryLimit(pool);
  BURIN_TRY(Bench(model, *kernels, flags, pool).Run(flags.rounds, measured));
  measured.limit_after = MemoryLimit(pool);
  measured.weight_bytes = WeightBytes(model);
  measured.decode_bytes_per_s =
      measured.decode_tokens_per_s * static_cast<double>(measured.weight_bytes);
  const std::string name(kernels->name);
  console.Print(Describe(flags, measured, name, model.file->bytes().size(), pool.size()));
  return console.WriteJson(ToJson(flags, measured, model, name, pool.size()));
}

}  // namespace

void AddBenchCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<BenchFlags>();
  CLI::App* command = app.add_subcommand("bench", "Measure speed and memory of a cartridge");
  command->add_option("CARTRIDGE", flags->cartridge, "The file")->required();
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
  AddEngineOptions(*command, flags->engine);
  AddJsonOption(*command, flags->json);
  command->callback([flags, &action] { action = [flags] { return RunBench(*flags); }; });
}

}  // namespace burin
