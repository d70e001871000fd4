#include "serve/generation_fields.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <random>
#include <tuple>

namespace burin {
namespace {

constexpr size_t kMostStops = 16;  // OpenAI: 4; llama.cpp and vLLM set no bound
constexpr size_t kLongestStop = 1024;
constexpr size_t kLongestFormat = 1 << 20;
constexpr int64_t kManyTokens = int64_t{1} << 40;

// Fields that would change the text and are not here, with the value that changes nothing.
void RefuseUnsupported(const JsonView& root) {
  struct Unsupported {
    std::string_view name;
    double neutral;
  };
  constexpr Unsupported kNumbers[] = {{"mirostat", 0},
                                      {"typical_p", 1},
                                      {"tfs_z", 1},
                                      {"dry_multiplier", 0},
                                      {"xtc_probability", 0},
                                      {"dynatemp_range", 0},
                                      {"min_tokens", 0},
                                      {"length_penalty", 1},
                                      {"n_keep", 0},
                                      {"prompt_logprobs", 0},
                                      {"truncate_prompt_tokens", 0}};
  for (const auto& [name, neutral] : kNumbers) {
    const JsonView field = root[name];
    double value = neutral;
    if (field.is_number()) field.Read(value, -1e300, 1e300);
    const bool none = value == neutral || (name == "n_keep" && value == -1);
    if (!none) field.Fail(fmt::format("'{}' is not supported.", name), "unsupported_parameter");
  }
  for (const std::string_view name : {"functions", "function_call", "audio", "use_beam_search",
                                      "web_search_options", "prompt_embeds"}) {
    const JsonView field = root[name];
    bool on = field.exists();
    if (field.is_bool()) field.Read(on);
    if (on) {
      field.Fail(fmt::format("'{}' is not supported{}.", name,
                             name.starts_with("function") ? "; use 'tools' and 'tool_choice'" : ""),
                 "unsupported_parameter");
    }
  }
  const JsonView modalities = root["modalities"];
  for (size_t i = 0; i < modalities.size(); ++i) {
    std::string kind;
    modalities[i].Read(kind);
    if (kind != "text") modalities[i].Fail("Only the modality 'text' is supported.");
  }
}

void ReadStops(const JsonView& root, GenerationFields& out) {
  const JsonView stop = root["stop"];
  if (stop.is_text()) {
    std::string text;
    stop.Read(text, kLongestStop);
    if (text.empty()) stop.Fail("'stop' is an empty string, which would stop at once.");
    out.stop.push_back(std::move(text));
  } else if (stop.exists() && stop.RequireArray(0, kMostStops)) {
    for (size_t i = 0; i < stop.size(); ++i) {
      std::string text;
      stop[i].Require();
      stop[i].Read(text, kLongestStop);
      if (stop[i].is_text() && text.empty()) stop[i].Fail("A stop must not be empty.");
      out.stop.push_back(std::move(text));
    }
  }
}

// {"id": bias} as OpenAI has it, or llama.cpp's [[id, bias], ...] where false bans an id.
void ReadBias(const JsonView& root, int64_t vocab, SamplerSettings& out) {
  const JsonView bias = root["logit_bias"];
  if (bias.is_array()) {
    for (size_t i = 0; i < bias.size(); ++i) {
      int64_t id = 0;
      double value = 0;
      if (!bias[i].RequireArray(2, 2)) return;
      bias[i][0].Require();
      bias[i][0].Read(id, 0, vocab - 1);
      if (bias[i][1].is_bool()) {
        value = -10000;
      } else {
        bias[i][1].Require();
        bias[i][1].Read(value, -10000, 10000);
      }
      out.logit_bias.emplace_back(static_cast<int32_t>(id), value);
    }
    return;
  }
  if (!bias.exists() || !bias.RequireObject()) return;
  for (const std::string& key : bias.keys()) {
    int64_t id = -1;
    const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), id);
    if (error != std::errc() || end != key.data() + key.size() || id < 0 || id >= vocab) {
      return bias.Fail(fmt::format(
          "'logit_bias' has the key '{}'; keys are token ids from 0 to {}.", key, vocab - 1));
    }
    double value = 0;
    bias[key].Require();
    bias[key].Read(value, -100, 100);
    out.logit_bias.emplace_back(static_cast<int32_t>(id), value);
  }
}

