// docs/formats/tokenizer.md: a TokenizerDefinition as bytes and back.
#include <bit>
#include <cstring>

#include "text/tokenizer_tables.h"

namespace burin {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers are copied as they are");

constexpr std::string_view kMagic = "BURINTOK";
constexpr uint32_t kVersion = 1;

class Writer {
 public:
  template <typename Number>
  void Put(Number value) {
    const auto* data = reinterpret_cast<const std::byte*>(&value);
    bytes_.insert(bytes_.end(), data, data + sizeof value);
  }
  void PutRaw(std::string_view text) {
    const auto* data = reinterpret_cast<const std::byte*>(text.data());
    bytes_.insert(bytes_.end(), data, data + text.size());
  }
  void PutText(std::string_view text) {
    Put(static_cast<uint32_t>(text.size()));
    PutRaw(text);
  }
  void PutIds(const std::vector<int32_t>& ids) {
    Put(static_cast<uint32_t>(ids.size()));
    for (const int32_t id : ids) Put(id);
  }
  std::vector<std::byte> Take() { return std::move(bytes_); }

 private:
  std::vector<std::byte> bytes_;
};

// Reads on after a failure, giving zeros; `ok()` says in the end whether all was there.
class Reader {
 public:
  explicit Reader(std::span<const std::byte> bytes) : bytes_(bytes) {}
  bool ok() const { return ok_; }
  size_t left() const { return bytes_.size(); }

  template <typename Number>
  Number Get() {
    Number value{};
    const std::string_view raw = GetRaw(sizeof value);
    if (ok_) std::memcpy(&value, raw.data(), sizeof value);
    return value;
  }
  std::string_view GetRaw(size_t size) {
    if (size > bytes_.size()) ok_ = false;
    if (!ok_) return {};
    const std::string_view raw(reinterpret_cast<const char*>(bytes_.data()), size);
    bytes_ = bytes_.subspan(size);
    return raw;
  }
  std::string GetText() { return std::string(GetRaw(Get<uint32_t>())); }
  // A count of records of at least `record_bytes` each, checked against what is left.
  uint32_t GetCount(size_t record_bytes) {
    const auto count = Get<uint32_t>();
    if (count > left() / record_bytes) ok_ = false;
    return ok_ ? count : 0;
  }
  std::vector<int32_t> GetIds() {
    std::vector<int32_t> ids(GetCount(sizeof(int32_t)));
    for (int32_t& id : ids) id = Get<int32_t>();
    return ids;
  }
  // A number that must be at most `limit`.
  uint8_t GetEnum(unsigned limit) {
    const auto value = Get<uint8_t>();
    if (value > limit) ok_ = false;
    return ok_ ? value : 0;
  }

