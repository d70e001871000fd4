// tokenizer.json of Hugging Face: model, added tokens and post-processor. The steps before and
// after BPE are in tokenizer_json_steps.cc.
#include <algorithm>
#include <unordered_map>

#include "text/json_reader.h"
#include "text/tokenizer_json_steps.h"
#include "text/tokenizer_tables.h"

namespace burin {
namespace {

using nlohmann::json;

// One vocabulary entry while the file is read.
struct Entry {
  const std::string* text = nullptr;  // nullptr: no token has this id
  bool in_model = false;              // in model.vocab
  int added = -1;                     // index into TokenizerDefinition::added
};

class ModelReader {
 public:
  ModelReader(const json& root, const std::string& object, TokenizerDefinition& definition)
      : root_(root), model_(Member(root, "model")), object_(object), definition_(definition) {}

  Status Read() {
    BURIN_TRY(ReadKind());
    BURIN_TRY(ReadVocabulary());
    BURIN_TRY(ReadAdded());
    BURIN_TRY(MakePieces());
    BURIN_TRY(ReadMerges());
    return ReadUnknown();
  }

  // The id of the token that the file writes as `text`, or -1.
  int32_t IdOf(std::string_view text) const {
    const auto found = ids_.find(text);
    return found == ids_.end() ? -1 : found->second;
  }

 private:
  Status ReadKind() {
    const std::string type = TextMember(model_, "type");
    if (!(type == "BPE" || (type.empty() && Member(model_, "merges").is_array()))) {
      return BadInput(object_ + ": model", type.empty() ? "no type" : "type " + Quoted(type), "BPE",
                      "WordPiece, Unigram and WordLevel tokenizers are not supported.");
    }
    for (const char* key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
      if (const std::string text = TextMember(model_, key); !text.empty()) {
        return BadInput(fmt::format("{}: model.{}", object_, key), Quoted(text), "none",
                        "Subword affixes are not supported.");
      }
    }
    const json& dropout = Member(model_, "dropout");
    if (dropout.is_number() && dropout.get<double>() != 0) {
      return BadInput(object_ + ": model.dropout", dropout.dump(), "null or 0",
                      "A tokenizer with dropout gives random ids.");
    }
    BURIN_ASSIGN(definition_.fuse_unknown, BoolMember(model_, "fuse_unk", false, object_));
    BURIN_ASSIGN(definition_.byte_fallback, BoolMember(model_, "byte_fallback", false, object_));
    BURIN_ASSIGN(definition_.ignore_merges, BoolMember(model_, "ignore_merges", false, object_));
    return {};
  }

  Entry& EntryOf(int32_t id) {
    if (entries_.size() <= static_cast<size_t>(id)) entries_.resize(static_cast<size_t>(id) + 1);
    return entries_[static_cast<size_t>(id)];
  }

  Status ReadVocabulary() {
    const json& vocab = Member(model_, "vocab");
    if (!vocab.is_object())
      return BadInput(object_ + ": model.vocab", vocab.type_name(), "an object");
    const auto& members = vocab.get_ref<const json::object_t&>();
    ids_.reserve(members.size() + 1024);
    for (const auto& [text, value] : members) {
      if (!value.is_number_integer()) {
        return BadInput(fmt::format("{}: model.vocab {}", object_, Quoted(text)), value.type_name(),
                        "an integer id");
      }
      BURIN_ASSIGN(const int32_t id, TokenIdValue(value, object_ + ": model.vocab"));
      Entry& entry = EntryOf(id);
      if (entry.text != nullptr) return Duplicate(id, *entry.text, text);
      entry = {&text, true, -1};
      ids_.emplace(text, id);
    }
    return {};
  }

  tl::unexpected<Error> Duplicate(int32_t id, std::string_view first, std::string_view second) {
    return BadInput(object_,
                    fmt::format("id {} for both {} and {}", id, Quoted(first), Quoted(second)),
                    "one token for each id", "Download the file again.");
  }

