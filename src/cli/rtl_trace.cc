#include "cli/rtl_trace.h"

#include <algorithm>
#include <map>
#include <numeric>
#include <optional>

#include "base/check.h"
#include "emu/emulator.h"
#include "timing/step_cycles.h"

namespace burin {
namespace {

// Keeps every vector of the present token.
class Recorder final : public Observer {
 public:
  void See(Stage stage, int64_t layer, size_t, int64_t, std::span<const int32_t> values) override {
    seen_[{stage, layer}].assign(values.begin(), values.end());
  }
  const std::vector<int32_t>& Of(Stage stage, int64_t layer) const {
    return seen_.at({stage, layer});
  }

 private:
  std::map<std::pair<Stage, int64_t>, std::vector<int32_t>> seen_;
};

// The emulator's name for what a step leaves in the vector memory.
Stage StageOf(const PlacedFabric& fabric, const StepResult& result) {
  const auto kind = [&] { return fabric.plan.matrices[static_cast<size_t>(result.matrix)].kind; };
  switch (result.op) {
    case Op::kEmbed:
      return Stage::kEmbedding;
    case Op::kRotate:
      return kind() == TensorKind::kQ ? Stage::kQuery : Stage::kKey;
    case Op::kAttend:
      return Stage::kAttention;
    case Op::kCollectAdd:
      return kind() == TensorKind::kO ? Stage::kAttentionResidual : Stage::kResidual;
    case Op::kCollect:
      return kind() == TensorKind::kV      ? Stage::kValue
             : kind() == TensorKind::kGate ? Stage::kGate
                                           : Stage::kUp;
    default:
      BURIN_CHECK(!"a step without a result");
      return Stage::kEmbedding;
  }
}

void SetTop(std::span<const int32_t> logits, int64_t count, TracedToken& token) {
  std::vector<int32_t> ids(logits.size());
  std::iota(ids.begin(), ids.end(), 0);
  const auto at = [&](int32_t id) { return logits[static_cast<size_t>(id)]; };
  const auto end = ids.begin() + count;
  std::partial_sort(ids.begin(), end, ids.end(),
                    [&](int32_t a, int32_t b) { return at(a) != at(b) ? at(a) > at(b) : a < b; });
  token.top_ids.assign(ids.begin(), end);
  for (const int32_t id : token.top_ids) token.top_logits.push_back(at(id));
}

}  // namespace

Result<std::vector<int32_t>> TraceGreedy(const QuantizedModel& model, const KernelSet& kernels,
                                         const PlacedFabric& fabric, const EnginePlan& plan,
                                         std::span<const int32_t> prompt, int64_t new_tokens,
                                         const Adapter* adapter, Trace& trace) {
  const Emulator emulator(model, kernels);
  const int64_t context = std::min(fabric.max_context, model.context);
  const auto prompt_size = static_cast<int64_t>(prompt.size());
  // The last token that is written is not run.
  const int64_t run = std::min(context, prompt_size + std::max<int64_t>(0, new_tokens - 1));
  BURIN_ASSIGN(KvCache cache, emulator.NewCache(context));
  Workspace workspace;
  Recorder recorder;
  std::vector<int32_t> written, logits(static_cast<size_t>(model.config.vocab));
  for (int64_t t = 0; t < run; ++t) {
    TracedToken token;
    token.in_prompt = t < prompt_size;
    token.sampling = t + 1 >= prompt_size;
    token.token = token.in_prompt ? prompt[static_cast<size_t>(t)] : written.back();
    Chunk chunk{};
    chunk.cache = &cache;
    chunk.tokens = {&token.token, 1};
    chunk.wanted = token.sampling ? LogitsWanted::kLast : LogitsWanted::kNone;
    chunk.logits = logits;
    chunk.adapter = adapter;
    BURIN_TRY(emulator.Forward({&chunk, 1}, workspace, &recorder));
    for (const StepResult& result : plan.results) {
      if (result.values == 0) continue;
      const std::vector<int32_t>& values =
          recorder.Of(StageOf(fabric, result), std::max(result.layer, 0));
      BURIN_CHECK(static_cast<int64_t>(values.size()) == result.values);
      token.values.insert(token.values.end(), values.begin(), values.end());
    }
    const TokenRequest request{.positions = t + 1,
                               .adapter_rank = adapter == nullptr ? 0 : adapter->rank,
                               .logits = token.sampling};
    for (const Step& step : fabric.program) {
      token.cycles.push_back(static_cast<uint32_t>(OwnCycles(fabric, step, request)));
    }
    if (token.sampling) {
      SetTop(logits, fabric.chip.top_k, token);
      written.push_back(token.top_ids.front());
    }
    trace.Add(token);
  }
  return written;
}

}  // namespace burin
