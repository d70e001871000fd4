#include "text/jinja/to_text.h"

#include <algorithm>
#include <cmath>

#include "text/utf8.h"

namespace burin::jinja {
namespace {

// 'it' as Python writes it; control characters and what is no UTF-8 as escapes.
void AppendReprOfText(const MarkedText& value, MarkedText& out) {
  const std::string& text = value.text();
  const bool has_single = text.find('\'') != std::string::npos;
  const char quote = has_single && text.find('"') == std::string::npos ? '"' : '\'';
  out.Append(std::string_view(&quote, 1));
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Step step = NextUtf8(text, pos);
    const char c = text[pos];
    const auto code = static_cast<uint8_t>(c);
    if (c == quote || c == '\\') {
      out.Append("\\");
      out.AppendSlice(value, pos, pos + 1);
    } else if (c == '\n') {
      out.Append("\\n");
    } else if (c == '\r') {
      out.Append("\\r");
    } else if (c == '\t') {
      out.Append("\\t");
    } else if (code < 0x20 || code == 0x7F || step.kind != Utf8Step::Kind::kCharacter) {
      out.Append(fmt::format("\\x{:02x}", code));
    } else {
      out.AppendSlice(value, pos, pos + step.length);
    }
    pos += step.length;
  }
  out.Append(std::string_view(&quote, 1));
}

void AppendRepr(Interpreter& run, const Value& value, MarkedText& out) {
  if (!run.Spend(1)) return;
  if (const MarkedText* text = value.AsText()) {
    if (run.Spend(0, text->size())) AppendReprOfText(*text, out);
  } else if (const List* list = value.AsList()) {
    out.Append(list->tuple ? "(" : "[");
    for (size_t i = 0; i < list->items.size() && !run.failed(); ++i) {
      if (i > 0) out.Append(", ");
      AppendRepr(run, list->items[i], out);
    }
    if (list->tuple && list->items.size() == 1) out.Append(",");
    out.Append(list->tuple ? ")" : "]");
  } else if (const Dict* dict = value.AsDict()) {
    out.Append("{");
    for (size_t i = 0; i < dict->items.size() && !run.failed(); ++i) {
      if (i > 0) out.Append(", ");
      AppendRepr(run, dict->items[i].first, out);
      out.Append(": ");
      AppendRepr(run, dict->items[i].second, out);
    }
    out.Append("}");
  } else if (value.IsUndefined()) {
    out.Append("Undefined");
  } else {
    out.Append(ToText(run, value));
  }
}

class JsonWriter {
 public:
  JsonWriter(Interpreter& run, const JsonStyle& style) : run_(run), style_(style) {}

  void Write(const Value& value, size_t level) {
    if (!run_.Spend(1)) return;
    if (const MarkedText* text = value.AsText()) {
      String(*text);
    } else if (const List* list = value.AsList()) {
      Container('[', ']', list->items.size(), level,
                [&](size_t i) { Write(list->items[i], level + 1); });
    } else if (const Dict* dict = value.AsDict()) {
      const std::vector<size_t> order = Order(*dict);
      Container('{', '}', dict->items.size(), level, [&](size_t i) {
        Key(dict->items[order[i]].first);
        out_.Append(style_.colon);
        Write(dict->items[order[i]].second, level + 1);
      });
    } else if (value.IsBool()) {
      out_.Append(value.Truth() ? "true" : "false");
    } else if (value.IsNone()) {
      out_.Append("null");
    } else if (const double* number = value.Get<double>()) {
      out_.Append(std::isnan(*number)   ? "NaN"
                  : std::isinf(*number) ? (*number > 0 ? "Infinity" : "-Infinity")
                                        : FloatToText(*number));
    } else if (value.IsInt()) {
      out_.Append(ToText(run_, value));
    } else {
      run_.Fail(fmt::format("tojson of a value of type {}", value.TypeName()),
                "text, number, bool, none, list or dict");
    }
  }

  MarkedText Take() { return std::move(out_); }