  Status ReadAdded() {
    const json& added = Member(root_, "added_tokens");
    if (added.is_null()) return {};
    if (!added.is_array()) return BadInput(object_ + ": added_tokens", added.type_name(), "a list");
    for (const json& item : added) {
      const std::string where = object_ + ": added_tokens";
      BURIN_ASSIGN(const int32_t id, TokenIdValue(Member(item, "id"), where));
      const json& content = Member(item, "content");
      if (!content.is_string()) return BadInput(where, content.type_name(), "a content string");
      const auto& text = content.get_ref<const std::string&>();
      if (text.empty()) continue;  // Hugging Face ignores it too
      AddedToken token{.id = id};
      BURIN_ASSIGN(token.special, BoolMember(item, "special", false, where));
      BURIN_ASSIGN(token.normalized, BoolMember(item, "normalized", !token.special, where));
      BURIN_ASSIGN(token.lstrip, BoolMember(item, "lstrip", false, where));
      BURIN_ASSIGN(token.rstrip, BoolMember(item, "rstrip", false, where));
      BURIN_ASSIGN(token.single_word, BoolMember(item, "single_word", false, where));
      Entry& entry = EntryOf(id);
      if (entry.text != nullptr && *entry.text != text) return Duplicate(id, *entry.text, text);
      if (entry.added >= 0) return Duplicate(id, text, text);
      if (const int32_t known = IdOf(text); known >= 0 && known != id) {
        return BadInput(where, fmt::format("{} with id {}", Quoted(text), id),
                        fmt::format("id {}, as elsewhere in the file", known));
      }
      entry.text = &text;
      entry.added = static_cast<int>(definition_.added.size());
      definition_.added.push_back(token);
      ids_.emplace(text, id);
    }
    return {};
  }

  Status MakePieces() {
    size_t bytes = 0;
    for (size_t id = 0; id < entries_.size(); ++id) {
      if (entries_[id].text == nullptr) {
        return BadInput(object_, fmt::format("no token with id {} of {}", id, entries_.size()),
                        "a vocabulary without holes", "Add the missing tokens to the file.");
      }
      bytes += entries_[id].text->size();
    }
    definition_.pieces.Reserve(entries_.size(), bytes);
    for (const Entry& entry : entries_) {
      const std::string& text = *entry.text;
      const AddedToken* added =
          entry.added >= 0 ? &definition_.added[static_cast<size_t>(entry.added)] : nullptr;
      std::string piece = text;
      bool matchable = entry.in_model && (added == nullptr || !added->special);
      if (definition_.byte_level && matchable) {
        const std::optional<std::string> raw = FromByteAlphabet(text);
        // An added token is looked for as it is written, so its piece stays what the file says.
        matchable = raw.has_value() && (added == nullptr || *raw == text);
        if (matchable) piece = *raw;
      }
      PieceType type = PieceType::kNormal;
      if (definition_.byte_fallback && ParseBytePiece(text) >= 0) type = PieceType::kByte;
      if (added != nullptr) type = added->special ? PieceType::kControl : PieceType::kUserDefined;
      definition_.pieces.Add(piece, type, matchable);
    }
    return {};
  }

  // The two texts of a merge: "a b", or ["a", "b"].
  Status SplitMerge(const json& merge, size_t rank, std::string_view* left,
                    std::string_view* right) const {
    if (merge.is_array() && merge.size() == 2 && merge[0].is_string() && merge[1].is_string()) {
      *left = merge[0].get_ref<const std::string&>();
      *right = merge[1].get_ref<const std::string&>();
      return {};
    }
    if (merge.is_string()) {
      const std::string_view text = merge.get_ref<const std::string&>();
      const size_t space = text.find(' ');
      if (space != std::string_view::npos && text.find(' ', space + 1) == std::string_view::npos) {
        *left = text.substr(0, space);
        *right = text.substr(space + 1);
        return {};
      }
    }
    return BadInput(fmt::format("{}: merge {}", object_, rank), Quoted(merge.dump(-1, ' ', true)),
                    "two tokens");
  }

  Status ReadMerges() {
    const json& merges = Member(model_, "merges");
    if (!merges.is_array())
      return BadInput(object_ + ": model.merges", merges.type_name(), "a list");
    definition_.merges.reserve(merges.size());
    std::string joined;
    for (size_t rank = 0; rank < merges.size(); ++rank) {
      std::string_view left, right;
      BURIN_TRY(SplitMerge(merges[rank], rank, &left, &right));
      joined.assign(left);
      joined += right;
      const int32_t ids[3] = {IdOf(left), IdOf(right), IdOf(joined)};
      const std::string_view texts[3] = {left, right, joined};
      for (size_t i = 0; i < 3; ++i) {
        if (ids[i] < 0) {
          return BadInput(fmt::format("{}: merge {}", object_, rank),
                          fmt::format("unknown token {}", Quoted(texts[i])),
                          "tokens of the vocabulary", "Download the file again.");
        }
      }
      definition_.merges.push_back({static_cast<uint32_t>(ids[0]), static_cast<uint32_t>(ids[1]),
                                    static_cast<uint32_t>(ids[2]), static_cast<uint32_t>(rank)});
    }
    return {};
  }

