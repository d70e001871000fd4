#include "text/tokenizer.h"

#include <algorithm>

#include "text/normalizer.h"
#include "text/tokenizer_tables.h"
#include "text/utf8.h"

namespace burin {
namespace {

// The table of what each token adds to a text, for vocabularies where that is not the piece.
void MakeTokenTexts(TokenizerTables& tables) {
  const TokenizerDefinition& definition = tables.definition;
  const DecoderRules& rules = definition.decoder;
  if (rules.replacements.empty() && !rules.byte_fallback) return;
  tables.text_offsets.push_back(0);
  for (size_t id = 0; id < definition.pieces.size(); ++id) {
    const std::string_view piece = definition.pieces.piece(id);
    const int byte = rules.byte_fallback && definition.pieces.type(id) == PieceType::kByte
                         ? ParseBytePiece(piece)
                         : -1;
    if (byte >= 0) {
      tables.text_pool += static_cast<char>(byte);
    } else {
      tables.text_pool += Normalize(rules.replacements, std::string(piece));
    }
    tables.text_offsets.push_back(static_cast<uint32_t>(tables.text_pool.size()));
  }
}

// How many characters to drop from the start of `text`, which begins an output.
size_t LeadingToStrip(const DecoderRules& rules, std::string_view text, uint32_t left) {
  size_t count = 0;
  while (count < left && count < text.size() && text[count] == rules.strip_char) ++count;
  return count;
}

// Encodes one input: the working memory that its texts share.
class Encoder {
 public:
  Encoder(const TokenizerTables& tables, size_t text_bytes, std::vector<int32_t>& out)
      : tables_(tables),
        out_(out),
        searchers_(tables.pre_tokenizer.MakeScratch()),
        scratch_(text_bytes),
        sink_([this](std::string_view word) { tables_.bpe.Encode(word, scratch_, out_); }) {}

  // `at_start`: `text`, which stands between added tokens, begins the input.
  void EncodeText(std::string_view text, bool at_start, bool parse_special) {
    std::string normalized;
    if (!tables_.definition.normalizers.empty()) {
      normalized = Normalize(tables_.definition.normalizers, std::string(text));
      text = normalized;
    }
    if (tables_.normalized_tokens.empty()) {
      return tables_.pre_tokenizer.Split(text, at_start, searchers_, sink_);
    }
    AddParts(tables_.normalized_tokens.Split(text, parse_special), text, at_start);
  }

  void EncodeMarked(const MarkedText& text, bool at_start) {
    if (tables_.normalized_tokens.empty()) return EncodeText(text.text(), at_start, true);
    const MarkedText normalized = NormalizeMarked(tables_.definition.normalizers, text);
    AddParts(tables_.normalized_tokens.Split(normalized.text(), true, normalized.foreign()),
             normalized.text(), at_start);
  }

 private:
  void AddParts(const std::vector<TextPart>& parts, std::string_view text, bool at_start) {
    for (const TextPart& part : parts) {
      if (part.id >= 0) {
        out_.push_back(part.id);
      } else {
        tables_.pre_tokenizer.Split(part.text, at_start && part.text.data() == text.data(),
                                    searchers_, sink_);
      }
    }
  }

  const TokenizerTables& tables_;
  std::vector<int32_t>& out_;
  PreTokenizer::Scratch searchers_;
  Bpe::Scratch scratch_;
  PreTokenizer::WordSink sink_;
};

}  // namespace

std::string_view TokenizerTables::TokenText(int32_t id) const {
  if (!Has(id)) return {};
  const auto index = static_cast<size_t>(id);
  if (text_offsets.empty()) return definition.pieces.piece(index);
  return std::string_view(text_pool).substr(text_offsets[index],
                                            text_offsets[index + 1] - text_offsets[index]);
}

Result<Tokenizer> TokenizerTables::Build(TokenizerDefinition definition,
                                         const std::string& object) {
  BURIN_TRY(ValidateDefinition(definition, object));
  BURIN_ASSIGN(PreTokenizer pre_tokenizer, PreTokenizer::Build(definition.pre_tokenizers, object));
  auto tables = std::make_shared<TokenizerTables>(std::move(definition));
  tables->pre_tokenizer = std::move(pre_tokenizer);
  const TokenizerDefinition& checked = tables->definition;
  for (const AddedToken& token : checked.added) {
    const std::string_view piece = checked.pieces.piece(static_cast<size_t>(token.id));
    if (token.normalized) {
      tables->normalized_tokens.Add(token, Normalize(checked.normalizers, std::string(piece)));
    } else {
      tables->raw_tokens.Add(token, piece);
    }
  }
  MakeTokenTexts(*tables);
  return Tokenizer(std::move(tables));
}

Tokenizer::Tokenizer(std::shared_ptr<const TokenizerTables> tables) : tables_(std::move(tables)) {}

Result<Tokenizer> Tokenizer::FromTokenizerJson(std::string_view text, const std::string& name) {
  BURIN_ASSIGN(TokenizerDefinition definition, ReadTokenizerJson(text, name));
  GuessEndTokens(definition);
  return TokenizerTables::Build(std::move(definition), name);
}

Result<Tokenizer> Tokenizer::FromSentencePiece(std::span<const std::byte> bytes,
                                               const std::string& name) {
  BURIN_ASSIGN(TokenizerDefinition definition, ReadSentencePiece(bytes, name));
  return TokenizerTables::Build(std::move(definition), name);
}

Result<Tokenizer> Tokenizer::FromVocabulary(const VocabularySpec& spec, const std::string& name) {
  BURIN_ASSIGN(TokenizerDefinition definition, ReadVocabulary(spec, name));
  return TokenizerTables::Build(std::move(definition), name);
}

Result<Tokenizer> Tokenizer::Deserialize(std::span<const std::byte> bytes,
                                         const std::string& name) {
  BURIN_ASSIGN(TokenizerDefinition definition, ReadBinary(bytes, name));
  return TokenizerTables::Build(std::move(definition), name);
}

std::vector<std::byte> Tokenizer::Serialize() const { return WriteBinary(tables_->definition); }

std::vector<int32_t> Tokenizer::Encode(std::string_view text, EncodeOptions options) const {
  const TokenizerDefinition& definition = tables_->definition;
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 8);
  if (options.add_special) ids = definition.prefix_ids;
  Encoder encoder(*tables_, text.size(), ids);
  for (const TextPart& part : tables_->raw_tokens.Split(text, options.parse_special)) {
    if (part.id >= 0) {
      ids.push_back(part.id);
    } else {
      encoder.EncodeText(part.text, part.text.data() == text.data(), options.parse_special);
    }
  }
  if (options.add_special) {
    ids.insert(ids.end(), definition.suffix_ids.begin(), definition.suffix_ids.end());
  }
  return ids;
}

