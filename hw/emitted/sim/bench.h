// What the Verilator benches of a chip and of a tile share: their way to stop, the trace as words,
// ports of any width, the clock.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <string>
#include <type_traits>
#include <vector>

namespace bench {

// Exit codes: 1 something differs, 2 what was given does not fit.
[[noreturn]] inline void Stop(int code, const std::string& text) {
  std::fflush(stdout);
  std::fprintf(stderr, "bench: %s\n", text.c_str());
  std::exit(code);
}

// 32-bit words, a line of eight hexadecimal digits each.
inline std::vector<uint32_t> ReadHex(const char* path) {
  std::FILE* file = std::fopen(path, "r");
  if (file == nullptr) Stop(2, std::string(path) + ": cannot be read");
  std::vector<uint32_t> words;
  char line[16];
  while (std::fgets(line, sizeof line, file) != nullptr) {
    words.push_back(static_cast<uint32_t>(std::strtoul(line, nullptr, 16)));
  }
  std::fclose(file);
  return words;
}

// A trace of `burin rtl` (docs/rtl.md): a header of fixed size, then what is taken word by word.
struct TraceWords {
  TraceWords(const char* path, uint32_t magic, size_t header, const char* what)
      : words(ReadHex(path)), at(header) {
    if (words.size() < header || words[0] != magic || words[1] != 1) {
      Stop(2, std::string(path) + ": not " + what + " of version 1");
    }
  }
  const uint32_t* Take(size_t count) {
    if (count > words.size() - at) Stop(2, "the trace ends too early");
    at += count;
    return words.data() + at - count;
  }
  uint32_t Next() { return *Take(1); }

  std::vector<uint32_t> words;
  size_t at;
};

// 32-bit word i of a port, whatever Verilator made of its width.
template <typename T>
uint32_t WordOf(const T& port, uint32_t i) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<uint32_t>(static_cast<uint64_t>(port) >> (32 * i));
  } else {
    return port[i];
  }
}

// A cycle: inputs that were set count at the rising edge; outputs are those after it.
template <typename Model>
void Tick(Model& model) {
  model.clk = 0;
  model.eval();
  model.clk = 1;
  model.eval();
}

// Processor time of this process: what a busy machine does not disturb.
inline double ProcessorSeconds() {
  return static_cast<double>(std::clock()) / static_cast<double>(CLOCKS_PER_SEC);
}

inline unsigned long long Big(uint64_t number) { return number; }

}  // namespace bench
