// Bench of an emitted tile under Verilator: feeds the block-floating vectors of the trace, opens
// the word lines and collects the sums, the last word first and in the very cycle in which the
// machine has it; all sums and the cycle in which they leave the adder tree are compared with the
// reference.
//
// usage: Vburin_tile [TRACE]   trace.hex of `burin rtl --tile`; in the folder of burin_tile.sv
// Exit code: 0 all equal, 1 something differs, 2 no such trace, or one of another cartridge.
#include "bench.h"

#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <type_traits>

#include "Vburin_tile.h"
#include "verilated.h"

namespace {

using bench::Big;
using bench::WordOf;

// Byte i of a port.
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
struct Trace : bench::TraceWords {
  explicit Trace(const char* path) : TraceWords(path, 0x4C495442, 22, "a trace of a tile") {
    lanes = words[10], input_words = words[11], groups = words[12], rows = words[13];
    matrix = words[14], output_words = words[15], columns = words[16], collect = words[17];
    tree = words[18], passes = words[19], drop = words[20], first_column = words[21];
  }

  uint32_t lanes, input_words, groups, rows, matrix, output_words, columns, collect, tree, passes,
      drop, first_column;
};

// The cartridge of the tile, as its module's comment names it, against that of the trace.
void CheckDigest(const Trace& trace, const char* path) {
  std::string digest;
  for (size_t i = 0; i < 32; ++i) {
    char digits[3];
    std::snprintf(digits, sizeof digits, "%02x", trace.words[2 + i / 4] >> (8 * (i % 4)) & 255);
    digest += digits;
  }
  std::ifstream file(path);
  std::string line;
  while (std::getline(file, line)) {
    if (line == "// Cartridge " + digest) return;
  }
  bench::Stop(2, std::string("the trace belongs to another cartridge than ") + path);
}

class Bench {
 public:
  explicit Bench(Trace& trace) : trace_(trace) {}

  int Run() {
    tile_.reset = 1;
    for (int i = 0; i < 4; ++i) Clock();
    tile_.reset = 0;
    Clock();
    const double begin = bench::ProcessorSeconds();
    for (pass_ = 0; pass_ < trace_.passes; ++pass_) RunPass();
    const double seconds = bench::ProcessorSeconds() - begin;
    std::printf("%u passes of %u inputs, columns %u to %u; sums in cycle %u of a pass\n",
                trace_.passes, trace_.input_words * trace_.lanes, trace_.first_column,
                trace_.first_column + trace_.columns - 1, trace_.collect);
    std::printf("%.2f s of processor time: %.0f cycles/s simulated\n", seconds,
                static_cast<double>(cycle_) / seconds);
    std::printf("%llu passed, %llu failed\n", Big(passed_), Big(failed_));
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void Clock() {
    bench::Tick(tile_);
    ++cycle_;
  }

  void RunPass() {
    position_ = trace_.Next();
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
    const uint32_t common = trace_.Next();
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
  CheckDigest(trace, "burin_tile.sv");
  return Bench(trace).Run();
}
