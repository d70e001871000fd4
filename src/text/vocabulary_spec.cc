// A vocabulary from the GGUF keys tokenizer.ggml.*.
#include <algorithm>
#include <unordered_map>

#include "text/tokenizer_tables.h"

namespace burin {
namespace {

// Patterns by tokenizer.ggml.pre, as llama.cpp has them (src/llama-vocab.cpp).
constexpr const char* kLlama3Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";
constexpr const char* kQwen2Pattern =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*)"
    R"(|\s*[\r\n]+|\s+(?!\S)|\s+)";

struct PreKind {
  std::vector<std::string> patterns;
  bool nfc = false;
  bool ignore_merges = false;
  bool add_bos = false;
};

Result<PreKind> FindPreKind(const std::string& pre, const std::string& object) {
  const std::string gpt2(kGpt2Pattern);
  const auto is_one_of = [&](std::initializer_list<const char*> names) {
    return std::find(names.begin(), names.end(), pre) != names.end();
  };
  if (is_one_of({"", "default"})) {
    return PreKind{{R"([\p{P}\$\+<=>\^~\|]+)",
                    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S))",
                    R"(\p{N}+)", "[0-9][0-9][0-9]"}};
  }
  if (is_one_of({"gpt-2", "gpt2"})) return PreKind{{gpt2}};
  if (is_one_of({"llama-bpe", "llama3", "llama-v3"})) {
    return PreKind{.patterns = {kLlama3Pattern}, .ignore_merges = true, .add_bos = true};
  }
  if (is_one_of({"qwen2", "deepseek-r1-qwen"})) {
    return PreKind{.patterns = {kQwen2Pattern}, .nfc = true};
  }
  if (is_one_of({"smollm", "starcoder"})) return PreKind{{R"(\p{N})", gpt2}};
  return BadInput(object + ": tokenizer.ggml.pre", Quoted(pre),
                  "default, gpt-2, llama-bpe, qwen2, smollm or starcoder",
                  "This tokenizer is not supported; convert from the Hugging Face folder.");
}

Status CheckSpec(const VocabularySpec& spec, const std::string& object) {
  const size_t size = spec.tokens.size();
  const auto check_size = [&](size_t found, const char* key) -> Status {
    if (found == size) return {};
    return BadInput(fmt::format("{}: tokenizer.ggml.{}", object, key),
                    fmt::format("{} entries", found), fmt::format("{}, as tokens has", size));
  };
  if (size == 0 || size > kMaxVocabulary) {
    return BadInput(object + ": tokenizer.ggml.tokens", fmt::format("{} tokens", size),
                    fmt::format("1 to {}", kMaxVocabulary));
  }
  if (!spec.token_types.empty()) BURIN_TRY(check_size(spec.token_types.size(), "token_type"));
  if (spec.model == "llama") BURIN_TRY(check_size(spec.scores.size(), "scores"));
  size_t bytes = 0;
  for (const std::string& token : spec.tokens) bytes += token.size();
  if (bytes > kMaxPoolBytes) {
    return BadInput(object + ": tokenizer.ggml.tokens", fmt::format("{} bytes", bytes),
                    fmt::format("at most {}", kMaxPoolBytes));
  }
  for (size_t id = 0; id < spec.token_types.size(); ++id) {
    if (spec.token_types[id] >= 1 && spec.token_types[id] <= 6) continue;
    return BadInput(fmt::format("{}: tokenizer.ggml.token_type {}", object, id),
                    fmt::format("{}", spec.token_types[id]), "1 to 6");
  }
  return {};
}

PieceType TypeOf(const VocabularySpec& spec, size_t id) {
  return spec.token_types.empty() ? PieceType::kNormal
                                  : static_cast<PieceType>(spec.token_types[id]);
}

