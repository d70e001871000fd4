#include "cli/checkpoint.h"

#include <algorithm>
#include <climits>
#include <utility>

#include "model/import.h"

namespace burin {
namespace {

template <typename To, typename From>
std::vector<To> Converted(const std::optional<std::vector<From>>& from) {
  std::vector<To> to;
  if (from) {
    for (const From& value : *from) to.push_back(static_cast<To>(value));
  }
  return to;
}

Result<std::optional<int32_t>> TokenIdOf(const GgufFile& file, const char* key) {
  BURIN_ASSIGN(const auto id, file.Int(key, -1, INT32_MAX));
  if (!id || *id < 0) return std::nullopt;  // -1 stands for "none" in some files
  return static_cast<int32_t>(*id);
}

// The pieces of the vocabulary: tokens and what is said about each.
Status ReadPieces(const GgufFile& file, VocabularySpec& spec) {
  BURIN_ASSIGN(const auto tokens, file.Strings("tokenizer.ggml.tokens"));
  if (!tokens) {
    return BadInput(file.KeyObject("tokenizer.ggml.tokens"), "is missing", "a vocabulary",
                    "Convert the model again, with its tokenizer.");
  }
  BURIN_ASSIGN(const auto scores, file.Floats("tokenizer.ggml.scores"));
  BURIN_ASSIGN(const auto types, file.Ints("tokenizer.ggml.token_type"));
  BURIN_ASSIGN(const auto merges, file.Strings("tokenizer.ggml.merges"));
  spec.tokens = Converted<std::string>(tokens);
  spec.scores = Converted<float>(scores);
  spec.token_types = Converted<int32_t>(types);
  spec.merges = Converted<std::string>(merges);
  return {};
}

Status ReadTokenIds(const GgufFile& file, VocabularySpec& spec) {
  BURIN_ASSIGN(spec.bos_id, TokenIdOf(file, "tokenizer.ggml.bos_token_id"));
  BURIN_ASSIGN(spec.eos_id, TokenIdOf(file, "tokenizer.ggml.eos_token_id"));
  BURIN_ASSIGN(spec.unk_id, TokenIdOf(file, "tokenizer.ggml.unknown_token_id"));
  for (const char* key : {"tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"}) {
    BURIN_ASSIGN(const auto id, TokenIdOf(file, key));
    if (id) spec.more_eos_ids.push_back(*id);
  }
  return {};
}

Result<VocabularySpec> ReadVocabularySpec(const GgufFile& file) {
  VocabularySpec spec;
  BURIN_ASSIGN(const auto model, file.String("tokenizer.ggml.model"));
  if (!model) {
    return BadInput(file.KeyObject("tokenizer.ggml.model"), "is missing", "\"llama\" or \"gpt2\"",
                    "Convert the model again, with its tokenizer.");
  }
  spec.model = *model;
  BURIN_ASSIGN(const auto pre, file.String("tokenizer.ggml.pre"));
  if (pre) spec.pre = *pre;
  BURIN_TRY(ReadPieces(file, spec));
  BURIN_TRY(ReadTokenIds(file, spec));
  BURIN_ASSIGN(spec.add_bos, file.Bool("tokenizer.ggml.add_bos_token"));
  BURIN_ASSIGN(spec.add_eos, file.Bool("tokenizer.ggml.add_eos_token"));
  BURIN_ASSIGN(const auto space_prefix, file.Bool("tokenizer.ggml.add_space_prefix"));
  if (space_prefix) spec.add_space_prefix = *space_prefix;
  BURIN_ASSIGN(const auto trim, file.Bool("tokenizer.ggml.remove_extra_whitespaces"));
  if (trim) spec.remove_extra_whitespaces = *trim;
  BURIN_ASSIGN(const auto chat_template, file.String("tokenizer.chat_template"));
  if (chat_template) spec.chat_template = *chat_template;
  return spec;
}

Result<Checkpoint> Join(Model model, Tokenizer tokenizer, const std::string& object) {
  const int64_t tokens = tokenizer.vocab_size(), rows = model.config.vocab;
  if (tokens > rows) {
    return BadInput(object,
                    fmt::format("the tokenizer has {} tokens, the embedding {} rows", tokens, rows),
                    "a row for each token", "Tokenizer and weights are not of one model.");
  }
  std::vector<int32_t>& eos = model.config.eos_ids;
  for (const int32_t id : tokenizer.eos_ids()) {
    if (std::ranges::find(eos, id) == eos.end()) eos.push_back(id);
  }
  if (!model.config.bos_id) model.config.bos_id = tokenizer.bos_id();
  return Checkpoint{std::move(model), std::move(tokenizer), rows - tokens};
}

}  // namespace

Result<Checkpoint> LoadCheckpoint(const std::filesystem::path& path) {
  BURIN_ASSIGN(const auto gguf_path, FindGguf(path));
  if (!gguf_path) {
    BURIN_ASSIGN(Model model, ImportHfFolder(path));
    BURIN_ASSIGN(Tokenizer tokenizer, Tokenizer::FromFolder(path));
    return Join(std::move(model), std::move(tokenizer), path.string());
  }
  BURIN_ASSIGN(const OpenGguf opened, OpenGgufFile(*gguf_path));
  BURIN_ASSIGN(Model model, ImportGguf(opened));
  BURIN_ASSIGN(const VocabularySpec spec, ReadVocabularySpec(opened.gguf));
  BURIN_ASSIGN(Tokenizer tokenizer, Tokenizer::FromVocabulary(spec, opened.gguf.object()));
  return Join(std::move(model), std::move(tokenizer), gguf_path->string());
}

}  // namespace burin
