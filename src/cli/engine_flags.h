// Options that several commands share: threads, kernels, sampling.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "emu/sampler.h"
#include "kernels/kernel_set.h"
#include "model/model.h"

namespace burin {

struct EngineFlags {
  std::string kernels;
  int threads = 0;      // 0: as many as there are processors
  std::string adapter;  // of commands that AddAdapterOption; empty: none
};
void AddThreadsOption(CLI::App& command, int& threads);
void AddEngineOptions(CLI::App& command, EngineFlags& flags);
void AddAdapterOption(CLI::App& command, std::string& adapter);

int ThreadCount(int threads);
// --kernels, else the environment variable BURIN_KERNELS, else the best.
Result<const KernelSet*> ChooseKernels(const EngineFlags& flags);

struct SamplingFlags {
  bool greedy = false;
  std::optional<double> temperature, top_p, min_p, repetition_penalty;
  std::optional<int64_t> top_k;
  uint64_t seed = 0;
};
void AddSamplingOptions(CLI::App& command, SamplingFlags& flags);

// Flags first, then what the checkpoint's generation_config.json says; it samples only if
// `do_sample` is true there, so that the default is temperature 0.
SamplerSettings ResolveSampling(const SamplingFlags& flags, const GenerationDefaults& defaults);

}  // namespace burin