Status ReadByteLevel(const VocabularySpec& spec, const PreKind& kind, const std::string& object,
                     TokenizerDefinition& definition) {
  std::unordered_map<std::string_view, uint32_t> ids;
  definition.byte_level = true;
  definition.ignore_merges = kind.ignore_merges;
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    const std::string& token = spec.tokens[id];
    const PieceType type = TypeOf(spec, id);
    const bool added = type == PieceType::kControl || type == PieceType::kUserDefined;
    const std::optional<std::string> raw = FromByteAlphabet(token);
    const bool matchable = raw && !raw->empty() && type != PieceType::kControl &&
                           type != PieceType::kUnused && (!added || *raw == token);
    definition.pieces.Add(matchable ? *raw : token, type, matchable);
    if (added && !token.empty()) {
      definition.added.push_back(
          {.id = static_cast<int32_t>(id), .special = type == PieceType::kControl});
    }
    if (!ids.emplace(token, static_cast<uint32_t>(id)).second && matchable) {
      return BadInput(fmt::format("{}: token {}", object, id), Quoted(token) + " again",
                      "each token once");
    }
  }
  std::string joined;
  for (size_t rank = 0; rank < spec.merges.size(); ++rank) {
    const std::string_view merge = spec.merges[rank];
    const size_t space = std::min(merge.find(' ', 1), merge.size());
    const std::string_view left = merge.substr(0, space);
    const std::string_view right = merge.substr(std::min(space + 1, merge.size()));
    joined.assign(left);
    joined += right;
    const auto a = ids.find(left), b = ids.find(right), c = ids.find(joined);
    if (a == ids.end() || b == ids.end() || c == ids.end()) {
      return BadInput(fmt::format("{}: tokenizer.ggml.merges {}", object, rank), Quoted(merge),
                      "two tokens of the vocabulary whose concatenation is one");
    }
    definition.merges.push_back({a->second, b->second, c->second, static_cast<uint32_t>(rank)});
  }
  if (kind.nfc) definition.normalizers.push_back({NormalizerStep::Kind::kNfc, {}, {}});
  for (const std::string& pattern : kind.patterns) {
    definition.pre_tokenizers.push_back({.kind = PreTokenizerStep::Kind::kRegex, .text = pattern});
  }
  return {};
}

Status ReadScored(const VocabularySpec& spec, const std::string& object,
                  TokenizerDefinition& definition) {
  for (size_t id = 0; id < spec.tokens.size(); ++id) {
    definition.pieces.Add(spec.tokens[id], TypeOf(spec, id), false);
  }
  definition.byte_fallback = true;
  return FinishSentencePiece(spec.scores, spec.add_space_prefix, spec.remove_extra_whitespaces,
                             object, definition);
}

}  // namespace

Result<TokenizerDefinition> ReadVocabulary(const VocabularySpec& spec, const std::string& object) {
  BURIN_TRY(CheckSpec(spec, object));
  TokenizerDefinition definition;
  bool add_bos = true;
  if (spec.model == "gpt2") {
    BURIN_ASSIGN(const PreKind kind, FindPreKind(spec.pre, object));
    add_bos = kind.add_bos;
    BURIN_TRY(ReadByteLevel(spec, kind, object, definition));
  } else if (spec.model == "llama") {
    BURIN_TRY(ReadScored(spec, object, definition));
  } else {
    return BadInput(object + ": tokenizer.ggml.model", Quoted(spec.model), "gpt2 or llama",
                    "This tokenizer is not supported.");
  }
  definition.bos_id = spec.bos_id.value_or(-1);
  definition.unknown_id = spec.unk_id.value_or(-1);
  if (spec.eos_id) definition.eos_ids.push_back(*spec.eos_id);
  for (const int32_t id : spec.more_eos_ids) {
    if (std::find(definition.eos_ids.begin(), definition.eos_ids.end(), id) ==
        definition.eos_ids.end()) {
      definition.eos_ids.push_back(id);
    }
  }
  if (spec.add_bos.value_or(add_bos) && definition.bos_id >= 0) {
    definition.prefix_ids = {definition.bos_id};
  }
  if (spec.add_eos.value_or(false) && spec.eos_id) definition.suffix_ids = {*spec.eos_id};
  definition.chat_template = spec.chat_template;
  return definition;
}

}  // namespace burin
