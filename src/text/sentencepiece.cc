// tokenizer.model of SentencePiece: a protobuf message (sentencepiece_model.proto) of which the
// few fields that BPE needs are read here; and BPE merges from scores.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "text/tokenizer_tables.h"
#include "text/utf8.h"

namespace burin {
namespace {

// The fields of one protobuf message, one by one.
class FieldReader {
 public:
  explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}

  uint32_t field = 0;
  uint64_t number = 0;    // varint and fixed fields
  std::string_view data;  // length-delimited fields
  bool failed = false;

  // Steps to the next field; false at the end or, with `failed`, at damage.
  bool Next() {
    if (bytes_.empty() || failed) return false;
    const uint64_t key = Varint();
    field = static_cast<uint32_t>(key >> 3);
    number = 0;
    data = {};
    switch (key & 7) {
      case 0:
        number = Varint();
        break;
      case 1:
        Fixed(8);
        break;
      case 2:
        data = Take(Varint());
        break;
      case 5:
        Fixed(4);
        break;
      default:
        failed = true;
    }
    return !failed;
  }
  float Float() const { return std::bit_cast<float>(static_cast<uint32_t>(number)); }

 private:
  uint64_t Varint() {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      if (bytes_.empty()) break;
      const auto byte = static_cast<uint8_t>(bytes_.front());
      bytes_.remove_prefix(1);
      value |= uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    failed = true;
    return 0;
  }
  std::string_view Take(uint64_t size) {
    if (size > bytes_.size()) failed = true;
    if (failed) return {};
    const std::string_view taken = bytes_.substr(0, size);
    bytes_.remove_prefix(size);
    return taken;
  }
  void Fixed(size_t size) {
    const std::string_view raw = Take(size);
    if (!failed) std::memcpy(&number, raw.data(), size);  // little-endian, as this machine is
  }

  std::string_view bytes_;
};

struct ModelFile {
  uint64_t model_type = 1;  // 1 unigram, 2 BPE, 3 word, 4 char
  bool byte_fallback = false;
  bool space_as_suffix = false;
  int32_t unk_id = 0, bos_id = 1, eos_id = 2;
  std::string normalizer_name;
  bool has_character_map = false;
  bool add_dummy_prefix = true;
  bool remove_extra_whitespaces = true;
  bool escape_whitespaces = true;
  std::vector<float> scores;
};

bool ReadTrainerSpec(std::string_view bytes, ModelFile& file) {
  FieldReader in(bytes);
  while (in.Next()) {
    const auto id = static_cast<int32_t>(static_cast<uint32_t>(in.number));
    if (in.field == 3) file.model_type = in.number;
    if (in.field == 24) file.space_as_suffix = in.number != 0;
    if (in.field == 35) file.byte_fallback = in.number != 0;
    if (in.field == 40) file.unk_id = id;
    if (in.field == 41) file.bos_id = id;
    if (in.field == 42) file.eos_id = id;
  }
  return !in.failed;
}

bool ReadNormalizerSpec(std::string_view bytes, ModelFile& file) {
  FieldReader in(bytes);
  while (in.Next()) {
    if (in.field == 1) file.normalizer_name = std::string(in.data.substr(0, 64));
    if (in.field == 2) file.has_character_map = !in.data.empty();
    if (in.field == 3) file.add_dummy_prefix = in.number != 0;
    if (in.field == 4) file.remove_extra_whitespaces = in.number != 0;
    if (in.field == 5) file.escape_whitespaces = in.number != 0;
  }
  return !in.failed;
}

Status ReadPiece(std::string_view bytes, const std::string& object, ModelFile& file,
                 TokenizerDefinition& definition) {
  std::string_view text;
  float score = 0;
  uint64_t type = 1;
  FieldReader in(bytes);
  while (in.Next()) {
    if (in.field == 1) text = in.data;
    if (in.field == 2) score = in.Float();
    if (in.field == 3) type = in.number;
  }
  const size_t id = definition.pieces.size();
  if (in.failed || type < 1 || type > 6 || id >= kMaxVocabulary || text.size() > kMaxPieceBytes) {
    return BadInput(fmt::format("{}: piece {}", object, id), "a damaged piece",
                    "text, score and type", "Download the file again.");
  }
  definition.pieces.Add(text, static_cast<PieceType>(type), false);
  file.scores.push_back(score);
  return {};
}

Status CheckSupported(const ModelFile& file, const std::string& object) {
  constexpr const char* kTypes[] = {"0", "unigram", "BPE", "word", "char"};
  const char* advice = "This tokenizer is not supported.";
  if (file.model_type != 2) {
    const char* type = file.model_type < 5 ? kTypes[file.model_type] : "an unknown type";
    return BadInput(object, fmt::format("model type {}", type), "BPE", advice);
  }
  if (file.has_character_map) {
    return BadInput(object + ": normalizer", Quoted(file.normalizer_name), "identity", advice);
  }
  if (!file.escape_whitespaces || file.space_as_suffix) {
    return BadInput(object, "white space that is kept or a suffix", "U+2581 before words", advice);
  }
  return {};
}

}  // namespace

