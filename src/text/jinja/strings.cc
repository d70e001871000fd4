#include "text/jinja/strings.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "text/utf8.h"

namespace burin::jinja {
namespace {

bool IsSpaceAt(std::string_view text, size_t pos) {
  const Utf8Step step = NextUtf8(text, pos);
  return step.kind == Utf8Step::Kind::kCharacter && IsPythonSpace(step.code);
}

// The characters of a set, looked for in both directions.
struct StripSet {
  const std::optional<std::string>& set;
  bool Has(std::string_view text, size_t begin, size_t end) const {
    if (!set) return IsSpaceAt(text, begin);
    return set->find(text.substr(begin, end - begin)) != std::string::npos;
  }
};

bool IsCased(char32_t code) { return u_hasBinaryProperty(static_cast<UChar32>(code), UCHAR_CASED); }

}  // namespace

bool IsPythonSpace(char32_t code) {
  if (code < 0x80)
    return code == ' ' || (code >= 0x09 && code <= 0x0D) || (code >= 0x1C && code <= 0x1F);
  return code == 0x85 || u_isUWhiteSpace(static_cast<UChar32>(code));
}

std::vector<size_t> CharacterStarts(std::string_view text) {
  std::vector<size_t> starts;
  starts.reserve(text.size() + 1);
  for (size_t pos = 0; pos < text.size();) {
    starts.push_back(pos);
    pos += NextUtf8(text, pos).length;
  }
  starts.push_back(text.size());
  return starts;
}

MarkedText Strip(const MarkedText& text, const std::optional<std::string>& set, bool left,
                 bool right) {
  const StripSet strip{set};
  const std::string& bytes = text.text();
  size_t begin = 0, end = bytes.size();
  while (left && begin < end) {
    const size_t next = begin + NextUtf8(bytes, begin).length;
    if (!strip.Has(bytes, begin, next)) break;
    begin = next;
  }
  while (right && end > begin) {
    size_t last = end - 1;
    while (last > begin && end - last < 4 && (static_cast<uint8_t>(bytes[last]) & 0xC0) == 0x80) {
      --last;
    }
    if (!strip.Has(bytes, last, end)) break;
    end = last;
  }
  return text.Slice(begin, end);
}

MarkedText Replace(Interpreter& run, const MarkedText& text, const MarkedText& from,
                   const MarkedText& to, int64_t count) {
  const std::string& bytes = text.text();
  if (count < 0) count = INT64_MAX;
  MarkedText out;
  size_t done = 0;
  const auto put = [&](size_t at) {
    out.AppendSlice(text, done, at);
    out.Append(to);
    done = at + from.size();
    --count;
    return run.Spend(1, to.size());
  };
  if (!run.Spend(1, bytes.size())) return {};
  if (from.empty()) {  // between all characters
    for (const size_t start : CharacterStarts(bytes)) {
      if (count == 0 || !put(start)) break;
    }
  } else {
    for (size_t hit; count != 0 && (hit = bytes.find(from.text(), done)) != std::string::npos;) {
      if (!put(hit)) break;
    }
  }
  out.AppendSlice(text, done, bytes.size());
  return out;
}

std::vector<Value> Split(Interpreter& run, const MarkedText& text,
                         const std::optional<std::string>& separator, int64_t most,
                         bool from_right) {
  const std::string& bytes = text.text();
  std::vector<ByteRange> cuts;  // what is between the parts
  if (separator) {
    for (size_t hit = 0; (hit = bytes.find(*separator, hit)) != std::string::npos;) {
      cuts.push_back({hit, hit + separator->size()});
      hit += separator->size();
    }
  } else {
    for (size_t pos = 0; pos < bytes.size();) {
      const size_t next = pos + NextUtf8(bytes, pos).length;
      if (IsSpaceAt(bytes, pos)) {
        if (!cuts.empty() && cuts.back().end == pos) {
          cuts.back().end = next;
        } else {
          cuts.push_back({pos, next});
        }
      }
      pos = next;
    }
  }
  size_t begin = 0, end = bytes.size();
  if (!separator) {  // white space at the ends cuts nothing
    if (!cuts.empty() && cuts.front().begin == 0) {
      begin = cuts.front().end;
      cuts.erase(cuts.begin());
    }
    const bool keep_tail = most >= 0 && !from_right && static_cast<size_t>(most) < cuts.size();
    if (!cuts.empty() && cuts.back().end == bytes.size() && !keep_tail) {
      end = cuts.back().begin;
      cuts.pop_back();
    }
    if (begin >= end) return {};
  }
  if (most >= 0 && static_cast<size_t>(most) < cuts.size()) {
    if (from_right) {
      cuts.erase(cuts.begin(), cuts.end() - static_cast<ptrdiff_t>(most));
    } else {
      cuts.resize(static_cast<size_t>(most));
    }
  }
  if (!run.Spend(static_cast<int64_t>(cuts.size()) + 1, bytes.size())) return {};
  std::vector<Value> parts;
  for (const ByteRange& cut : cuts) {
    parts.emplace_back(text.Slice(begin, cut.begin));
    begin = cut.end;
  }
  parts.emplace_back(text.Slice(begin, end));
  return parts;
}

std::vector<Value> SplitLines(Interpreter& run, const MarkedText& text, bool keep_ends) {
  const std::string& bytes = text.text();
  std::vector<Value> lines;
  if (!run.Spend(1, bytes.size())) return lines;
  for (size_t begin = 0; begin < bytes.size();) {
    const size_t end = std::min(bytes.find_first_of("\n\r", begin), bytes.size());
    const size_t next = end == bytes.size()                  ? end
                        : bytes.compare(end, 2, "\r\n") == 0 ? end + 2
                                                             : end + 1;
    lines.emplace_back(text.Slice(begin, keep_ends ? next : end));
    if (!run.Spend(1)) break;
    begin = next;
  }
  return lines;
}

MarkedText Join(Interpreter& run, const MarkedText& separator, const std::vector<Value>& items) {
  MarkedText out;
  for (size_t i = 0; i < items.size(); ++i) {
    const MarkedText item = run.Print(items[i]);
    if (!run.Spend(1, item.size() + separator.size())) return {};
    if (i > 0) out.Append(separator);
    out.Append(item);
  }
  return out;
}

MarkedText Repeat(Interpreter& run, const MarkedText& text, int64_t count) {
  MarkedText out;
  if (text.empty()) return out;
  for (; count > 0; --count) {
    if (!run.Spend(1, text.size())) return {};
    out.Append(text);
  }
  return out;
}

MarkedText ToCase(const MarkedText& text, LetterCase letter_case) {
  const std::string& bytes = text.text();
  MarkedText out;
  bool inside = false;  // of a word
  for (size_t pos = 0; pos < bytes.size();) {
    const Utf8Step step = NextUtf8(bytes, pos);
    const auto code = static_cast<UChar32>(step.code);
    UChar32 changed = code;
    switch (letter_case) {
      case LetterCase::kLower:
        changed = u_tolower(code);
        break;
      case LetterCase::kUpper:
        changed = u_toupper(code);
        break;
      case LetterCase::kSwap:
        changed = u_islower(code) ? u_toupper(code) : u_tolower(code);
        break;
      default:
        changed = inside ? u_tolower(code) : u_toupper(code);
    }
    if (letter_case == LetterCase::kTitle) inside = IsCased(step.code);
    if (letter_case == LetterCase::kCapitalize) inside = true;
    if (letter_case == LetterCase::kJinjaTitle) {
      inside = !IsPythonSpace(step.code) &&
               std::string_view("-({[<").find(bytes[pos]) == std::string_view::npos;
    }
    if (step.kind != Utf8Step::Kind::kCharacter || changed == code) {
      out.AppendSlice(text, pos, pos + step.length);
    } else {
      std::string character;
      AppendUtf8(character, static_cast<char32_t>(changed));
      if (IsFreeOf(text.foreign(), pos, pos + step.length)) {
        out.Append(character);
      } else {
        out.AppendForeign(character);
      }
    }
    pos += step.length;
  }
  return out;
}

const MarkedText* NeedText(Interpreter& run, const Value& value, std::string_view what) {
  const MarkedText* text = value.AsText();
  if (text == nullptr) {
    run.Fail(fmt::format("{} of type {}", what, value.TypeName()), "text");
  }
  return text;
}

std::optional<int64_t> NeedInt(Interpreter& run, const Arguments& arguments, size_t index,
                               std::string_view name, int64_t fallback) {
  const Value* value = arguments.Find(index, name);
  if (value == nullptr || value->IsNone()) return fallback;
  int64_t number = 0;
  if (value->AsInt(&number)) return number;
  run.Fail(fmt::format("argument '{}' of type {}", name, value->TypeName()), "an integer");
  return std::nullopt;
}

bool Flag(const Arguments& arguments, size_t index, std::string_view name, bool fallback) {
  const Value* value = arguments.Find(index, name);
  return value != nullptr ? value->Truth() : fallback;
}

}  // namespace burin::jinja
