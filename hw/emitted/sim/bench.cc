// Bench of an emitted chip under Verilator: feeds the prompt of the trace, lets the chip write its
// tokens, and compares with the reference every vector that the trace holds (each layer's residual,
// q, k, v, attention, gate, up), every token, the largest logits, and the cycles of every step.
//
// usage: Vburin_chip [TRACE [ADAPTER]]   trace.hex of `burin rtl`; adapter.hex: the image to load
// Exit code: 0 all equal, 1 something differs, 2 the trace does not belong to the chip.
#include "bench.h"

#include <cstdint>
#include <cstdio>
#include <string>
#include <vector>

#include "Vburin_chip.h"
#include "verilated.h"

namespace {

using bench::Big;
using bench::Stop;
using bench::WordOf;

constexpr const char* kOps[] = {
    "EMBED",  "NORM",           "ADAPT_DOWN", "PASS",     "COLLECT", "COLLECT_ADD",   "HEAD_NORM",
    "ROTATE", "QUANTIZE_HEADS", "ATTEND",     "QUANTIZE", "SWIGLU",  "COLLECT_LOGITS"};
constexpr int kOpCount = 13;
constexpr uint64_t kMostCycles = 50'000'000;  // of one token: a chip that hangs

struct Step {
  uint32_t op, layer, matrix, address, values;
};

// docs/rtl.md, "Trace".
struct Trace : bench::TraceWords {
  explicit Trace(const char* path) : TraceWords(path, 0x43525442, 19, "a trace of a chip") {
    lanes = words[10], vector_words = words[11], top_k = words[12];
    tokens = words[16], prompt = words[17], new_tokens = words[18];
    for (uint32_t i = 0; i < words[15]; ++i) {
      steps.push_back({Next(), Next(), Next(), Next(), Next()});
    }
  }

  uint32_t lanes, vector_words, top_k, tokens, prompt, new_tokens;
  std::vector<Step> steps;
};

class Bench {
 public:
  explicit Bench(Trace& trace) : trace_(trace), memory_(size_t{trace.lanes} * trace.vector_words) {}

  int Run(const char* adapter) {
    Reset();
    CheckChip();
    Write(0x11, trace_.new_tokens);
    if (adapter != nullptr) LoadAdapter(adapter);
    Write(0x10, 5);  // new sequence, counters clear
    const double begin = bench::ProcessorSeconds();
    const uint64_t first_cycle = cycle_;
    for (uint32_t t = 0; t < trace_.tokens; ++t) RunToken(t);
    const uint64_t cycles = cycle_ - first_cycle;
    const double seconds = bench::ProcessorSeconds() - begin;
    CheckCounters();
    Report(cycles, seconds);
    return failed_ == 0 ? 0 : 1;
  }

 private:
  void Clock() {
    bench::Tick(chip_);
    ++cycle_;
    if (chip_.trace_write) Mirror();
    if (chip_.trace_fetch) Fetch();
  }
  void Reset() {
    chip_.reset = 1;
    chip_.in_valid = chip_.in_dest = chip_.in_last = chip_.out_ready = chip_.register_write = 0;
    chip_.in_data = chip_.register_address = chip_.register_write_data = 0;
    for (int i = 0; i < 4; ++i) Clock();
    chip_.reset = 0;
    Clock();
  }
  uint32_t Read(uint32_t address) {
    chip_.register_address = static_cast<uint8_t>(address);
    Clock();
    return chip_.register_read_data;
  }
  void Write(uint32_t address, uint32_t value) {
    chip_.register_address = static_cast<uint8_t>(address);
    chip_.register_write_data = value;
    chip_.register_write = 1;
    Clock();
    chip_.register_write = 0;
  }
  void Send(uint32_t word, int dest, bool last) {
    chip_.in_valid = 1;
    chip_.in_data = word;
    chip_.in_dest = static_cast<uint8_t>(dest);
    chip_.in_last = last;
    chip_.clk = 0;
    chip_.eval();
    for (uint64_t wait = 0; !chip_.in_ready; ++wait) {
      if (wait > kMostCycles) Stop(1, "the chip takes no word");
      Clock();
      chip_.clk = 0;
      chip_.eval();
    }
    Clock();
    chip_.in_valid = 0;
  }

