#include "cli/engine_flags.h"

#include <cstdlib>

#include "base/thread_pool.h"

namespace burin {

void AddThreadsOption(CLI::App& command, int& threads) {
  command.add_option("--threads", threads, "Threads to use; as many as processors by default")
      ->option_text("N")
      ->check(CLI::Range(1, 4096));
}

void AddEngineOptions(CLI::App& command, EngineFlags& flags) {
  AddThreadsOption(command, flags.threads);
  command
      .add_option("--kernels", flags.kernels,
                  "Kernel set: scalar, avx2, ...; else $BURIN_KERNELS, else the best")
      ->option_text("NAME");
}

void AddAdapterOption(CLI::App& command, std::string& adapter) {
  command.add_option("--adapter", adapter, "A LoRA adapter: a PEFT folder or a GGUF file")
      ->option_text("PATH");
}

int ThreadCount(int threads) { return threads > 0 ? threads : DefaultThreads(); }

Result<const KernelSet*> ChooseKernels(const EngineFlags& flags) {
  if (!flags.kernels.empty()) return FindKernelSet(flags.kernels);
  const char* name = std::getenv("BURIN_KERNELS");
  return FindKernelSet(name == nullptr ? "" : name);
}

void AddSamplingOptions(CLI::App& command, SamplingFlags& flags) {
  CLI::Option* temperature =
      command.add_option("--temperature", flags.temperature, "0 takes the likeliest token")
          ->option_text("T");
  command.add_option("--top-k", flags.top_k, "Keep the K likeliest; 0 keeps all")->option_text("K");
  command.add_option("--top-p", flags.top_p, "Keep the fewest that hold this probability")
      ->option_text("P");
  command.add_option("--min-p", flags.min_p, "Keep those this likely beside the likeliest")
      ->option_text("P");
  command.add_option("--repetition-penalty", flags.repetition_penalty, "1 is none")
      ->option_text("X");
  command.add_option("--seed", flags.seed, "Of the draws; 0 by default")->option_text("S");
  command.add_flag("--greedy", flags.greedy, "The same as --temperature 0")->excludes(temperature);
}

SamplerSettings ResolveSampling(const SamplingFlags& flags, const GenerationDefaults& defaults) {
  const bool sample = defaults.do_sample.value_or(false);
  SamplerSettings settings;
  settings.temperature =
      flags.greedy ? 0 : flags.temperature.value_or(sample ? defaults.temperature.value_or(1) : 0);
  settings.top_k = flags.top_k.value_or(defaults.top_k.value_or(0));
  settings.top_p = flags.top_p.value_or(defaults.top_p.value_or(1));
  settings.min_p = flags.min_p.value_or(defaults.min_p.value_or(0));
  settings.repetition_penalty =
      flags.repetition_penalty.value_or(defaults.repetition_penalty.value_or(1));
  settings.seed = flags.seed;
  return settings;
}

}  // namespace burin
