// A Hugging Face folder: the tokenizer file, and what the files beside it add.
#include <algorithm>
#include <system_error>

#include "base/mapped_file.h"
#include "text/json_reader.h"
#include "text/tokenizer_tables.h"

namespace burin {
namespace {

using nlohmann::json;

constexpr uint64_t kMaxConfigBytes = 16u << 20;

bool Exists(const std::filesystem::path& path) {
  std::error_code error;
  return std::filesystem::exists(path, error);
}

// A token in a config: "<s>" or {"content": "<s>", ...}; empty when absent or null.
std::string TokenText(const json& config, const char* key) {
  const json& value = Member(config, key);
  return value.is_object() ? TextMember(value, "content") : TextMember(config, key);
}

// A small JSON file that may be absent: then a null value.
Result<json> ReadConfig(const std::filesystem::path& path) {
  if (!Exists(path)) return json();
  BURIN_ASSIGN(const std::string text, ReadTextFile(path, kMaxConfigBytes));
  return ParseBoundedJson(text, path.string());
}

// A chat template: text, or a list of {name, template} of which "default", else the first, counts.
std::string ChooseChatTemplate(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (!value.is_array()) return {};
  std::string chosen;
  for (const json& item : value) {
    const std::string text = TextMember(item, "template");
    if (chosen.empty() || TextMember(item, "name") == "default") chosen = text;
  }
  return chosen;
}

Status ReadAddedDecoder(const json& decoder, const std::string& object, TokenizerExtras& extras) {
  if (!decoder.is_object()) return {};
  for (const auto& [key, item] : decoder.items()) {
    const std::string where = fmt::format("{}: added_tokens_decoder: {}", object, Quoted(key));
    const bool digits =
        !key.empty() && key.size() <= 7 &&
        std::all_of(key.begin(), key.end(), [](char c) { return c >= '0' && c <= '9'; });
    if (!digits) return BadInput(where, "no id", "an id");
    TokenizerExtras::Token token{.id = std::stoi(key), .content = TextMember(item, "content")};
    if (token.content.empty()) continue;
    BURIN_ASSIGN(token.special, BoolMember(item, "special", false, where));
    BURIN_ASSIGN(token.normalized, BoolMember(item, "normalized", false, where));
    BURIN_ASSIGN(token.lstrip, BoolMember(item, "lstrip", false, where));
    BURIN_ASSIGN(token.rstrip, BoolMember(item, "rstrip", false, where));
    BURIN_ASSIGN(token.single_word, BoolMember(item, "single_word", false, where));
    extras.added.push_back(std::move(token));
  }
  std::sort(extras.added.begin(), extras.added.end(),
            [](const auto& a, const auto& b) { return a.id < b.id; });
  return {};
}

Status ReadGenerationConfig(const std::filesystem::path& path, TokenizerExtras& extras) {
  BURIN_ASSIGN(const json config, ReadConfig(path));
  const json& eos = Member(config, "eos_token_id");
  const std::string object = path.string() + ": eos_token_id";
  if (eos.is_null()) return {};
  for (const json& value : eos.is_array() ? eos : json::array({eos})) {
    BURIN_ASSIGN(const int32_t id, TokenIdValue(value, object));
    extras.eos_ids.push_back(id);
  }
  return {};
}

// Whether transformers rebuilds this class's template from add_bos_token and add_eos_token.
bool ObeysAddBos(const std::string& tokenizer_class) {
  for (const char* prefix : {"LlamaTokenizer", "CodeLlamaTokenizer", "GemmaTokenizer"}) {
    if (tokenizer_class.starts_with(prefix)) return true;
  }
  return false;
}

int32_t FindPiece(const TokenizerDefinition& definition, std::string_view text) {
  // Added tokens first: special tokens are among them or at the front of the vocabulary.
  for (const AddedToken& token : definition.added) {
    if (definition.pieces.piece(static_cast<size_t>(token.id)) == text) return token.id;
  }
  for (size_t id = 0; id < definition.pieces.size(); ++id) {
    if (definition.pieces.piece(id) == text) return static_cast<int32_t>(id);
  }
  return -1;
}

Status AddToken(const TokenizerExtras::Token& token, const std::string& object,
                TokenizerDefinition& definition) {
  PieceList& pieces = definition.pieces;
  const auto id = static_cast<size_t>(token.id);
  const std::string where = fmt::format("{}: added token {}", object, token.id);
  if (id > pieces.size()) {
    return BadInput(where, fmt::format("a vocabulary of {} before it", pieces.size()),
                    "a vocabulary without holes");
  }
  const PieceType type = token.special ? PieceType::kControl : PieceType::kUserDefined;
  if (id == pieces.size()) {
    pieces.Add(token.content, type, false);
  } else if (pieces.piece(id) != token.content) {
    return BadInput(where, Quoted(token.content),
                    fmt::format("{}, as in the vocabulary", Quoted(pieces.piece(id))));
  } else if (pieces.type(id) != PieceType::kByte && pieces.type(id) != PieceType::kUnknown) {
    pieces.Set(id, type, !token.special && pieces.matchable(id));
  }
  const AddedToken added{token.id,     token.special, token.normalized,
                         token.lstrip, token.rstrip,  token.single_word};
  const auto known = std::find_if(definition.added.begin(), definition.added.end(),
                                  [&](const AddedToken& other) { return other.id == token.id; });
  if (known != definition.added.end()) {
    *known = added;
  } else {
    definition.added.push_back(added);
  }
  return {};
}

void AddUnique(int32_t id, std::vector<int32_t>& ids) {
  if (std::find(ids.begin(), ids.end(), id) == ids.end()) ids.push_back(id);
}

Status ApplyBosEos(const TokenizerExtras& extras, const std::string& object,
                   TokenizerDefinition& definition) {
  const auto resolve = [&](const std::string& text, const char* what) -> Result<int32_t> {
    if (text.empty()) return -1;
    if (const int32_t id = FindPiece(definition, text); id >= 0) return id;
    return BadInput(fmt::format("{}: {}", object, what), Quoted(text), "a token of the vocabulary");
  };
  BURIN_ASSIGN(const int32_t bos, resolve(extras.bos_text, "bos_token"));
  BURIN_ASSIGN(const int32_t eos, resolve(extras.eos_text, "eos_token"));
  if (bos >= 0) definition.bos_id = bos;
  if (eos >= 0) definition.eos_ids = {eos};
  for (const int32_t id : extras.eos_ids) {
    if (static_cast<size_t>(id) < definition.pieces.size()) AddUnique(id, definition.eos_ids);
  }
  if (extras.add_bos) {
    definition.prefix_ids.clear();
    if (*extras.add_bos && definition.bos_id >= 0) definition.prefix_ids = {definition.bos_id};
  }
  if (extras.add_eos) {
    definition.suffix_ids.clear();
    if (*extras.add_eos && !definition.eos_ids.empty()) {
      definition.suffix_ids = {definition.eos_ids[0]};
    }
  }
  return {};
}

}  // namespace

Result<TokenizerExtras> ReadExtras(const std::filesystem::path& folder) {
  TokenizerExtras extras;
  const std::filesystem::path config_path = folder / "tokenizer_config.json";
  BURIN_ASSIGN(const json config, ReadConfig(config_path));
  BURIN_ASSIGN(const json special, ReadConfig(folder / "special_tokens_map.json"));
  for (const json* source : {&config, &special}) {
    if (extras.bos_text.empty()) extras.bos_text = TokenText(*source, "bos_token");
    if (extras.eos_text.empty()) extras.eos_text = TokenText(*source, "eos_token");
  }
  if (ObeysAddBos(TextMember(config, "tokenizer_class"))) {
    for (const auto& [key, member] : {std::pair("add_bos_token", &extras.add_bos),
                                      std::pair("add_eos_token", &extras.add_eos)}) {
      if (Member(config, key).is_null()) continue;
      BURIN_ASSIGN(*member, BoolMember(config, key, false, config_path.string()));
    }
  }
  BURIN_TRY(ReadAddedDecoder(Member(config, "added_tokens_decoder"), config_path.string(), extras));
  BURIN_TRY(ReadGenerationConfig(folder / "generation_config.json", extras));
  const std::filesystem::path template_path = folder / "chat_template.jinja";
  if (Exists(template_path)) {
    BURIN_ASSIGN(extras.chat_template, ReadTextFile(template_path, kMaxChatTemplateBytes));
  } else {
    extras.chat_template = ChooseChatTemplate(Member(config, "chat_template"));
  }
  return extras;
}

Status ApplyExtras(const TokenizerExtras& extras, bool add_tokens, const std::string& object,
                   TokenizerDefinition& definition) {
  for (const TokenizerExtras::Token& token : extras.added) {
    if (add_tokens) BURIN_TRY(AddToken(token, object, definition));
  }
  BURIN_TRY(ApplyBosEos(extras, object, definition));
  if (definition.eos_ids.empty()) GuessEndTokens(definition);
  definition.chat_template = extras.chat_template;
  return {};
}

void GuessEndTokens(TokenizerDefinition& definition) {
  for (const int32_t id : definition.suffix_ids) AddUnique(id, definition.eos_ids);
  for (const char* name : {"</s>", "<|end_of_text|>", "<|eot_id|>", "<|eom_id|>", "<|im_end|>",
                           "<|endoftext|>", "<|end|>", "<eos>", "<end_of_turn>"}) {
    for (const AddedToken& token : definition.added) {
      if (token.special && definition.pieces.piece(static_cast<size_t>(token.id)) == name) {
        AddUnique(token.id, definition.eos_ids);
      }
    }
  }
}

Result<Tokenizer> Tokenizer::FromFolder(const std::filesystem::path& folder) {
  const std::filesystem::path json_path = folder / "tokenizer.json";
  const std::filesystem::path model_path = folder / "tokenizer.model";
  const std::string object = folder.string();
  if (!Exists(json_path) && !Exists(model_path)) {
    const bool old_files = Exists(folder / "vocab.json") && Exists(folder / "merges.txt");
    return BadInput(object,
                    old_files        ? "vocab.json and merges.txt, but no tokenizer.json"
                    : Exists(folder) ? "no tokenizer"
                                     : "no such folder",
                    "tokenizer.json or tokenizer.model",
                    old_files ? "Save the tokenizer again with transformers (AutoTokenizer)."
                              : "Download the tokenizer files of the checkpoint too.");
  }
  BURIN_ASSIGN(const TokenizerExtras extras, ReadExtras(folder));
  if (Exists(json_path)) {
    BURIN_ASSIGN(const MappedFile file, MappedFile::Open(json_path));
    const std::string_view text(reinterpret_cast<const char*>(file.bytes().data()),
                                file.bytes().size());
    BURIN_ASSIGN(TokenizerDefinition definition, ReadTokenizerJson(text, json_path.string()));
    BURIN_TRY(ApplyExtras(extras, /*add_tokens=*/false, object, definition));
    return TokenizerTables::Build(std::move(definition), json_path.string());
  }
  BURIN_ASSIGN(const MappedFile file, MappedFile::Open(model_path));
  BURIN_ASSIGN(TokenizerDefinition definition,
               ReadSentencePiece(file.bytes(), model_path.string()));
  BURIN_TRY(ApplyExtras(extras, /*add_tokens=*/true, object, definition));
  return TokenizerTables::Build(std::move(definition), model_path.string());
}

}  // namespace burin