 private:
  std::span<const std::byte> bytes_;
  bool ok_ = true;
};

enum Flags : uint32_t {
  kByteLevel = 1,
  kByteFallback = 2,
  kFuseUnknown = 4,
  kIgnoreMerges = 8,
  kDecodeBytes = 16,
  kExplicitRanks = 32,
  kAllFlags = 63,
};

enum AddedFlags : uint8_t {
  kSpecial = 1,
  kNormalized = 2,
  kLstrip = 4,
  kRstrip = 8,
  kSingleWord = 16,
  kAllAddedFlags = 31,
};

constexpr uint8_t kMatchableBit = 8;

void PutNormalizers(const std::vector<NormalizerStep>& steps, Writer& out) {
  out.Put(static_cast<uint32_t>(steps.size()));
  for (const NormalizerStep& step : steps) {
    out.Put(static_cast<uint8_t>(step.kind));
    out.PutText(step.from);
    out.PutText(step.to);
  }
}

std::vector<NormalizerStep> GetNormalizers(Reader& in) {
  std::vector<NormalizerStep> steps(in.GetCount(9));
  for (NormalizerStep& step : steps) {
    step.kind = static_cast<NormalizerStep::Kind>(in.GetEnum(6));
    step.from = in.GetText();
    step.to = in.GetText();
  }
  return steps;
}

void PutPieces(const PieceList& pieces, Writer& out) {
  out.Put(static_cast<uint32_t>(pieces.size()));
  for (size_t id = 0; id < pieces.size(); ++id) {
    out.Put(static_cast<uint8_t>(static_cast<unsigned>(pieces.type(id)) |
                                 (pieces.matchable(id) ? kMatchableBit : 0u)));
  }
  for (size_t id = 0; id < pieces.size(); ++id) {
    out.Put(static_cast<uint16_t>(pieces.piece(id).size()));
  }
  out.PutRaw(pieces.pool());
}

bool GetPieces(Reader& in, PieceList& pieces) {
  const size_t count = in.GetCount(3);
  const std::string_view info = in.GetRaw(count), lengths = in.GetRaw(2 * count);
  if (!in.ok() || count > kMaxVocabulary) return false;
  size_t total = 0;
  const auto length_of = [&](size_t id) {
    uint16_t length;
    std::memcpy(&length, lengths.data() + 2 * id, sizeof length);
    return length;
  };
  for (size_t id = 0; id < count; ++id) total += length_of(id);
  const std::string_view pool = in.GetRaw(total);
  if (!in.ok()) return false;
  pieces.Reserve(count, total);
  size_t at = 0;
  for (size_t id = 0; id < count; ++id) {
    const auto bits = static_cast<uint8_t>(info[id]);
    const unsigned type = bits & 7u;
    if (bits > 15 || type < 1 || type > 6) return false;
    pieces.Add(pool.substr(at, length_of(id)), static_cast<PieceType>(type),
               (bits & kMatchableBit) != 0);
    at += length_of(id);
  }
  return true;
}

bool HasOwnRanks(const std::vector<Merge>& merges) {
  for (size_t i = 0; i < merges.size(); ++i) {
    if (merges[i].rank != i) return true;
  }
  return false;
}

void PutMerges(const std::vector<Merge>& merges, Writer& out) {
  out.Put(static_cast<uint32_t>(merges.size()));
  const bool ranks = HasOwnRanks(merges);
  for (const Merge& merge : merges) {
    out.Put(merge.left);
    out.Put(merge.right);
    out.Put(merge.result);
    if (ranks) out.Put(merge.rank);
  }
}

std::vector<Merge> GetMerges(bool ranks, Reader& in) {
  const size_t record = ranks ? 16 : 12;
  const size_t count = in.GetCount(record);
  const std::string_view raw = in.GetRaw(count * record);
  std::vector<Merge> merges(in.ok() ? count : 0);
  for (size_t i = 0; i < merges.size(); ++i) {
    merges[i].rank = static_cast<uint32_t>(i);
    std::memcpy(&merges[i], raw.data() + i * record, record);
  }
  return merges;
}

void PutAdded(const std::vector<AddedToken>& added, Writer& out) {
  out.Put(static_cast<uint32_t>(added.size()));
  for (const AddedToken& token : added) {
    out.Put(token.id);
    out.Put(static_cast<uint8_t>((token.special ? kSpecial : 0) |
                                 (token.normalized ? kNormalized : 0) |
                                 (token.lstrip ? kLstrip : 0) | (token.rstrip ? kRstrip : 0) |
                                 (token.single_word ? kSingleWord : 0)));
  }
}

std::vector<AddedToken> GetAdded(Reader& in) {
  std::vector<AddedToken> added(in.GetCount(5));
  for (AddedToken& token : added) {
    token.id = in.Get<int32_t>();
    const uint8_t flags = in.GetEnum(kAllAddedFlags);
    token.special = (flags & kSpecial) != 0;
    token.normalized = (flags & kNormalized) != 0;
    token.lstrip = (flags & kLstrip) != 0;
    token.rstrip = (flags & kRstrip) != 0;
    token.single_word = (flags & kSingleWord) != 0;
  }
  return added;
}

void PutPreTokenizers(const std::vector<PreTokenizerStep>& steps, Writer& out) {
  out.Put(static_cast<uint32_t>(steps.size()));
  for (const PreTokenizerStep& step : steps) {
    out.Put(static_cast<uint8_t>(step.kind));
    out.Put(static_cast<uint8_t>(step.behavior));
    out.Put(static_cast<uint8_t>(step.prepend));
    out.Put(static_cast<uint8_t>((step.invert ? 1 : 0) | (step.individual ? 2 : 0) |
                                 (step.split ? 4 : 0)));
    out.PutText(step.text);
  }
}

std::vector<PreTokenizerStep> GetPreTokenizers(Reader& in) {
  std::vector<PreTokenizerStep> steps(in.GetCount(8));
  for (PreTokenizerStep& step : steps) {
    step.kind = static_cast<PreTokenizerStep::Kind>(in.GetEnum(4));
    step.behavior = static_cast<PreTokenizerStep::Behavior>(in.GetEnum(4));
    step.prepend = static_cast<PreTokenizerStep::Prepend>(in.GetEnum(2));
    const uint8_t flags = in.GetEnum(7);
    step.invert = (flags & 1) != 0;
    step.individual = (flags & 2) != 0;
    step.split = (flags & 4) != 0;
    step.text = in.GetText();
  }
  return steps;
}

uint32_t FlagsOf(const TokenizerDefinition& definition) {
  return (definition.byte_level ? kByteLevel : 0u) |
         (definition.byte_fallback ? kByteFallback : 0u) |
         (definition.fuse_unknown ? kFuseUnknown : 0u) |
         (definition.ignore_merges ? kIgnoreMerges : 0u) |
         (definition.decoder.byte_fallback ? kDecodeBytes : 0u) |
         (HasOwnRanks(definition.merges) ? kExplicitRanks : 0u);
}

}  // namespace