 private:
  std::vector<size_t> Order(const Dict& dict) {
    std::vector<size_t> order(dict.items.size());
    for (size_t i = 0; i < order.size(); ++i) order[i] = i;
    if (style_.sort_keys) {
      std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
        return Less(run_, dict.items[a].first, dict.items[b].first);
      });
    }
    return order;
  }

  template <typename WriteItem>
  void Container(char open, char close, size_t count, size_t level, const WriteItem& write_item) {
    out_.Append(std::string_view(&open, 1));
    for (size_t i = 0; i < count && !run_.failed(); ++i) {
      if (i > 0) out_.Append(style_.comma);
      NewLine(level + 1);
      write_item(i);
    }
    if (count > 0) NewLine(level);
    out_.Append(std::string_view(&close, 1));
  }

  void NewLine(size_t level) {
    if (!style_.broken || !run_.Spend(0, 1 + level * style_.indent.size())) return;
    out_.Append("\n");
    for (size_t i = 0; i < level; ++i) out_.Append(style_.indent);
  }

  void Key(const Value& key) {
    if (const MarkedText* text = key.AsText()) return String(*text);
    out_.Append("\"");
    if (key.IsNone()) {
      out_.Append("null");
    } else if (key.IsBool()) {
      out_.Append(key.Truth() ? "true" : "false");
    } else {
      out_.Append(ToText(run_, key));
    }
    out_.Append("\"");
  }

  void String(const MarkedText& value) {
    const std::string& text = value.text();
    if (!run_.Spend(static_cast<int64_t>(text.size() / 64), text.size())) return;
    out_.Append("\"");
    for (size_t pos = 0; pos < text.size();) {
      const Utf8Step step = NextUtf8(text, pos);
      Character(value, pos, step);
      pos += step.length;
    }
    out_.Append("\"");
  }

  void Character(const MarkedText& value, size_t pos, const Utf8Step& step) {
    const char c = value.text()[pos];
    constexpr std::string_view kPlain = "\"\\\n\r\t\b\f", kLetters = "\"\\nrtbf";
    if (const size_t index = kPlain.find(c); index != std::string_view::npos) {
      out_.Append("\\");
      out_.Append(kLetters.substr(index, 1));
    } else if (static_cast<uint8_t>(c) < 0x20 ||
               (style_.ascii && (static_cast<uint8_t>(c) >= 0x7F))) {
      const char32_t code = step.kind == Utf8Step::Kind::kCharacter ? step.code : 0xFFFD;
      if (code >= 0x10000) {
        out_.Append(fmt::format("\\u{:04x}\\u{:04x}", 0xD800 + ((code - 0x10000) >> 10),
                                0xDC00 + ((code - 0x10000) & 0x3FF)));
      } else {
        out_.Append(fmt::format("\\u{:04x}", static_cast<uint32_t>(code)));
      }
    } else {
      out_.AppendSlice(value, pos, pos + step.length);
    }
  }

  Interpreter& run_;
  const JsonStyle& style_;
  MarkedText out_;
};

}  // namespace

std::string FloatToText(double number) {
  if (std::isnan(number)) return "nan";
  if (std::isinf(number)) return number > 0 ? "inf" : "-inf";
  std::string text = fmt::format("{}", number);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

MarkedText ToText(Interpreter& run, const Value& value) {
  if (const MarkedText* text = value.AsText()) return *text;
  if (const int64_t* number = value.Get<int64_t>()) {
    return MarkedText(fmt::format("{}", *number));
  }
  if (const double* number = value.Get<double>()) return MarkedText(FloatToText(*number));
  if (value.IsBool()) return MarkedText(value.Truth() ? "True" : "False");
  if (value.IsNone()) return MarkedText("None");
  if (value.AsList() != nullptr || value.AsDict() != nullptr) return ToRepr(run, value);
  if (value.IsUndefined()) return {};
  run.Fail(fmt::format("a value of type {} printed", value.TypeName()), "text");
  return {};
}

MarkedText ToRepr(Interpreter& run, const Value& value) {
  MarkedText out;
  AppendRepr(run, value, out);
  return out;
}

MarkedText ToJson(Interpreter& run, const Value& value, const JsonStyle& style) {
  JsonWriter writer(run, style);
  writer.Write(value, 0);
  return writer.Take();
}

}  // namespace burin::jinja