  Status ReadUnknown() {
    const std::string text = TextMember(model_, "unk_token");
    if (text.empty()) return {};
    definition_.unknown_id = IdOf(text);
    if (definition_.unknown_id >= 0) return {};
    return BadInput(object_ + ": model.unk_token", Quoted(text), "a token of the vocabulary");
  }

  const json& root_;
  const json& model_;
  const std::string& object_;
  TokenizerDefinition& definition_;
  std::vector<Entry> entries_;
  std::unordered_map<std::string_view, int32_t> ids_;
};

// The ids of a special token in a template.
Result<std::vector<int32_t>> TemplateIds(const json& processor, const std::string& token,
                                         const ModelReader& model, const std::string& object) {
  const json& special = Member(Member(processor, "special_tokens"), token.c_str());
  std::vector<int32_t> ids;
  if (const json& list = Member(special, "ids"); list.is_array()) {
    for (const json& value : list) {
      BURIN_ASSIGN(const int32_t id, TokenIdValue(value, object));
      ids.push_back(id);
    }
  } else if (const int32_t id = model.IdOf(token); id >= 0) {
    ids.push_back(id);
  } else {
    return BadInput(object, "unknown token " + Quoted(token), "a token of the vocabulary");
  }
  return ids;
}

Status ReadTemplate(const json& processor, const ModelReader& model, const std::string& object,
                    TokenizerDefinition& definition) {
  const json& single = Member(processor, "single");
  if (!single.is_array()) return BadInput(object + ": single", single.type_name(), "a list");
  bool text_seen = false;
  for (const json& item : single) {
    if (item.is_object() && item.contains("Sequence")) {
      if (text_seen) return BadInput(object + ": single", "the text twice", "the text once");
      text_seen = true;
      continue;
    }
    const std::string token = TextMember(Member(item, "SpecialToken"), "id");
    if (token.empty()) return BadInput(object + ": single", "an unknown item", "SpecialToken");
    BURIN_ASSIGN(const std::vector<int32_t> ids, TemplateIds(processor, token, model, object));
    std::vector<int32_t>& side = text_seen ? definition.suffix_ids : definition.prefix_ids;
    side.insert(side.end(), ids.begin(), ids.end());
  }
  if (!text_seen) return BadInput(object + ": single", "no text in it", "Sequence A");
  return {};
}

Status ReadPostProcessor(const json& processor, const ModelReader& model, const std::string& object,
                         TokenizerDefinition& definition) {
  if (processor.is_null()) return {};
  const std::string type = TextMember(processor, "type");
  if (type == "ByteLevel") return {};  // concerns offsets only
  if (type == "TemplateProcessing") return ReadTemplate(processor, model, object, definition);
  if (type == "Sequence") {
    const json& list = Member(processor, "processors");
    if (list.is_array()) {
      for (const json& item : list) {
        BURIN_TRY(ReadPostProcessor(item, model, object, definition));
      }
      return {};
    }
  }
  return BadInput(object, "type " + Quoted(type), "TemplateProcessing, ByteLevel or Sequence",
                  "This tokenizer is not supported.");
}

}  // namespace

Result<TokenizerDefinition> ReadTokenizerJson(std::string_view text, const std::string& object) {
  BURIN_ASSIGN(const json root, ParseBoundedJson(text, object));
  TokenizerDefinition definition;
  BURIN_TRY(ReadNormalizer(Member(root, "normalizer"), object + ": normalizer", definition));
  BURIN_TRY(
      ReadPreTokenizer(Member(root, "pre_tokenizer"), object + ": pre_tokenizer", definition));
  ModelReader model(root, object, definition);
  BURIN_TRY(model.Read());
  BURIN_TRY(ReadDecoder(Member(root, "decoder"), object + ": decoder", definition));
  BURIN_TRY(ReadPostProcessor(Member(root, "post_processor"), model, object + ": post_processor",
                              definition));
  if (!definition.prefix_ids.empty()) definition.bos_id = definition.prefix_ids.front();
  return definition;
}

}  // namespace burin