void ReadSampling(const JsonView& root, const FieldLimits& limits, SamplerSettings& out) {
  const GenerationDefaults& defaults = limits.defaults;
  // OpenAI's default is 1; a model that says it is not to be sampled gets its likeliest tokens.
  out.temperature = defaults.do_sample.value_or(true) ? defaults.temperature.value_or(1) : 0;
  out.top_k = defaults.top_k.value_or(0);
  out.top_p = defaults.top_p.value_or(1);
  out.min_p = defaults.min_p.value_or(0);
  out.repetition_penalty = defaults.repetition_penalty.value_or(1);
  root["temperature"].Read(out.temperature, 0, 2);
  root["top_p"].Read(out.top_p, 0, 1);
  if (out.top_p == 0) out.top_p = 0x1p-30;  // the likeliest token alone
  root["min_p"].Read(out.min_p, 0, 1);
  int64_t top_k = out.top_k;
  root["top_k"].Read(top_k, -1, kManyTokens);
  out.top_k = std::max<int64_t>(top_k, 0);  // vLLM: -1 is all
  root["repetition_penalty"].Read(out.repetition_penalty, 0.01, 100);
  root["repeat_penalty"].Read(out.repetition_penalty, 0.01, 100);
  std::optional<int64_t> seed;
  root["seed"].Read(seed, INT64_MIN, INT64_MAX);
  out.seed = seed ? static_cast<uint64_t>(*seed) : RandomSeed();
  ReadBias(root, limits.vocab, out);
}

void TakeFormat(const JsonView& field, OutputFormat::Kind kind, OutputFormat& out) {
  if (!field.exists()) return;
  if (out.kind != OutputFormat::Kind::kText) {
    return field.Fail(fmt::format("'{}' and '{}' both say what the text must be; give one.",
                                  out.param, field.path()));
  }
  out.kind = kind;
  out.param = field.path();
  if (kind == OutputFormat::Kind::kJsonSchema && !field.is_text()) {
    if (!field.is_bool() && !field.RequireObject()) return;
    out.text = field.Dump();
  } else {
    field.Read(out.text, kLongestFormat);
  }
}

void ReadResponseFormat(const JsonView& format, OutputFormat& out) {
  if (!format.exists() || !format.RequireObject()) return;
  std::string type;
  format["type"].Require();
  format["type"].ReadChoice(type, {"text", "json_object", "json_schema"});
  if (type == "json_object") {
    // llama.cpp: a schema beside the type.
    if (format["schema"].exists()) {
      return TakeFormat(format["schema"], OutputFormat::Kind::kJsonSchema, out);
    }
    out.kind = OutputFormat::Kind::kJsonObject;
    out.param = format.path();
  } else if (type == "json_schema") {
    const JsonView schema = format["json_schema"];
    if (!schema.RequireObject()) return;
    std::string name;
    schema["name"].Read(name, 256);
    bool strict = true;
    schema["strict"].Read(strict);
    if (schema["schema"].Require()) {
      TakeFormat(schema["schema"], OutputFormat::Kind::kJsonSchema, out);
    }
  }
}

}  // namespace

uint64_t RandomSeed() {
  std::random_device device;
  return uint64_t{device()} << 32 | device();
}

void ReadOutputFormat(const JsonView& root, OutputFormat& out) {
  ReadResponseFormat(root["response_format"], out);
  TakeFormat(root["json_schema"], OutputFormat::Kind::kJsonSchema, out);
  TakeFormat(root["guided_json"], OutputFormat::Kind::kJsonSchema, out);
  TakeFormat(root["guided_regex"], OutputFormat::Kind::kRegex, out);
  TakeFormat(root["guided_grammar"], OutputFormat::Kind::kGrammar, out);
  TakeFormat(root["grammar"], OutputFormat::Kind::kGrammar, out);
  const JsonView choice = root["guided_choice"];
  if (choice.exists() && choice.RequireArray(1, 1024)) {
    if (out.kind != OutputFormat::Kind::kText) {
      return choice.Fail(
          fmt::format("'{}' and 'guided_choice' both say what the text must be.", out.param));
    }
    out.kind = OutputFormat::Kind::kChoice;
    out.param = choice.path();
    for (size_t i = 0; i < choice.size(); ++i) {
      choice[i].Require();
      choice[i].Read(out.choices.emplace_back(), kLongestFormat);
    }
  }
}

void ReadGeneration(const JsonView& root, const FieldLimits& limits, GenerationFields& out) {
  root["model"].Read(out.model, 512);
  root["n"].Read(out.n, 1, 128);
  ReadSampling(root, limits, out.sampling);
  root["presence_penalty"].Read(out.presence_penalty, -2, 2);
  root["frequency_penalty"].Read(out.frequency_penalty, -2, 2);
  root["max_tokens"].Read(out.max_tokens, 0, kManyTokens);
  root["max_completion_tokens"].Read(out.max_tokens, 0, kManyTokens);
  ReadStops(root, out);
  if (root["stop_token_ids"].exists()) root["stop_token_ids"].ReadIds(out.stop_ids, limits.vocab);
  root["ignore_eos"].Read(out.ignore_eos);
  root["stream"].Read(out.stream);
  const JsonView options = root["stream_options"];
  if (options.exists() && options.RequireObject()) {
    options["include_usage"].Read(out.include_usage);
    if (!out.stream) options.Fail("'stream_options' is given without 'stream'.");
  }
  root["timings_per_token"].Read(out.timings_per_token);
  root["cache_prompt"].Read(out.reuse_prompt);
  ReadOutputFormat(root, out.format);
  RefuseUnsupported(root);
}

}  // namespace burin