  void CheckChip() {
    if (Read(0) != 0x4E525542) Stop(2, "register 0 is not \"BURN\"");
    for (uint32_t i = 0; i < 8; ++i) {
      if (Read(8 + i) != trace_.words[2 + i]) {
        Stop(2, "the trace belongs to another cartridge than the chip (register 08 on)");
      }
    }
  }

  void LoadAdapter(const char* path) {
    const std::vector<uint32_t> image = bench::ReadHex(path);
    Write(0x10, 2);
    for (const uint32_t word : image) Send(word, 1, false);
    for (int i = 0; i < 4; ++i) Clock();
    if ((Read(0x10) & 4) == 0) Stop(2, std::string(path) + ": not a whole image");
    Write(0x14, 1);
    std::printf("adapter %zu bytes loaded\n", image.size() * 4);
  }

  // ---- what the chip shows

  void Mirror() {
    const size_t at = size_t{chip_.trace_address} * trace_.lanes;
    for (uint32_t lane = 0; lane < trace_.lanes; ++lane) {
      if ((WordOf(chip_.trace_mask, lane / 32) >> (lane % 32) & 1) == 0) continue;
      if (at + lane >= memory_.size()) Stop(1, "a write behind the vector memory");
      memory_[at + lane] = WordOf(chip_.trace_data, lane);
    }
  }

  // Step `next` is fetched: those before it are done.
  void Fetch() {
    const uint32_t next = chip_.trace_step;
    if (next > trace_.steps.size()) Stop(1, "a step behind the program");
    for (; expected_ != nullptr && done_ < next; ++done_) {
      const Step& step = trace_.steps[done_];
      if (step.values > 0) Compare(step);
    }
    if (expected_ != nullptr && next == fetched_step_ + 1) CountCycles();
    fetched_ = cycle_;
    fetched_step_ = next;
  }

  void CountCycles() {
    const uint32_t taken = static_cast<uint32_t>(cycle_ - fetched_);
    const Step& step = trace_.steps[fetched_step_];
    const uint32_t wanted = cycles_[fetched_step_];
    op_cycles_[step.op] += taken;
    wanted_cycles_[step.op] += wanted;
    if (taken != wanted) {
      if (++unequal_steps_[step.op] <= 4) Print(step, "cycles", taken, wanted);
    } else {
      ++passed_;
    }
    ++steps_run_[step.op];
  }

  void Compare(const Step& step) {
    const size_t at = size_t{step.address} * trace_.lanes;
    for (uint32_t i = 0; i < step.values; ++i) {
      if (memory_[at + i] == expected_[i]) continue;
      Check(false, step, "value " + std::to_string(i), memory_[at + i], expected_[i]);
      expected_ += step.values;
      return;
    }
    expected_ += step.values;
    ++passed_;
  }

  void Check(bool equal, const Step& step, const std::string& what, uint32_t chip,
             uint32_t reference) {
    if (equal) {
      ++passed_;
      return;
    }
    if (++failed_ <= 12) Print(step, what, chip, reference);
  }

  void Print(const Step& step, const std::string& what, uint32_t chip, uint32_t reference) {
    const std::string layer = step.layer == ~0u ? "" : "layer " + std::to_string(step.layer) + ", ";
    std::printf("FAILED token %u, %sstep %zu %s: %s: chip %d, reference %d\n", token_,
                layer.c_str(), static_cast<size_t>(&step - trace_.steps.data()),
                kOps[step.op % kOpCount], what.c_str(), static_cast<int32_t>(chip),
                static_cast<int32_t>(reference));
  }

  // ---- tokens

  void RunToken(uint32_t t) {
    token_ = t;
    const uint32_t id = trace_.Next(), sampling = trace_.Next();
    cycles_ = trace_.Take(trace_.steps.size());
    size_t values = 0;
    for (const Step& step : trace_.steps) values += step.values;
    expected_ = trace_.Take(values);
    done_ = 0;
    const Step& last = trace_.steps.back();
    if (t < trace_.prompt) {
      Send(id, 0, t + 1 == trace_.prompt);
    } else {
      Check(id == next_token_, last, "token", next_token_, id);
    }
    const uint64_t begin = cycle_;
    while (done_ < trace_.steps.size()) {
      Clock();
      if (cycle_ - begin > kMostCycles) Stop(1, "the chip hangs");
    }
    if (sampling != 0) Receive(last);
    token_cycles_ = cycle_ - begin;
  }

