// burin bench --server: a closed loop of users against an OpenAI server. Each asks, reads its
// answer to the end, and asks again.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <string>

#include "base/result.h"

namespace burin {

struct ServerBenchFlags {
  std::string url, model, key_file, prompts_file;
  int64_t users = 1, requests = 0, tokens = 128;
  double seconds = 10;
};

void AddServerBenchOptions(CLI::App& command, ServerBenchFlags& flags);
Status RunServerBench(const ServerBenchFlags& flags, const std::string& json);

}  // namespace burin
