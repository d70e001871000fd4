// Filters that give texts or numbers.
#include <algorithm>
#include <charconv>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/strings.h"
#include "text/jinja/to_text.h"

namespace burin::jinja {
namespace {

std::optional<std::string> OptionalText(const Arguments& arguments, size_t index,
                                        std::string_view name) {
  const Value* value = arguments.Find(index, name);
  if (value == nullptr || value->AsText() == nullptr) return std::nullopt;
  return value->AsText()->text();
}

template <LetterCase kCase>
Value CaseFilter(Interpreter& run, const Value& input, const Arguments&) {
  const MarkedText text = run.Print(input);
  if (!run.Spend(static_cast<int64_t>(text.size() / 16), text.size())) return {};
  return Value(ToCase(text, kCase));
}

Value AbsFilter(Interpreter& run, const Value& input, const Arguments&) {
  int64_t number = 0;
  if (input.AsInt(&number))
    return number < 0 ? BinaryOperator(run, "-", Value(int64_t{0}), input) : Value(number);
  if (const double* real = input.Get<double>()) return Value(std::abs(*real));
  return run.Fail(fmt::format("abs of a value of type {}", input.TypeName()), "a number");
}

Value CenterFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const MarkedText text = run.Print(input);
  const auto width = NeedInt(run, arguments, 0, "width", 80);
  if (!width) return {};
  const auto length = static_cast<int64_t>(CharacterStarts(text.text()).size()) - 1;
  if (*width <= length) return Value(text);
  const int64_t pad = *width - length, left = pad / 2 + (pad & *width & 1);
  MarkedText out = Repeat(run, MarkedText(" "), left);
  out.Append(text);
  out.Append(Repeat(run, MarkedText(" "), pad - left));
  return Value(std::move(out));
}

Value EscapeFilter(Interpreter& run, const Value& input, const Arguments&) {
  const MarkedText text = run.Print(input);
  MarkedText out;
  constexpr std::string_view kFrom = "&<>'\"";
  constexpr std::string_view kTo[] = {"&amp;", "&lt;", "&gt;", "&#39;", "&#34;"};
  if (!run.Spend(1, 5 * text.size())) return {};
  for (size_t i = 0; i < text.size(); ++i) {
    const size_t index = kFrom.find(text.text()[i]);
    if (index == std::string_view::npos) {
      out.AppendSlice(text, i, i + 1);
    } else {
      out.Append(kTo[index]);
    }
  }
  return Value(std::move(out));
}

Value FloatFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  double number = 0;
  if (input.AsNumber(&number)) return Value(number);
  if (const MarkedText* text = input.AsText()) {
    const MarkedText trimmed = Strip(*text, std::nullopt, true, true);
    const std::string& bytes = trimmed.text();
    const auto read = std::from_chars(bytes.data(), bytes.data() + bytes.size(), number);
    if (!bytes.empty() && read.ec == std::errc() && read.ptr == bytes.data() + bytes.size()) {
      return Value(number);
    }
  }
  static_cast<void>(run);
  const Value* fallback = arguments.Find(0, "default");
  return fallback != nullptr ? *fallback : Value(0.0);
}

Value IntFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  int64_t number = 0;
  if (input.AsInt(&number)) return Value(number);
  const Value* fallback = arguments.Find(0, "default");
  const auto base = NeedInt(run, arguments, 1, "base", 10);
  if (!base || *base < 2 || *base > 36) return run.Fail("a wrong base of int");
  if (const MarkedText* text = input.AsText()) {
    const MarkedText trimmed = Strip(*text, std::nullopt, true, true);
    std::string_view bytes = trimmed.text();
    if (bytes.starts_with('+')) bytes.remove_prefix(1);
    const auto read =
        std::from_chars(bytes.data(), bytes.data() + bytes.size(), number, static_cast<int>(*base));
    if (!bytes.empty() && read.ec == std::errc() && read.ptr == bytes.data() + bytes.size()) {
      return Value(number);
    }
  }
  const Value real = FloatFilter(run, input, {{Value(std::nan(""))}, {}});
  double value = 0;
  if (real.AsNumber(&value) && value > -9e18 && value < 9e18) {
    return Value(static_cast<int64_t>(value));
  }
  return fallback != nullptr ? *fallback : Value(int64_t{0});
}

Value FormatFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  List values;
  values.tuple = true;
  values.items = arguments.positional;
  return BinaryOperator(run, "%", input, Value(std::move(values)));
}

Value IndentFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const MarkedText text = run.Print(input);
  MarkedText unit("    ");
  if (const Value* width = arguments.Find(0, "width")) {
    int64_t count = 0;
    if (width->AsText() != nullptr) {
      unit = *width->AsText();
    } else if (width->AsInt(&count)) {
      unit = Repeat(run, MarkedText(" "), count);
    }
  }
  const bool first = Flag(arguments, 1, "first", false), blank = Flag(arguments, 2, "blank", false);
  MarkedText out;
  if (first) out.Append(unit);
  size_t begin = 0;
  for (bool rest = false;; rest = true) {
    const size_t end = std::min(text.text().find('\n', begin), text.size());
    if (rest && (blank || end > begin)) out.Append(unit);
    out.AppendSlice(text, begin, end);
    if (end == text.size() || !run.Spend(1, end - begin + unit.size())) break;
    out.Append("\n");
    begin = end + 1;
  }
  return Value(std::move(out));
}

Value ReplaceFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const MarkedText text = run.Print(input);
  const Value *from = arguments.Find(0, "old"), *to = arguments.Find(1, "new");
  const auto count = NeedInt(run, arguments, 2, "count", -1);
  if (from == nullptr || to == nullptr || !count) return run.Fail("replace without old and new");
  return Value(Replace(run, text, run.Print(*from), run.Print(*to), *count));
}