std::vector<std::byte> WriteBinary(const TokenizerDefinition& definition) {
  Writer out;
  out.PutRaw(kMagic);
  out.Put(kVersion);
  out.Put(FlagsOf(definition));
  out.Put(definition.unknown_id);
  out.Put(definition.bos_id);
  out.PutIds(definition.eos_ids);
  out.PutIds(definition.prefix_ids);
  out.PutIds(definition.suffix_ids);
  PutPieces(definition.pieces, out);
  PutMerges(definition.merges, out);
  PutAdded(definition.added, out);
  PutNormalizers(definition.normalizers, out);
  PutPreTokenizers(definition.pre_tokenizers, out);
  PutNormalizers(definition.decoder.replacements, out);
  out.Put(definition.decoder.strip_char);
  out.Put(definition.decoder.strip_count);
  out.PutText(definition.chat_template);
  return out.Take();
}

Result<TokenizerDefinition> ReadBinary(std::span<const std::byte> bytes,
                                       const std::string& object) {
  Reader in(bytes);
  const char* const advice = "Build the cartridge again.";
  if (in.GetRaw(kMagic.size()) != kMagic) {
    return BadInput(object, "no tokenizer part", "one that begins with BURINTOK", advice);
  }
  if (const auto version = in.Get<uint32_t>(); version != kVersion) {
    return BadInput(object, fmt::format("tokenizer version {}", version),
                    fmt::format("version {}", kVersion), advice);
  }
  const auto flags = in.Get<uint32_t>();
  TokenizerDefinition definition;
  definition.byte_level = (flags & kByteLevel) != 0;
  definition.byte_fallback = (flags & kByteFallback) != 0;
  definition.fuse_unknown = (flags & kFuseUnknown) != 0;
  definition.ignore_merges = (flags & kIgnoreMerges) != 0;
  definition.decoder.byte_fallback = (flags & kDecodeBytes) != 0;
  definition.unknown_id = in.Get<int32_t>();
  definition.bos_id = in.Get<int32_t>();
  definition.eos_ids = in.GetIds();
  definition.prefix_ids = in.GetIds();
  definition.suffix_ids = in.GetIds();
  if (!GetPieces(in, definition.pieces) || flags > kAllFlags) {
    return BadInput(object, "a damaged vocabulary", "the form of docs/formats/tokenizer.md",
                    advice);
  }
  definition.merges = GetMerges((flags & kExplicitRanks) != 0, in);
  definition.added = GetAdded(in);
  definition.normalizers = GetNormalizers(in);
  definition.pre_tokenizers = GetPreTokenizers(in);
  definition.decoder.replacements = GetNormalizers(in);
  definition.decoder.strip_char = in.Get<char>();
  definition.decoder.strip_count = in.Get<uint32_t>();
  definition.chat_template = in.GetText();
  if (!in.ok() || in.left() != 0) {
    return BadInput(object,
                    in.ok() ? fmt::format("{} bytes behind the end", in.left())
                            : std::string("a damaged or shortened tokenizer part"),
                    "the form of docs/formats/tokenizer.md", advice);
  }
  return definition;
}

}  // namespace burin