  // The packet of a written token.
  void Receive(const Step& last) {
    chip_.out_ready = 1;
    std::vector<uint32_t> packet;
    while (packet.size() < 1 + 2 * size_t{trace_.top_k}) {
      const uint64_t begin = cycle_;
      while (!chip_.out_valid) {
        Clock();
        if (cycle_ - begin > kMostCycles) Stop(1, "the chip writes no token");
      }
      packet.push_back(chip_.out_data);
      const bool is_last = packet.size() == 1 + 2 * size_t{trace_.top_k};
      if ((chip_.out_last != 0) != is_last) Stop(1, "out_last is at the wrong word");
      Clock();
    }
    chip_.out_ready = 0;
    next_token_ = packet[0] & 0x7FFFFFFF;
    for (uint32_t k = 0; k < trace_.top_k; ++k) {
      const uint32_t id = trace_.Next(), logit = trace_.Next();
      Check(packet[1 + 2 * k] == id, last, "id " + std::to_string(k), packet[1 + 2 * k], id);
      Check(packet[2 + 2 * k] == logit, last, "logit " + std::to_string(k), packet[2 + 2 * k],
            logit);
    }
  }

  // What the chip counted itself (hw/burin_host_port.sv) against what its trace port showed.
  void CheckCounters() {
    constexpr uint32_t kEndWord = 2;  // cycles of the word that ends a token
    const auto check = [&](uint32_t address, uint64_t wanted) {
      const uint32_t counted = Read(address);
      if (counted == static_cast<uint32_t>(wanted)) {
        ++passed_;
        return;
      }
      ++failed_;
      std::printf("FAILED register %02x: chip %u, counted %llu\n", address, counted, Big(wanted));
    };
    uint64_t all = 0;
    for (uint32_t op = 0; op < kOpCount; ++op) {
      check(0x30 + op, op_cycles_[op]);
      all += op_cycles_[op];
    }
    check(0x20, all + kEndWord * trace_.tokens);
    check(0x21, trace_.tokens);
  }

  void Report(uint64_t cycles, double seconds) {
    std::printf("%u tokens (%u of the prompt), %.0f cycles a token, the last one %llu\n",
                trace_.tokens, trace_.prompt, static_cast<double>(cycles) / trace_.tokens,
                Big(token_cycles_));
    std::printf("  step                 count       cycles          model\n");
    uint64_t all = 0, model = 0, steps = 0;
    for (int op = 0; op < kOpCount; ++op) {
      if (op_cycles_[op] == 0) continue;
      failed_ += unequal_steps_[op];
      all += op_cycles_[op], model += wanted_cycles_[op], steps += steps_run_[op];
      std::printf("  %-15s %10llu %12llu %14llu%s\n", kOps[op], Big(steps_run_[op]),
                  Big(op_cycles_[op]), Big(wanted_cycles_[op]),
                  unequal_steps_[op] == 0
                      ? ""
                      : ("  FAILED " + std::to_string(unequal_steps_[op]) + " steps").c_str());
    }
    std::printf("  all steps       %10llu %12llu %14llu\n", Big(steps), Big(all), Big(model));
    std::printf("%.2f s of processor time: %.1f tokens/s, %.0f cycles/s simulated\n", seconds,
                trace_.tokens / seconds, static_cast<double>(cycles) / seconds);
    std::printf("%llu passed, %llu failed\n", Big(passed_), Big(failed_));
  }

  Trace& trace_;
  Vburin_chip chip_;
  std::vector<uint32_t> memory_;
  const uint32_t* expected_ = nullptr;  // values of the present token's results
  const uint32_t* cycles_ = nullptr;
  size_t done_ = 0;  // steps of the present token
  uint32_t fetched_step_ = 0;
  uint64_t cycle_ = 0, fetched_ = 0, token_cycles_ = 0;
  uint32_t token_ = 0, next_token_ = ~0u;
  uint64_t passed_ = 0, failed_ = 0;
  // By op: steps, their cycles from fetch to fetch, those of the timing model, steps that differ.
  uint64_t steps_run_[kOpCount] = {}, op_cycles_[kOpCount] = {}, wanted_cycles_[kOpCount] = {},
           unequal_steps_[kOpCount] = {};
};

}  // namespace

int main(int argc, char** argv) {
  Verilated::commandArgs(argc, argv);
  Trace trace(argc > 1 ? argv[1] : "sim/trace.hex");
  return Bench(trace).Run(argc > 2 ? argv[2] : nullptr);
}
