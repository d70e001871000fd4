// One sequence on one model, whether the chip's or the float reference: what run, chat and eval
// generate with.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "cli/engine_flags.h"
#include "emu/generate.h"
#include "quant/adapter.h"
#include "quant/quantized_model.h"
#include "text/tokenizer.h"

namespace burin {

class Session {
 public:
  // Opens a cartridge, and flags.adapter for it. Errors: also a file that is a checkpoint and not a
  // cartridge.
  static Result<std::unique_ptr<Session>> OpenChip(const std::filesystem::path& path,
                                                   const EngineFlags& flags);
  // Opens a checkpoint for the float reference, and flags.adapter as floats.
  static Result<std::unique_ptr<Session>> OpenReference(const std::filesystem::path& path,
                                                        const EngineFlags& flags);
  virtual ~Session() = default;

  virtual const ModelConfig& config() const = 0;
  virtual const GenerationDefaults& generation() const = 0;
  virtual const Tokenizer* tokenizer() const = 0;       // null: a synthetic model
  virtual int64_t context() const = 0;                  // tokens that a sequence may have at most
  virtual std::string kernels() const = 0;              // "float" for the reference
  virtual const QuantizedModel* cartridge() const = 0;  // null for the reference
  virtual const Adapter* adapter() const = 0;           // null: none, or the reference
  virtual int threads() const = 0;

  // Makes room for a sequence of `positions` tokens, at most context(); forgets the one before.
  virtual Status Reserve(int64_t positions) = 0;

  // Continues `prompt`, the ids of the whole sequence; what it shares with the sequence of the last
  // call is not computed again. Needs Reserve first. See emu/generate.h.
  virtual Result<GenerateResult> Continue(std::span<const int32_t> prompt,
                                          const GenerateOptions& options,
                                          const std::function<bool(int32_t)>& on_token) = 0;
};

// A cartridge and its tokenizer (nullopt: a synthetic model).
struct LoadedCartridge {
  QuantizedModel model;
  std::optional<Tokenizer> tokenizer;
};
Result<LoadedCartridge> LoadCartridge(const std::filesystem::path& path);

// The tokenizer, or an error that says what a model without one can do.
Result<const Tokenizer*> NeedTokenizer(const Tokenizer* tokenizer, const std::string& object);

const char* FinishReasonName(FinishReason reason);

}  // namespace burin
