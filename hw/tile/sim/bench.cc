// Bench of an emitted tile under Verilator: feeds the block-floating vectors of the trace, opens
// the word lines and collects the sums, the last word first and in the very cycle in which the
// machine has it; all sums and the cycle in which they leave the adder tree are compared with the
// reference.
//
// usage: Vburin_tile [TRACE]   trace.hex of `burin rtl --tile`
// Exit code: 0 all equal, 1 something differs, 2 no such trace.
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <type_traits>
#include <vector>

#include "Vburin_tile.h"
#include "verilated.h"

namespace {

[[noreturn]] void Stop(int code, const std::string& text) {
  std::fprintf(stderr, "bench: %s\n", text.c_str());
  std::exit(code);
}

std::vector<uint32_t> ReadHex(const char* path) {
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

// 32-bit word i of a port, whatever Verilator made of its width.
template <typename T>
uint32_t WordOf(const T& port, uint32_t i) {
  if constexpr (std::is_integral_v<T>) {
    return static_cast<uint32_t>(static_cast<uint64_t>(port) >> (32 * i));
  } else {
    return port[i];
  }
}
template <typename T>
void SetByte(T& port, uint32_t i, uint32_t value) {
  if constexpr (std::is_integral_v<T>) {
    const uint64_t clear = ~(uint64_t{255} << (8 * i));
    port = static_cast<T>((port & clear) | (uint64_t{value & 255} << (8 * i)));
  } else {
    const uint32_t at = 8 * (i % 4);
    port[i / 4] = (port[i / 4] & ~(255u << at)) | ((value & 255) << at);
  }
}

// docs/rtl.md, "Tiles".
struct Trace {
  explicit Trace(const char* path) : words(ReadHex(path)) {
    if (words.size() < 22 || words[0] != 0x4C495442 || words[1] != 1) {
      Stop(2, std::string(path) + ": not a trace of a tile, version 1");
    }
    lanes = words[10], input_words = words[11], groups = words[12], rows = words[13];
    matrix = words[14], output_words = words[15], columns = words[16], collect = words[17];
    tree = words[18], passes = words[19], drop = words[20], first_column = words[21];
  }
  const uint32_t* Take(size_t count) {
    if (count > words.size() - at) Stop(2, "the trace ends too early");
    at += count;
    return words.data() + at - count;
  }
  std::vector<uint32_t> words;
  size_t at = 22;
  uint32_t lanes, input_words, groups, rows, matrix, output_words, columns, collect, tree, passes,
      drop, first_column;
};

class Bench {
 public:
  explicit Bench(Trace& trace) : trace_(trace) {}

  int Run() {
    tile_.reset = 1;
    for (int i = 0; i < 4; ++i) Clock();
    tile_.reset = 0;
    Clock();
    const auto begin = std::chrono::steady_clock::now();
    for (pass_ = 0; pass_ < trace_.passes; ++pass_) RunPass();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    std::printf("%u passes of %u inputs, columns %u to %u; sums in cycle %u of a pass\n",
                trace_.passes, trace_.input_words * trace_.lanes, trace_.first_column,
                trace_.first_column + trace_.columns - 1, trace_.collect);
    std::printf("%.2f s: %.0f cycles/s simulated\n", seconds.count(),
                static_cast<double>(cycle_) / seconds.count());
    std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(passed_),
                static_cast<unsigned long long>(failed_));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void Clock() {
    tile_.clk = 0;
    tile_.eval();
    tile_.clk = 1;
    tile_.eval();
    ++cycle_;
  }

  void RunPass() {
    position_ = *trace_.Take(1);
    Feed();
    tile_.pass_start = 1;
    tile_.pass_rows = static_cast<uint16_t>(trace_.rows);
    for (uint32_t cycle = 0; cycle < trace_.collect; ++cycle) {
      Clock();
      tile_.pass_start = 0;
    }
    const uint32_t* expected = trace_.Take(trace_.columns);
    tile_.collect_matrix = static_cast<uint16_t>(trace_.matrix);
    for (uint32_t clock = 1; clock < trace_.output_words + trace_.tree + 2; ++clock) {
      tile_.collect = clock <= trace_.output_words;
      tile_.collect_word = static_cast<uint16_t>(trace_.output_words - clock);
      Clock();
      const bool wanted = clock >= trace_.tree && clock < trace_.tree + trace_.output_words;
      Check((tile_.raw_valid != 0) == wanted, "raw_valid, cycle", clock, tile_.raw_valid, wanted);
      if (wanted) CompareWord(trace_.output_words - 1 - (clock - trace_.tree), expected);
    }
  }

  void Feed() {
    const uint32_t common = *trace_.Take(1);
    const uint32_t* exponents = trace_.Take(trace_.groups);
    const uint32_t* mantissas = trace_.Take(size_t{trace_.input_words} * trace_.lanes);
    for (uint32_t word = 0; word < trace_.input_words; ++word) {
      tile_.act_valid = 1;
      tile_.act_word = static_cast<uint16_t>(word);
      for (uint32_t lane = 0; lane < trace_.lanes; ++lane) {
        SetByte(tile_.act_data, lane, mantissas[word * trace_.lanes + lane]);
      }
      Clock();
    }
    tile_.act_valid = 0;
    for (uint32_t group = 0; group < trace_.groups; ++group) {
      tile_.act_exp_valid = 1;
      tile_.act_group = static_cast<uint16_t>(group);
      tile_.act_exp = static_cast<uint8_t>(exponents[group]);
      Clock();
    }
    tile_.act_exp_valid = 0;
    tile_.act_commit = 1;
    tile_.act_common = static_cast<uint8_t>(common);
    tile_.act_drop = static_cast<uint8_t>(trace_.drop);
    Clock();
    tile_.act_commit = 0;
  }

  void CompareWord(uint32_t word, const uint32_t* expected) {
    for (uint32_t lane = 0; lane < trace_.lanes; ++lane) {
      const uint32_t column = word * trace_.lanes + lane;
      if (column >= trace_.columns) return;
      const uint32_t sum = WordOf(tile_.raw, lane);
      Check(sum == expected[column], "column", trace_.first_column + column, sum, expected[column]);
    }
  }

  void Check(bool equal, const char* what, uint32_t index, uint32_t tile, uint32_t reference) {
    if (equal) {
      ++passed_;
    } else if (++failed_ <= 12) {
      std::printf("FAILED token %u, %s %u: tile %d, reference %d\n", position_, what, index,
                  static_cast<int32_t>(tile), static_cast<int32_t>(reference));
    }
  }

  Trace& trace_;
  Vburin_tile tile_;
  uint32_t pass_ = 0, position_ = 0;
  uint64_t cycle_ = 0, passed_ = 0, failed_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  Verilated::commandArgs(argc, argv);
  Trace trace(argc > 1 ? argv[1] : "sim/trace.hex");
  return Bench(trace).Run();
}
