#include "serve/prompt.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin {
namespace {

bool IsIds(const JsonView& value) {
  return value.is_array() && value.size() > 0 && value[0].is_number();
}

TextPrompt OfText(const JsonView& value, const App& app) {
  std::string text;
  value.Read(text);
  return {EncodePrompt(app.tokenizer, text), !text.empty()};
}

TextPrompt OfMixed(const JsonView& value, const App& app) {
  TextPrompt prompt;
  for (size_t i = 0; i < value.size(); ++i) {
    if (value[i].is_text()) {
      std::string text;
      value[i].Read(text);
      const auto ids = prompt.ids.empty() ? EncodePrompt(app.tokenizer, text)
                                          : app.tokenizer.Encode(text, {.add_special = false});
      prompt.ids.insert(prompt.ids.end(), ids.begin(), ids.end());
    } else {
      int64_t id = 0;
      if (!value[i].Require()) break;
      value[i].Read(id, 0, app.model.config.vocab - 1);
      prompt.ids.push_back(static_cast<int32_t>(id));
    }
  }
  return prompt;
}

}  // namespace

std::vector<int32_t> EncodePrompt(const Tokenizer& tokenizer, const std::string& text) {
  const bool has_bos = !tokenizer.bos_text().empty() && text.starts_with(tokenizer.bos_text());
  std::vector<int32_t> ids = tokenizer.Encode(text, {.add_special = !has_bos});
  if (ids.empty() && tokenizer.bos_id()) ids.push_back(*tokenizer.bos_id());
  return ids;
}

std::vector<TextPrompt> ReadPrompts(const JsonView& prompt, const App& app, bool mixed,
                                    size_t most) {
  std::vector<TextPrompt> prompts;
  const auto ids_of = [&app](const JsonView& value) {
    TextPrompt read;
    value.ReadIds(read.ids, app.model.config.vocab);
    return read;
  };
  if (!prompt.exists()) {
    prompts.push_back({EncodePrompt(app.tokenizer, ""), false});
  } else if (prompt.is_text()) {
    prompts.push_back(OfText(prompt, app));
  } else if (!prompt.is_array()) {
    prompt.Fail("'prompt' must be a string, an array of strings, or arrays of token ids.",
                "invalid_type");
  } else if (mixed && prompt.size() > 0 && !prompt[0].is_array()) {
    prompts.push_back(OfMixed(prompt, app));
  } else if (IsIds(prompt)) {
    prompts.push_back(ids_of(prompt));
  } else if (prompt.RequireArray(1, most)) {
    for (size_t i = 0; i < prompt.size(); ++i) {
      const JsonView item = prompt[i];
      if (!item.Require()) break;
      if (!item.is_text() && !item.is_array()) {
        item.Fail(fmt::format("'{}' must be a string or an array of token ids.", item.path()),
                  "invalid_type");
        break;
      }
      prompts.push_back(item.is_text() ? OfText(item, app) : ids_of(item));
    }
  }
  return prompts;
}

ApiResult<SequenceRequest> MakeSequence(std::vector<int32_t> prompt, const GenerationFields& fields,
                                        const App& app, const Call& call,
                                        const std::string& param) {
  const auto size = static_cast<int64_t>(prompt.size());
  const int64_t context = app.model.context;
  if (size == 0) {
    return Refuse(
        BadField(param, "The prompt has no tokens and the model has no BOS.", "empty_prompt"));
  }
  if (size > context || (size == context && fields.max_tokens != 0)) {
    return Refuse(
        BadField(param,
                 fmt::format("The prompt has {} tokens; the model's context is {} tokens, "
                             "of which the answer needs at least one.",
                             size, context),
                 "context_length_exceeded"));
  }
  SequenceRequest request;
  request.prompt = std::move(prompt);
  BURIN_API_ASSIGN(request.constraint, app.constraints.Make(fields.format));
  request.sampling = fields.sampling;
  request.presence_penalty = fields.presence_penalty;
  request.frequency_penalty = fields.frequency_penalty;
  request.max_tokens = std::min(fields.max_tokens.value_or(context), context - size);
  request.stop_ids = fields.stop_ids;
  if (!fields.ignore_eos || request.constraint) {
    const auto ends = app.EndIds();
    request.stop_ids.insert(request.stop_ids.end(), ends.begin(), ends.end());
  }
  request.logprobs = fields.logprobs;
  request.reuse_prompt = fields.reuse_prompt;
  BURIN_API_ASSIGN(request.adapter, app.adapters.Find(fields.model));
  request.client = call.client();
  if (app.request_timeout.count() > 0) {
    request.deadline = std::chrono::steady_clock::now() + app.request_timeout;
  }
  return request;
}

}  // namespace burin
