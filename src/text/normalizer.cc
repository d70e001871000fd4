#include "text/normalizer.h"

#include <unicode/bytestream.h>
#include <unicode/normalizer2.h>
#include <unicode/stringpiece.h>

#include <algorithm>

#include "text/utf8.h"

namespace burin {
namespace {

const icu::Normalizer2* NormalForm(NormalizerStep::Kind kind) {
  UErrorCode status = U_ZERO_ERROR;
  switch (kind) {
    case NormalizerStep::Kind::kNfc:
      return icu::Normalizer2::getNFCInstance(status);
    case NormalizerStep::Kind::kNfd:
      return icu::Normalizer2::getNFDInstance(status);
    case NormalizerStep::Kind::kNfkc:
      return icu::Normalizer2::getNFKCInstance(status);
    case NormalizerStep::Kind::kNfkd:
      return icu::Normalizer2::getNFKDInstance(status);
    default:
      return nullptr;
  }
}

// ICU takes lengths as int32: long texts go in pieces cut at ASCII, which never combines backward.
constexpr size_t kMaxChunk = size_t{1} << 24;

void AppendNormalForm(const icu::Normalizer2& form, std::string_view text, std::string& out) {
  while (!text.empty()) {
    size_t length = std::min(text.size(), kMaxChunk);
    while (length < text.size() && static_cast<uint8_t>(text[length]) >= 0x80 &&
           length < 2 * kMaxChunk) {
      ++length;
    }
    while (length < text.size() && (static_cast<uint8_t>(text[length]) & 0xC0) == 0x80) ++length;
    UErrorCode status = U_ZERO_ERROR;
    icu::StringByteSink<std::string> sink(&out);
    const size_t before = out.size();
    const icu::StringPiece piece(text.data(), static_cast<int32_t>(length));
    form.normalizeUTF8(0, piece, sink, nullptr, status);
    if (U_FAILURE(status)) {  // no memory inside ICU: keep the text as it is
      out.resize(before);
      out += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
}

std::string ToNormalForm(NormalizerStep::Kind kind, std::string text) {
  const auto is_ascii = [](char c) { return static_cast<uint8_t>(c) < 0x80; };
  if (std::all_of(text.begin(), text.end(), is_ascii)) return text;
  const icu::Normalizer2* form = NormalForm(kind);
  if (form == nullptr) return text;
  std::string out;
  out.reserve(text.size());
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Run run = NextUtf8Run(text, pos);
    const std::string_view piece = std::string_view(text).substr(pos, run.end - pos);
    if (run.valid) {
      AppendNormalForm(*form, piece, out);
    } else {
      out += piece;
    }
    pos = run.end;
  }
  return out;
}

// One space for each run of spaces, none at the ends (SentencePiece remove_extra_whitespaces).
std::string TrimSpaces(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c != ' ' || (!out.empty() && out.back() != ' ')) out += c;
  }
  if (!out.empty() && out.back() == ' ') out.pop_back();
  return out;
}

bool IsAscii(char c) { return static_cast<uint8_t>(c) < 0x80; }

void AppendMarked(std::string_view text, bool foreign, MarkedText& out) {
  if (foreign) return out.AppendForeign(text);
  out.Append(text);
}

MarkedText ReplaceAllMarked(const MarkedText& text, std::string_view from, std::string_view to) {
  MarkedText out;
  size_t done = 0;
  for (size_t hit; (hit = text.text().find(from, done)) != std::string::npos;) {
    out.AppendSlice(text, done, hit);
    done = hit + from.size();
    AppendMarked(to, !IsFreeOf(text.foreign(), hit, done), out);
  }
  out.AppendSlice(text, done, text.size());
  return out;
}

MarkedText TrimSpacesMarked(const MarkedText& text) {
  MarkedText out;
  const std::string& bytes = text.text();
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != ' ' || (!out.empty() && out.text().back() != ' ')) {
      out.AppendSlice(text, i, i + 1);
    }
  }
  if (!out.empty() && out.text().back() == ' ') out = out.Slice(0, out.size() - 1);
  return out;
}

// A normal form never joins an ASCII character to what stands before it: the text is taken in
// pieces of one ASCII character and the others behind it.
MarkedText NormalFormMarked(NormalizerStep::Kind kind, const MarkedText& text) {
  const std::string& bytes = text.text();
  MarkedText out;
  for (size_t begin = 0; begin < bytes.size();) {
    size_t end = begin + 1;
    while (end < bytes.size() && !IsAscii(bytes[end])) ++end;
    if (end == begin + 1 && IsAscii(bytes[begin])) {
      out.AppendSlice(text, begin, end);
    } else {
      const std::string piece = ToNormalForm(kind, bytes.substr(begin, end - begin));
      const bool keeps_first = IsAscii(bytes[begin]) && piece.starts_with(bytes[begin]);
      if (keeps_first) out.AppendSlice(text, begin, begin + 1);
      const size_t rest = begin + (keeps_first ? 1 : 0);
      AppendMarked(std::string_view(piece).substr(keeps_first ? 1 : 0),
                   !IsFreeOf(text.foreign(), rest, end), out);
    }
    begin = end;
  }
  return out;
}

}  // namespace

std::string ReplaceAll(std::string_view text, std::string_view from, std::string_view to) {
  std::string out;
  out.reserve(text.size());
  size_t pos = 0;
  for (size_t hit; (hit = text.find(from, pos)) != std::string_view::npos;
       pos = hit + from.size()) {
    out += text.substr(pos, hit - pos);
    out += to;
  }
  out += text.substr(pos);
  return out;
}

std::string Normalize(const std::vector<NormalizerStep>& steps, std::string text) {
  for (const NormalizerStep& step : steps) {
    switch (step.kind) {
      case NormalizerStep::Kind::kPrepend:
        if (!text.empty()) text.insert(0, step.to);
        break;
      case NormalizerStep::Kind::kReplace:
        text = ReplaceAll(text, step.from, step.to);
        break;
      case NormalizerStep::Kind::kTrimSpaces:
        text = TrimSpaces(text);
        break;
      default:
        text = ToNormalForm(step.kind, std::move(text));
    }
  }
  return text;
}

MarkedText NormalizeMarked(const std::vector<NormalizerStep>& steps, MarkedText text) {
  for (const NormalizerStep& step : steps) {
    switch (step.kind) {
      case NormalizerStep::Kind::kPrepend:
        if (!text.empty()) {
          MarkedText longer(step.to);
          longer.Append(text);
          text = std::move(longer);
        }
        break;
      case NormalizerStep::Kind::kReplace:
        text = ReplaceAllMarked(text, step.from, step.to);
        break;
      case NormalizerStep::Kind::kTrimSpaces:
        text = TrimSpacesMarked(text);
        break;
      default:
        text = NormalFormMarked(step.kind, text);
    }
  }
  return text;
}

}  // namespace burin