Result<TokenizerDefinition> ReadSentencePiece(std::span<const std::byte> bytes,
                                              const std::string& object) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("IQ== ")) {
    return BadInput(object, "a tiktoken vocabulary", "a SentencePiece model or tokenizer.json",
                    "Use the checkpoint's Hugging Face form, which has a tokenizer.json.");
  }
  TokenizerDefinition definition;
  ModelFile file;
  FieldReader in(text);
  bool intact = true;
  while (intact && in.Next()) {
    if (in.field == 1) BURIN_TRY(ReadPiece(in.data, object, file, definition));
    if (in.field == 2) intact = ReadTrainerSpec(in.data, file);
    if (in.field == 3) intact = ReadNormalizerSpec(in.data, file);
  }
  if (!intact || in.failed || definition.pieces.size() == 0) {
    return BadInput(object, "no SentencePiece model", "a tokenizer.model",
                    text.starts_with("version https://git-lfs")
                        ? "It is a Git LFS pointer: download the file itself."
                        : "Download the file again.");
  }
  BURIN_TRY(CheckSupported(file, object));
  const auto legal = [&](int32_t id) {
    return id >= 0 && static_cast<size_t>(id) < definition.pieces.size();
  };
  definition.byte_fallback = file.byte_fallback;
  if (legal(file.unk_id)) definition.unknown_id = file.unk_id;
  if (legal(file.bos_id)) definition.bos_id = file.bos_id;
  if (legal(file.eos_id)) definition.eos_ids = {file.eos_id};
  if (definition.bos_id >= 0) definition.prefix_ids = {definition.bos_id};
  BURIN_TRY(FinishSentencePiece(file.scores, file.add_dummy_prefix, file.remove_extra_whitespaces,
                                object, definition));
  return definition;
}

// Longer pieces are not reachable by merging: SentencePiece makes none above 16 characters, and
// looking for the halves of a piece costs the square of its length.
constexpr size_t kMaxMergedPieceBytes = 256;

Status FinishSentencePiece(const std::vector<float>& scores, bool add_space_prefix,
                           bool trim_spaces, const std::string& object,
                           TokenizerDefinition& definition) {
  PieceList& pieces = definition.pieces;
  const auto piece_of = [&](uint32_t id) { return pieces.piece(id); };
  PieceTable table;
  table.Reserve(pieces.size());
  std::vector<uint32_t> order;
  for (uint32_t id = 0; id < pieces.size(); ++id) {
    const PieceType type = pieces.type(id);
    const std::string_view piece = pieces.piece(id);
    if (std::isnan(scores[id])) {
      return BadInput(fmt::format("{}: piece {}", object, id), "a score that is no number",
                      "a number");
    }
    if ((type == PieceType::kControl || type == PieceType::kUserDefined ||
         type == PieceType::kUnknown) &&
        !piece.empty()) {
      definition.added.push_back(
          {.id = static_cast<int32_t>(id), .special = type != PieceType::kUserDefined});
    }
    const bool matchable = type == PieceType::kNormal || type == PieceType::kUserDefined;
    pieces.Set(id, type, matchable && !piece.empty());
    if (matchable && !piece.empty() && table.Insert(id, piece_of) &&
        piece.size() <= kMaxMergedPieceBytes) {
      order.push_back(id);
    }
  }
  // The best score first; pieces of one score share a rank, so that the leftmost pair goes first.
  std::stable_sort(order.begin(), order.end(),
                   [&](uint32_t a, uint32_t b) { return scores[a] > scores[b]; });
  uint32_t rank = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && scores[order[i]] != scores[order[i - 1]]) ++rank;
    const std::string_view piece = pieces.piece(order[i]);
    if (definition.merges.size() > kMaxMerges) {
      return BadInput(object, "too many merges", fmt::format("at most {}", kMaxMerges));
    }
    for (size_t cut = 1; cut < piece.size(); ++cut) {
      if ((static_cast<uint8_t>(piece[cut]) & 0xC0) == 0x80) continue;
      const std::string_view left = piece.substr(0, cut), right = piece.substr(cut);
      const int32_t left_id = table.Find(left, HashBytes(left), piece_of);
      if (left_id < 0) continue;
      const int32_t right_id = table.Find(right, HashBytes(right), piece_of);
      if (right_id < 0) continue;
      definition.merges.push_back(
          {static_cast<uint32_t>(left_id), static_cast<uint32_t>(right_id), order[i], rank});
    }
  }
  definition.fuse_unknown = true;
  if (trim_spaces) definition.normalizers.push_back({NormalizerStep::Kind::kTrimSpaces, {}, {}});
  if (add_space_prefix) {
    definition.normalizers.push_back({NormalizerStep::Kind::kPrepend, {}, std::string(kSpaceSign)});
  }
  definition.normalizers.push_back({NormalizerStep::Kind::kReplace, " ", std::string(kSpaceSign)});
  definition.decoder.replacements = {
      {NormalizerStep::Kind::kReplace, std::string(kSpaceSign), " "}};
  definition.decoder.byte_fallback = true;
  definition.decoder.strip_count = add_space_prefix ? 1 : 0;
  return {};
}

}  // namespace burin