Value RoundFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  double number = 0;
  if (!input.AsNumber(&number)) {
    return run.Fail(fmt::format("round of a value of type {}", input.TypeName()), "a number");
  }
  const auto digits = NeedInt(run, arguments, 0, "precision", 0);
  const auto method = OptionalText(arguments, 1, "method").value_or("common");
  if (!digits || *digits > 300 || *digits < -300) return run.Fail("a wrong precision of round");
  const double scale = std::pow(10.0, static_cast<double>(*digits));
  if (method == "ceil") return Value(std::ceil(number * scale) / scale);
  if (method == "floor") return Value(std::floor(number * scale) / scale);
  if (method != "common") return run.Fail("round by '" + method + "'", "common, ceil or floor");
  if (*digits >= 0 && *digits <= 60) {  // as Python: of the exact decimal value
    double rounded = 0;
    const std::string text = fmt::format("{:.{}f}", number, *digits);
    std::from_chars(text.data(), text.data() + text.size(), rounded);
    return Value(rounded);
  }
  return Value(std::nearbyint(number * scale) / scale);
}

Value StringFilter(Interpreter& run, const Value& input, const Arguments&) {
  return Value(run.Print(input));
}

Value TojsonFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  JsonStyle style;
  style.ascii = Flag(arguments, 0, "ensure_ascii", false);
  const Value* indent = arguments.Find(1, "indent");
  // Jinja2's own tojson has `indent` first: a number in front can only mean that.
  if (!arguments.positional.empty() && arguments.positional[0].IsInt()) {
    indent = &arguments.positional[0];
    style.ascii = false;
  }
  if (indent != nullptr && !indent->IsNone()) {
    int64_t width = 0;
    style.broken = true;
    style.comma = ",";
    if (const MarkedText* text = indent->AsText()) {
      style.indent = text->text();
    } else if (indent->AsInt(&width)) {
      style.indent = Repeat(run, MarkedText(" "), width).text();
    }
  }
  if (const Value* separators = arguments.Find(2, "separators")) {
    if (const List* pair = separators->AsList(); pair != nullptr && pair->items.size() == 2) {
      style.comma = run.Print(pair->items[0]).text();
      style.colon = run.Print(pair->items[1]).text();
    }
  }
  style.sort_keys = Flag(arguments, 3, "sort_keys", false);
  return Value(ToJson(run, input, style));
}

Value TrimFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  return Value(Strip(run.Print(input), OptionalText(arguments, 0, "chars"), true, true));
}

Value TruncateFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const MarkedText text = run.Print(input);
  const auto length = NeedInt(run, arguments, 0, "length", 255);
  const bool kill_words = Flag(arguments, 1, "killwords", false);
  const std::string end = OptionalText(arguments, 2, "end").value_or("...");
  const auto leeway = NeedInt(run, arguments, 3, "leeway", 5);
  if (!length || !leeway || !run.Spend(1, text.size())) return {};
  const std::vector<size_t> starts = CharacterStarts(text.text());
  const auto size = static_cast<int64_t>(starts.size()) - 1;
  const auto end_size = static_cast<int64_t>(CharacterStarts(end).size()) - 1;
  if (*length < end_size) return run.Fail("truncate to less than its end mark");
  if (size <= *length || size - *length <= *leeway) return Value(text);
  MarkedText out = text.Slice(0, starts[static_cast<size_t>(*length - end_size)]);
  if (!kill_words) {
    if (const size_t space = out.text().rfind(' '); space != std::string::npos) {
      out = out.Slice(0, space);
    }
  }
  out.Append(end);
  return Value(std::move(out));
}

Value UrlencodeFilter(Interpreter& run, const Value& input, const Arguments&) {
  std::string out;
  const MarkedText text = run.Print(input);
  if (!run.Spend(1, 3 * text.size())) return {};
  for (const char c : text.text()) {
    const bool plain = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                       std::string_view("_.-~/").find(c) != std::string_view::npos;
    out += plain ? std::string(1, c) : fmt::format("%{:02X}", static_cast<uint8_t>(c));
  }
  return Value(MarkedText(std::move(out), /*foreign=*/true));
}

Value WordcountFilter(Interpreter& run, const Value& input, const Arguments&) {
  return Value(static_cast<int64_t>(Split(run, run.Print(input), std::nullopt, -1, false).size()));
}

struct Entry {
  std::string_view name;
  BuiltinFilter filter;
};

constexpr Entry kFilters[] = {
    {"abs", AbsFilter},
    {"capitalize", CaseFilter<LetterCase::kCapitalize>},
    {"center", CenterFilter},
    {"e", EscapeFilter},
    {"escape", EscapeFilter},
    {"float", FloatFilter},
    {"forceescape", EscapeFilter},
    {"format", FormatFilter},
    {"indent", IndentFilter},
    {"int", IntFilter},
    {"lower", CaseFilter<LetterCase::kLower>},
    {"replace", ReplaceFilter},
    {"round", RoundFilter},
    {"safe", StringFilter},
    {"string", StringFilter},
    {"title", CaseFilter<LetterCase::kJinjaTitle>},
    {"tojson", TojsonFilter},
    {"trim", TrimFilter},
    {"truncate", TruncateFilter},
    {"upper", CaseFilter<LetterCase::kUpper>},
    {"urlencode", UrlencodeFilter},
    {"wordcount", WordcountFilter},
};

}  // namespace

BuiltinFilter FindTextFilter(std::string_view name) {
  for (const Entry& entry : kFilters) {
    if (entry.name == name) return entry.filter;
  }
  return nullptr;
}

}  // namespace burin::jinja
