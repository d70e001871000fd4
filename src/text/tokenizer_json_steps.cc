#include "text/tokenizer_json_steps.h"

#include "text/json_reader.h"
#include "text/utf8.h"

namespace burin {
namespace {

using nlohmann::json;

tl::unexpected<Error> Unsupported(const std::string& object, const std::string& type,
                                  const char* supported) {
  return BadInput(object, type.empty() ? "no type" : "type " + Quoted(type), supported,
                  "This tokenizer is not supported.");
}

// The items of a Sequence.
Result<const json*> Items(const json& sequence, const char* key, const std::string& object) {
  const json& items = Member(sequence, key);
  if (items.is_array()) return &items;
  return BadInput(fmt::format("{}: {}", object, key), items.type_name(), "a list");
}

// A Replace step; `object` names it.
Status ReadReplace(const json& step, const std::string& object,
                   std::vector<NormalizerStep>& steps) {
  const json& pattern = Member(Member(step, "pattern"), "String");
  const json& content = Member(step, "content");
  if (!pattern.is_string() || !content.is_string()) {
    return BadInput(object + ": Replace", "a pattern that is no String", "{\"String\": ...}",
                    "Replacing by regular expression is not supported.");
  }
  steps.push_back(
      {NormalizerStep::Kind::kReplace, pattern.get<std::string>(), content.get<std::string>()});
  return {};
}

Status ReadSplit(const json& step, const std::string& object, PreTokenizerStep& out) {
  using Behavior = PreTokenizerStep::Behavior;
  const json& pattern = Member(step, "pattern");
  const bool literal = Member(pattern, "String").is_string();
  if (!literal && !Member(pattern, "Regex").is_string()) {
    return BadInput(object + ": Split", "no pattern", "{\"Regex\": ...} or {\"String\": ...}");
  }
  out.kind = literal ? PreTokenizerStep::Kind::kLiteral : PreTokenizerStep::Kind::kRegex;
  out.text = TextMember(pattern, literal ? "String" : "Regex");
  const std::string behavior = TextMember(step, "behavior");
  constexpr const char* kNames[] = {"Isolated", "Removed", "MergedWithPrevious", "MergedWithNext",
                                    "Contiguous"};
  size_t index = 0;
  while (index < std::size(kNames) && behavior != kNames[index]) ++index;
  if (index == std::size(kNames)) {
    return BadInput(object + ": Split: behavior", Quoted(behavior),
                    "Isolated or another known one");
  }
  out.behavior = static_cast<Behavior>(index);
  BURIN_ASSIGN(out.invert, BoolMember(step, "invert", false, object));
  return {};
}

Status ReadMetaspace(const json& step, const std::string& object, PreTokenizerStep& out) {
  using Prepend = PreTokenizerStep::Prepend;
  out.kind = PreTokenizerStep::Kind::kMetaspace;
  out.text = Member(step, "replacement").is_null() ? kSpaceSign : TextMember(step, "replacement");
  if (out.text.empty() || NextUtf8(out.text, 0).length != out.text.size()) {
    return BadInput(object + ": Metaspace: replacement", Quoted(out.text), "one character");
  }
  BURIN_ASSIGN(out.split, BoolMember(step, "split", true, object));
  BURIN_ASSIGN(const bool legacy, BoolMember(step, "add_prefix_space", true, object));
  const std::string scheme = TextMember(step, "prepend_scheme");
  if (scheme == "always" || (scheme.empty() && legacy)) {
    out.prepend = Prepend::kAlways;
  } else if (scheme == "first") {
    out.prepend = Prepend::kFirst;
  } else if (scheme == "never" || scheme.empty()) {
    out.prepend = Prepend::kNever;
  } else {
    return BadInput(object + ": Metaspace: prepend_scheme", Quoted(scheme),
                    "always, first or never");
  }
  return {};
}

Status ReadStrip(const json& step, const std::string& object, DecoderRules& rules) {
  const std::string content = TextMember(step, "content");
  const json& start = Member(step, "start");
  const json& stop = Member(step, "stop");
  const bool at_end = stop.is_number() && stop.get<double>() != 0;
  if (content.size() != 1 || static_cast<uint8_t>(content[0]) >= 0x80 ||
      !start.is_number_unsigned() || start.get<uint64_t>() > kMaxStripCount || at_end) {
    return BadInput(object + ": Strip", Quoted(step.dump(-1, ' ', true)),
                    "one ASCII character, stripped from the start only");
  }
  rules.strip_char = content[0];
  rules.strip_count = start.get<uint32_t>();
  return {};
}

// The decoder of a tokenizer without one: what undoes its pre-tokenizer.
void InferDecoder(TokenizerDefinition& definition) {
  DecoderRules& rules = definition.decoder;
  if (definition.byte_level) return;
  rules.byte_fallback = definition.byte_fallback;
  for (const PreTokenizerStep& step : definition.pre_tokenizers) {
    if (step.kind != PreTokenizerStep::Kind::kMetaspace) continue;
    rules.replacements.push_back({NormalizerStep::Kind::kReplace, step.text, " "});
    rules.strip_count = step.prepend == PreTokenizerStep::Prepend::kNever ? 0 : 1;
  }
}

}  // namespace

Status ReadNormalizer(const json& normalizer, const std::string& object,
                      TokenizerDefinition& definition) {
  using Kind = NormalizerStep::Kind;
  if (normalizer.is_null()) return {};
  const std::string type = TextMember(normalizer, "type");
  if (type == "Sequence") {
    BURIN_ASSIGN(const json* items, Items(normalizer, "normalizers", object));
    for (const json& item : *items) BURIN_TRY(ReadNormalizer(item, object, definition));
    return {};
  }
  if (type == "Replace") return ReadReplace(normalizer, object, definition.normalizers);
  NormalizerStep step;
  if (type == "NFC") {
    step.kind = Kind::kNfc;
  } else if (type == "NFD") {
    step.kind = Kind::kNfd;
  } else if (type == "NFKC") {
    step.kind = Kind::kNfkc;
  } else if (type == "NFKD") {
    step.kind = Kind::kNfkd;
  } else if (type == "Prepend") {
    step.kind = Kind::kPrepend;
    step.to = TextMember(normalizer, "prepend");
  } else {
    return Unsupported(object, type, "NFC, NFD, NFKC, NFKD, Prepend, Replace or Sequence");
  }
  definition.normalizers.push_back(step);
  return {};
}

Status ReadPreTokenizer(const json& pre_tokenizer, const std::string& object,
                        TokenizerDefinition& definition) {
  if (pre_tokenizer.is_null()) return {};
  const std::string type = TextMember(pre_tokenizer, "type");
  if (type == "Sequence") {
    BURIN_ASSIGN(const json* items, Items(pre_tokenizer, "pretokenizers", object));
    for (const json& item : *items) BURIN_TRY(ReadPreTokenizer(item, object, definition));
    return {};
  }
  if (definition.byte_level) {
    return BadInput(object, "a step " + Quoted(type) + " behind ByteLevel", "ByteLevel last",
                    "This tokenizer is not supported.");
  }
  PreTokenizerStep step;
  if (type == "ByteLevel") {
    definition.byte_level = true;
    BURIN_ASSIGN(const bool prefix, BoolMember(pre_tokenizer, "add_prefix_space", true, object));
    BURIN_ASSIGN(const bool regex, BoolMember(pre_tokenizer, "use_regex", true, object));
    if (prefix) {
      definition.pre_tokenizers.push_back(
          {.kind = PreTokenizerStep::Kind::kPrefixSpace, .text = {}});
    }
    if (!regex) return {};
    step.kind = PreTokenizerStep::Kind::kRegex;
    step.text = kGpt2Pattern;
  } else if (type == "Split") {
    BURIN_TRY(ReadSplit(pre_tokenizer, object, step));
  } else if (type == "Digits") {
    step.kind = PreTokenizerStep::Kind::kDigits;
    BURIN_ASSIGN(step.individual, BoolMember(pre_tokenizer, "individual_digits", false, object));
  } else if (type == "Metaspace") {
    BURIN_TRY(ReadMetaspace(pre_tokenizer, object, step));
  } else {
    return Unsupported(object, type, "Split, ByteLevel, Digits, Metaspace or Sequence");
  }
  definition.pre_tokenizers.push_back(step);
  return {};
}

Status ReadDecoder(const json& decoder, const std::string& object,
                   TokenizerDefinition& definition) {
  if (decoder.is_null()) {
    InferDecoder(definition);
    return {};
  }
  const std::string type = TextMember(decoder, "type");
  DecoderRules& rules = definition.decoder;
  if (type == "Sequence") {
    BURIN_ASSIGN(const json* items, Items(decoder, "decoders", object));
    for (const json& item : *items) {
      if (!item.is_null()) BURIN_TRY(ReadDecoder(item, object, definition));
    }
    return {};
  }
  if (type == "Fuse") return {};  // pieces are always joined
  if (type == "Replace") return ReadReplace(decoder, object, rules.replacements);
  if (type == "Strip") return ReadStrip(decoder, object, rules);
  if (type == "ByteFallback") {
    rules.byte_fallback = true;
    return {};
  }
  if (type == "Metaspace") {
    PreTokenizerStep step;
    BURIN_TRY(ReadMetaspace(decoder, object, step));
    rules.replacements.push_back({NormalizerStep::Kind::kReplace, step.text, " "});
    rules.strip_count = step.prepend == PreTokenizerStep::Prepend::kNever ? 0 : 1;
    return {};
  }
  if (type != "ByteLevel") {
    return Unsupported(object, type,
                       "ByteLevel, Metaspace, Replace, ByteFallback, Fuse, Strip or Sequence");
  }
  if (definition.byte_level) return {};
  return BadInput(object, "ByteLevel", "a ByteLevel pre-tokenizer with it",
                  "This tokenizer is not supported.");
}

}  // namespace burin