std::vector<int32_t> Tokenizer::Encode(const MarkedText& text) const {
  std::vector<int32_t> ids;
  ids.reserve(text.size() / 4 + 8);
  Encoder encoder(*tables_, text.size(), ids);
  const std::string& bytes = text.text();
  for (const TextPart& part : tables_->raw_tokens.Split(bytes, true, text.foreign())) {
    if (part.id >= 0) {
      ids.push_back(part.id);
      continue;
    }
    const auto begin = static_cast<size_t>(part.text.data() - bytes.data());
    encoder.EncodeMarked(text.Slice(begin, begin + part.text.size()), begin == 0);
  }
  return ids;
}

std::string Tokenizer::Decode(std::span<const int32_t> ids, bool skip_special) const {
  std::string text;
  for (const int32_t id : ids) {
    if (!skip_special || !IsSpecial(id)) text += tables_->TokenText(id);
  }
  const DecoderRules& rules = tables_->definition.decoder;
  text.erase(0, LeadingToStrip(rules, text, rules.strip_count));
  return text;
}

std::string_view Tokenizer::Piece(int32_t id) const {
  if (!tables_->Has(id)) return {};
  return tables_->definition.pieces.piece(static_cast<size_t>(id));
}

std::string_view Tokenizer::TokenText(int32_t id) const { return tables_->TokenText(id); }

bool Tokenizer::IsSpecial(int32_t id) const {
  return tables_->Has(id) &&
         tables_->definition.pieces.type(static_cast<size_t>(id)) == PieceType::kControl;
}

bool Tokenizer::IsText(int32_t id) const {
  if (!tables_->Has(id)) return false;
  const PieceType type = tables_->definition.pieces.type(static_cast<size_t>(id));
  return type == PieceType::kNormal || type == PieceType::kUserDefined || type == PieceType::kByte;
}

std::optional<int32_t> Tokenizer::TokenId(std::string_view piece) const {
  const int32_t id = tables_->bpe.Find(piece);
  return id >= 0 ? std::optional(id) : std::nullopt;
}

int32_t Tokenizer::vocab_size() const {
  return static_cast<int32_t>(tables_->definition.pieces.size());
}

std::optional<int32_t> Tokenizer::bos_id() const {
  const int32_t id = tables_->definition.bos_id;
  return id >= 0 ? std::optional(id) : std::nullopt;
}

const std::vector<int32_t>& Tokenizer::eos_ids() const { return tables_->definition.eos_ids; }

const std::string& Tokenizer::chat_template() const { return tables_->definition.chat_template; }

std::string_view Tokenizer::bos_text() const { return Piece(tables_->definition.bos_id); }

std::string_view Tokenizer::eos_text() const {
  return eos_ids().empty() ? std::string_view() : Piece(eos_ids().front());
}

StreamDecoder::StreamDecoder(const Tokenizer& tokenizer, bool skip_special, bool continuation)
    : tables_(tokenizer.tables_),
      skip_special_(skip_special),
      strip_left_(continuation ? 0 : tables_->definition.decoder.strip_count) {}

std::string StreamDecoder::Push(int32_t id) {
  if (!tables_->Has(id)) return {};
  const PieceType type = tables_->definition.pieces.type(static_cast<size_t>(id));
  if (skip_special_ && type == PieceType::kControl) return {};
  std::string_view text = tables_->TokenText(id);
  if (strip_left_ > 0 && !text.empty()) {
    const size_t strip = LeadingToStrip(tables_->definition.decoder, text, strip_left_);
    strip_left_ = strip == text.size() ? strip_left_ - static_cast<uint32_t>(strip) : 0;
    text.remove_prefix(strip);
  }
  held_ += text;
  std::string out;
  size_t pos = 0;
  while (pos < held_.size()) {
    const Utf8Step step = NextUtf8(held_, pos);
    if (step.kind == Utf8Step::Kind::kIncomplete) break;
    if (step.kind == Utf8Step::Kind::kCharacter) {
      out.append(held_, pos, step.length);
    } else {
      AppendUtf8(out, 0xFFFD);
    }
    pos += step.length;
  }
  held_.erase(0, pos);
  return out;
}

std::string StreamDecoder::Finish() {
  std::string out;
  if (!held_.empty()) AppendUtf8(out, 0xFFFD);
  held_.clear();
  strip_left_ = 0;
  return out;
}

}  // namespace burin
