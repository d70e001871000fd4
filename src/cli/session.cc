#include "cli/session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "cli/checkpoint.h"
#include "cli/reference_generate.h"
#include "quant/cartridge.h"

namespace burin {
namespace {

size_t CommonPrefix(std::span<const int32_t> a, std::span<const int32_t> b) {
  return static_cast<size_t>(std::ranges::mismatch(a, b).in1 - a.begin());
}

// The ids whose keys and values a cache holds after `result`: all but the last new one.
std::vector<int32_t> HeldIds(std::span<const int32_t> prompt, const GenerateResult& result) {
  std::vector<int32_t> held(prompt.begin(), prompt.end());
  held.insert(held.end(), result.tokens.begin(), result.tokens.end());
  return held;
}

class ChipSession final : public Session {
 public:
  ChipSession(LoadedCartridge loaded, const KernelSet& kernels, int threads)
      : loaded_(std::move(loaded)),
        pool_(threads),
        emulator_(loaded_.model, kernels, threads > 1 ? &pool_ : nullptr) {}

  Status LoadAdapter(const std::filesystem::path& path) {
    BURIN_ASSIGN(adapter_, burin::LoadAdapter(path, loaded_.model, &pool_));
    return {};
  }

  Status Reserve(int64_t positions) override {
    BURIN_ASSIGN(KvCache cache, emulator_.NewCache(std::min(positions, context())));
    cache_.emplace(std::move(cache));
    held_.clear();
    return {};
  }

  const ModelConfig& config() const override { return loaded_.model.config; }
  const GenerationDefaults& generation() const override { return loaded_.model.generation; }
  const Tokenizer* tokenizer() const override {
    return loaded_.tokenizer ? &*loaded_.tokenizer : nullptr;
  }
  int64_t context() const override { return loaded_.model.context; }
  std::string kernels() const override { return std::string(emulator_.kernels().name); }
  const QuantizedModel* cartridge() const override { return &loaded_.model; }
  const Adapter* adapter() const override { return adapter_.get(); }
  int threads() const override { return pool_.size(); }

  Result<GenerateResult> Continue(std::span<const int32_t> prompt, const GenerateOptions& options,
                                  const std::function<bool(int32_t)>& on_token) override {
    const auto shared = static_cast<int64_t>(CommonPrefix(held_, prompt));
    cache_->Truncate(std::min(cache_->length(), shared));
    held_.clear();  // until it is known what the cache holds
    GenerateOptions adapted = options;
    adapted.adapter = adapter_.get();
    auto result = Generate(emulator_, *cache_, prompt, adapted, workspace_, on_token);
    if (result) {
      held_ = HeldIds(prompt, *result);
    } else {
      cache_->Truncate(0);
    }
    return result;
  }

 private:
  const LoadedCartridge loaded_;
  ThreadPool pool_;
  const Emulator emulator_;
  std::shared_ptr<const Adapter> adapter_;
  std::optional<KvCache> cache_;
  Workspace workspace_;
  std::vector<int32_t> held_;
};

class ReferenceSession final : public Session {
 public:
  ReferenceSession(Checkpoint checkpoint, const LoraAdapter* adapter, int threads)
      : checkpoint_(std::move(checkpoint)),
        pool_(threads),
        reference_(checkpoint_.model, adapter) {}

  Status Reserve(int64_t positions) override {
    BURIN_ASSIGN(ReferenceState state,
                 ReferenceState::Create(config(), std::min(positions, context())));
    state_.emplace(std::move(state));
    held_.clear();
    return {};
  }

  const ModelConfig& config() const override { return checkpoint_.model.config; }
  const GenerationDefaults& generation() const override { return checkpoint_.model.generation; }
  const Tokenizer* tokenizer() const override { return &checkpoint_.tokenizer; }
  int64_t context() const override {
    const int64_t window = config().sliding_window;
    return window > 0 ? std::min(window, config().max_positions) : config().max_positions;
  }
  std::string kernels() const override { return "float"; }
  const QuantizedModel* cartridge() const override { return nullptr; }
  const Adapter* adapter() const override { return nullptr; }
  int threads() const override { return pool_.size(); }

  Result<GenerateResult> Continue(std::span<const int32_t> prompt, const GenerateOptions& options,
                                  const std::function<bool(int32_t)>& on_token) override {
    const auto shared = static_cast<int64_t>(CommonPrefix(held_, prompt));
    state_->Rewind(std::min(state_->position(), shared));
    held_.clear();
    auto result = GenerateReference(reference_, *state_, prompt, options, &pool_, on_token);
    if (result) {
      held_ = HeldIds(prompt, *result);
    } else {
      state_->Rewind(0);
    }
    return result;
  }

 private:
  const Checkpoint checkpoint_;
  ThreadPool pool_;
  const ReferenceModel reference_;
  std::optional<ReferenceState> state_;
  std::vector<int32_t> held_;
};

}  // namespace

Result<LoadedCartridge> LoadCartridge(const std::filesystem::path& path) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored) || path.extension() == ".gguf") {
    return BadInput(path.string(), "looks like a checkpoint", "a cartridge (*.burin)",
                    "Make one with: burin engrave MODEL -o model.burin");
  }
  BURIN_ASSIGN(QuantizedModel model, OpenCartridge(path));
  std::optional<Tokenizer> tokenizer;
  if (!model.tokenizer.empty()) {
    BURIN_ASSIGN(tokenizer, Tokenizer::Deserialize(model.tokenizer, path.string()));
    if (tokenizer->vocab_size() > model.config.vocab) {
      return BadInput(path.string(),
                      fmt::format("the tokenizer has {} tokens, the embedding {} rows",
                                  tokenizer->vocab_size(), model.config.vocab),
                      "a row for each token");
    }
  }
  return LoadedCartridge{std::move(model), std::move(tokenizer)};
}

Result<std::unique_ptr<Session>> Session::OpenChip(const std::filesystem::path& path,
                                                   const EngineFlags& flags) {
  BURIN_ASSIGN(const KernelSet* kernels, ChooseKernels(flags));
  BURIN_ASSIGN(LoadedCartridge loaded, LoadCartridge(path));
  auto session =
      std::make_unique<ChipSession>(std::move(loaded), *kernels, ThreadCount(flags.threads));
  if (!flags.adapter.empty()) BURIN_TRY(session->LoadAdapter(flags.adapter));
  return session;
}

Result<std::unique_ptr<Session>> Session::OpenReference(const std::filesystem::path& path,
                                                        const EngineFlags& flags) {
  BURIN_ASSIGN(Checkpoint checkpoint, LoadCheckpoint(path));
  LoraAdapter adapter;
  if (!flags.adapter.empty()) {
    BURIN_ASSIGN(adapter, ReadAdapter(flags.adapter, checkpoint.model.config));
  }
  return std::make_unique<ReferenceSession>(std::move(checkpoint),
                                            flags.adapter.empty() ? nullptr : &adapter,
                                            ThreadCount(flags.threads));
}

Result<const Tokenizer*> NeedTokenizer(const Tokenizer* tokenizer, const std::string& object) {
  if (tokenizer != nullptr) return tokenizer;
  return BadInput(object, "a synthetic model without a tokenizer", "a model that knows text",
                  "Use run --prompt-ids ... --ids, or bench.");
}

const char* FinishReasonName(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStopId:
      return "stop";
    case FinishReason::kMaxTokens:
      return "length";
    case FinishReason::kCapacity:
      return "context";
    default:
      return "interrupted";
  }
}

}  // namespace burin
