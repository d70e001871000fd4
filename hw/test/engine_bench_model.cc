#include "engine_bench.h"

#include <gtest/gtest.h>

#include <limits>

namespace burin::hw {
namespace {

void SetStep(Vengine_bench& top, const Step& s) {
  auto& w = top.program_word;
  const auto put = [&](int first, int width, int64_t value) {
    SetBits(w, first, width, static_cast<uint64_t>(value));
  };
  put(0, 4, s.op);
  put(4, 1, s.only_with_adapter);
  put(5, 1, s.only_sampling);
  put(6, 1, s.gain);
  put(7, 1, s.bias);
  put(8, 2, s.kind);
  put(10, 10, s.select);
  put(20, 16, s.source);
  put(36, 16, s.source2);
  put(52, 16, s.target);
  put(68, 16, s.values);
  put(84, 8, s.exponent);
  put(92, 5, s.drop);
  put(97, 12, s.block_words);
  put(109, 10, s.layer);
  put(119, 12, s.matrix);
  put(131, 16, s.constant);
  put(147, 12, s.adapter_entry);
}

}  // namespace

Engine::Engine() : memory(4096, 0), rotary(MakeRotaryTable(Frequencies(), kContext)) {
  top_->reset = 1;
  for (int i = 0; i < 3; ++i) Cycle();
  top_->reset = 0;
}

void Engine::Run(std::vector<Step> program, int64_t token, int64_t position, bool adapter,
                 bool sampling) {
  program.push_back({});
  program_ = std::move(program);
  top_->token = static_cast<uint32_t>(token);
  top_->position = static_cast<uint32_t>(position);
  top_->adapter = adapter;
  top_->sampling = sampling;
  top_->start = 1;
  fetches_.clear();
  Cycle();
  top_->start = 0;
  int limit = 200000;
  while (true) {
    const bool done = top_->done;
    Cycle();
    if (done) break;
    ASSERT_GT(--limit, 0) << "the engine hangs";
  }
  step_cycles.clear();
  for (size_t i = 1; i < fetches_.size(); ++i) step_cycles.push_back(fetches_[i] - fetches_[i - 1]);
}

std::vector<Step> Engine::Load(int word, std::vector<int32_t> values) {
  std::vector<Step> steps;
  if (embeddings_.size() > 1000) embeddings_.clear();
  values.resize(static_cast<size_t>(CeilDiv(static_cast<int>(values.size()), kLanes) * kLanes));
  const auto hidden_words = static_cast<size_t>(CeilDiv(kHidden, kLanes));
  for (size_t first = 0; first < values.size(); first += hidden_words * kLanes) {
    Step step;
    step.op = kEmbed;
    step.target = word + static_cast<int>(first) / kLanes;
    step.values = kLanes;
    std::vector<int32_t> part(values.begin() + static_cast<long>(first), values.end());
    part.resize(hidden_words * kLanes);
    step.embedding = embeddings_.size();
    embeddings_.push_back(std::move(part));
    steps.push_back(step);
  }
  return steps;
}

void Engine::Cycle() {
  Vengine_bench& t = *top_;
  // Requests of this cycle, answered in the next one.
  const bool fetch = t.program_enable, constant = t.constant_enable, angle = t.rotary_enable,
             embed = t.embed_start;
  const size_t program_address = t.program_address, constant_address = t.constant_address;
  const size_t coarse = t.rotary_coarse, fine = t.rotary_fine;
  if (t.trace_write) {
    for (int l = 0; l < kLanes; ++l) {
      if (t.trace_mask >> l & 1)
        memory.at(static_cast<size_t>(t.trace_address) * kLanes + static_cast<size_t>(l)) =
            Lane(t.trace_data, l);
    }
  }
  if (t.act_valid) {
    if (t.act_word == 0) activations = {};
    EXPECT_EQ(t.act_word * kLanes, activations.mantissas.size());
    for (int l = 0; l < kLanes; ++l)
      activations.mantissas.push_back(reinterpret_cast<const int8_t*>(&t.act_data)[l]);
    if (t.act_exp_valid) {
      EXPECT_EQ(t.act_group, activations.exponents.size());
      activations.exponents.push_back(static_cast<int8_t>(t.act_exp));
    }
  }
  if (t.act_commit) {
    activations.committed = true;
    activations.common = static_cast<int8_t>(t.act_common);
    activations.select = t.act_select;
    activations.drop = t.act_drop;
  }
  if (t.pass_start) ++passes;
  if (t.collect) {
    returns_[now_ + 1 + tree] =
        static_cast<size_t>(t.collect_block) * static_cast<size_t>(raw_block_words) +
        t.collect_word;
  }
  if (fetch) fetches_.push_back(now_);
  Tick(t);
  ++now_;
  if (fetch) {
    SetStep(t, program_.at(program_address));
    embedding_ = program_.at(program_address).embedding;
  }
  if (constant) {
    for (int l = 0; l < kLanes; ++l)
      SetBits(t.constant_word, 32 * l, 32,
              static_cast<uint32_t>(constants.at(constant_address).at(static_cast<size_t>(l))));
  }
  if (angle) {
    const auto pair = [&](size_t i) {
      return static_cast<uint32_t>(static_cast<uint16_t>(rotary.at(2 * i))) |
             static_cast<uint32_t>(static_cast<uint16_t>(rotary.at(2 * i + 1))) << 16;
    };
    const size_t coarse_pairs = static_cast<size_t>(CeilDiv(kContext, 64) * kHeadDim / 2);
    t.coarse_word = pair(coarse);
    t.fine_word = pair(coarse_pairs + fine);
  }
  if (embed) embed_word_ = 0;
  t.embed_valid = embed_word_ != SIZE_MAX;
  if (t.embed_valid) {
    t.embed_index = static_cast<uint16_t>(embed_word_);
    for (int l = 0; l < kLanes; ++l)
      SetBits(t.embed_data, 32 * l, 32,
              static_cast<uint32_t>(
                  embeddings_[embedding_].at(embed_word_ * kLanes + static_cast<size_t>(l))));
    if (++embed_word_ * kLanes == embeddings_[embedding_].size()) {
      embed_word_ = SIZE_MAX;
    }
  }
  const auto answer = returns_.find(now_);
  t.raw_valid = answer != returns_.end();
  if (t.raw_valid) {
    for (int l = 0; l < kLanes; ++l) {
      const size_t i = answer->second * kLanes + static_cast<size_t>(l);
      SetBits(t.raw, 32 * l, 32, i < raw.size() ? static_cast<uint32_t>(raw[i]) : 0);
    }
    returns_.erase(answer);
  }
  t.eval();
}

std::vector<int32_t> Random(uint64_t seed, int n, int max_bits) {
  std::vector<int32_t> v;
  const auto bits = static_cast<int>(Philox(seed, 1, 0)[0] % static_cast<uint32_t>(max_bits)) + 1;
  for (int i = 0; i < n; ++i) {
    const auto r = Philox(seed, 2, static_cast<uint64_t>(i));
    auto x = static_cast<int32_t>(r[0]) >> (32 - bits);
    if (r[1] % 16 == 0) x >>= r[2] % 20;
    v.push_back(x);
  }
  if (seed % 7 == 3) std::fill(v.begin(), v.end(), 0);
  if (seed % 7 == 5) v[seed % v.size()] = std::numeric_limits<int32_t>::min();
  return v;
}

}  // namespace burin::hw
