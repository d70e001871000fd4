// The fields that chat, completions and llama.cpp's completion share: sampling, length, stops, form
// of the output.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "emu/sampler.h"
#include "model/model.h"
#include "serve/json_view.h"

namespace burin {

// What the text must be.
struct OutputFormat {
  enum class Kind : uint8_t { kText, kJsonObject, kJsonSchema, kRegex, kChoice, kGrammar };
  Kind kind = Kind::kText;
  std::string text = {};                  // the schema as JSON, the regex or the grammar
  std::vector<std::string> choices = {};  // of kChoice
  std::string param = {};                 // the field that it came from
};

struct GenerationFields {
  std::string model;  // empty: the server's own
  int64_t n = 1;
  SamplerSettings sampling;
  double presence_penalty = 0, frequency_penalty = 0;
  // At most; what the context has room for bounds it, and is the default.
  std::optional<int64_t> max_tokens;
  std::vector<std::string> stop;
  std::vector<int32_t> stop_ids;
  bool ignore_eos = false;
  bool stream = false, include_usage = false;
  bool timings_per_token = false;  // in every chunk of a stream
  bool reuse_prompt = true;
  int64_t logprobs = -1;  // alternatives; -1: none at all
  OutputFormat format;
  // Special tokens whose text belongs to the output: the marks of tool calls.
  std::vector<int32_t> shown_ids;
};

// What the ranges and defaults depend on.
struct FieldLimits {
  const GenerationDefaults& defaults;  // the model's own sampling
  int64_t vocab = 0;
};

// The shared fields, with OpenAI's names and ranges and vLLM's and llama.cpp's additions. Mistakes
// go to the document. A seed that is not given is drawn from the system.
void ReadGeneration(const JsonView& root, const FieldLimits& limits, GenerationFields& out);

// response_format, and vLLM's guided_json, guided_regex, guided_choice, guided_grammar, llama.cpp's
// json_schema and grammar; at most one of them.
void ReadOutputFormat(const JsonView& root, OutputFormat& out);

// A seed from the system's entropy.
uint64_t RandomSeed();

}  // namespace burin
