// Methods of texts, lists and dicts. Those that would change their object are refused, as the
// sandbox of Hugging Face does.
#include <unicode/uchar.h>

#include <algorithm>
#include <span>

#include "text/jinja/interpreter.h"
#include "text/jinja/strings.h"
#include "text/utf8.h"

namespace burin::jinja {
namespace {

using Self = const Value&;
using Given = const Arguments&;

const MarkedText& Me(Self self) { return *self.AsText(); }

// Argument 0 as text; null after a message.
const MarkedText* TextArgument(Interpreter& run, Given arguments, size_t index = 0) {
  if (index >= arguments.positional.size()) {
    run.Fail("a method without its argument", "text");
    return nullptr;
  }
  return NeedText(run, arguments.positional[index], "an argument");
}

template <bool kLeft, bool kRight>
Value StripMethod(Interpreter& run, Self self, Given arguments) {
  std::optional<std::string> set;
  if (!arguments.positional.empty() && !arguments.positional[0].IsNone()) {
    const MarkedText* given = TextArgument(run, arguments);
    if (given == nullptr) return {};
    set = given->text();
  }
  if (!run.Spend(1, Me(self).size())) return {};
  return Value(Strip(Me(self), set, kLeft, kRight));
}

template <bool kFromRight>
Value SplitMethod(Interpreter& run, Self self, Given arguments) {
  std::optional<std::string> separator;
  if (const Value* given = arguments.Find(0, "sep"); given != nullptr && !given->IsNone()) {
    const MarkedText* text = NeedText(run, *given, "a separator");
    if (text == nullptr) return {};
    if (text->empty()) return run.Fail("an empty separator");
    separator = text->text();
  }
  const auto most = NeedInt(run, arguments, 1, "maxsplit", -1);
  if (!most) return {};
  List list;
  list.items = Split(run, Me(self), separator, *most, kFromRight);
  return Value(std::move(list));
}

Value SplitlinesMethod(Interpreter& run, Self self, Given arguments) {
  List list;
  list.items = SplitLines(run, Me(self), Flag(arguments, 0, "keepends", false));
  return Value(std::move(list));
}

template <bool kEnd>
Value AffixMethod(Interpreter& run, Self self, Given arguments) {
  const std::string& text = Me(self).text();
  const auto matches = [&](const Value& value) {
    const MarkedText* affix = NeedText(run, value, "a beginning or end");
    if (affix == nullptr) return false;
    return kEnd ? text.ends_with(affix->text()) : text.starts_with(affix->text());
  };
  if (arguments.positional.empty()) return run.Fail("startswith or endswith without text");
  const Value& given = arguments.positional[0];
  if (const List* list = given.AsList()) {
    return Value(std::any_of(list->items.begin(), list->items.end(), matches));
  }
  return Value(matches(given));
}

template <bool kEnd>
Value RemoveAffixMethod(Interpreter& run, Self self, Given arguments) {
  const MarkedText* affix = TextArgument(run, arguments);
  if (affix == nullptr) return {};
  const MarkedText& text = Me(self);
  if (kEnd && text.text().ends_with(affix->text())) {
    return Value(text.Slice(0, text.size() - affix->size()));
  }
  if (!kEnd && text.text().starts_with(affix->text())) {
    return Value(text.Slice(affix->size(), text.size()));
  }
  return self;
}

Value ReplaceMethod(Interpreter& run, Self self, Given arguments) {
  const MarkedText *from = TextArgument(run, arguments, 0), *to = TextArgument(run, arguments, 1);
  const auto count = NeedInt(run, arguments, 2, "count", -1);
  if (from == nullptr || to == nullptr || !count) return {};
  return Value(Replace(run, Me(self), *from, *to, *count));
}

template <LetterCase kCase>
Value CaseMethod(Interpreter& run, Self self, Given) {
  if (!run.Spend(static_cast<int64_t>(Me(self).size() / 16), Me(self).size())) return {};
  return Value(ToCase(Me(self), kCase));
}

Value JoinMethod(Interpreter& run, Self self, Given arguments) {
  if (arguments.positional.empty()) return run.Fail("join without a list");
  const std::vector<Value> items = run.Items(arguments.positional[0]);
  for (const Value& item : items) {
    if (NeedText(run, item, "an item to join") == nullptr) return {};
  }
  return Value(Join(run, Me(self), items));
}

// find, rfind, index, rindex: the place in characters.
template <bool kLast, bool kMust>
Value FindPart(Interpreter& run, Self self, Given arguments) {
  const MarkedText* part = TextArgument(run, arguments);
  if (part == nullptr) return {};
  if (arguments.positional.size() > 1) return run.Fail("find with bounds", "one argument");
  const std::string& text = Me(self).text();
  const size_t hit = kLast ? text.rfind(part->text()) : text.find(part->text());
  if (!run.Spend(static_cast<int64_t>(text.size() / 16))) return {};
  if (hit == std::string::npos) {
    return kMust ? run.Fail("index of a text that is not there") : Value(int64_t{-1});
  }
  return Value(static_cast<int64_t>(CharacterStarts(std::string_view(text).substr(0, hit)).size()) -
               1);
}

Value CountMethod(Interpreter& run, Self self, Given arguments) {
  const MarkedText* part = TextArgument(run, arguments);
  if (part == nullptr) return {};
  if (part->empty()) return Value(static_cast<int64_t>(CharacterStarts(Me(self).text()).size()));
  int64_t count = 0;
  for (size_t hit = 0; (hit = Me(self).text().find(part->text(), hit)) != std::string::npos;
       hit += part->size()) {
    ++count;
    if (!run.Spend(1)) break;
  }
  return Value(count);
}

template <bool (*kIs)(char32_t)>
Value EachMethod(Interpreter& run, Self self, Given) {
  const std::string& text = Me(self).text();
  if (!run.Spend(static_cast<int64_t>(text.size() / 16))) return {};
  for (size_t pos = 0; pos < text.size();) {
    const Utf8Step step = NextUtf8(text, pos);
    if (!kIs(step.code)) return Value(false);
    pos += step.length;
  }
  return Value(!text.empty());
}

bool IsDigit(char32_t code) { return u_isdigit(static_cast<UChar32>(code)); }
bool IsLetter(char32_t code) { return u_isalpha(static_cast<UChar32>(code)); }
bool IsLetterOrDigit(char32_t code) { return IsLetter(code) || IsDigit(code); }

template <const char* const& kTest>
Value TestMethod(Interpreter& run, Self self, Given) {
  return Value(run.Test(kTest, self, {}));
}
constexpr const char* kUpperTest = "upper";
constexpr const char* kLowerTest = "lower";

enum class Side { kLeft, kRight, kBoth, kZeros };

template <Side kSide>
Value PadMethod(Interpreter& run, Self self, Given arguments) {
  const auto width = NeedInt(run, arguments, 0, "width", 0);
  if (!width) return {};
  MarkedText unit(kSide == Side::kZeros ? "0" : " ");
  if (kSide != Side::kZeros && arguments.positional.size() > 1) {
    const MarkedText* given = TextArgument(run, arguments, 1);
    if (given == nullptr) return {};
    unit = *given;
  }
  const MarkedText& text = Me(self);
  const auto length = static_cast<int64_t>(CharacterStarts(text.text()).size()) - 1;
  if (*width <= length) return self;
  const int64_t pad = *width - length;
  int64_t before = 0;
  if (kSide == Side::kRight || kSide == Side::kZeros) before = pad;
  if (kSide == Side::kBoth) before = pad / 2 + (pad & *width & 1);
  const bool sign =
      kSide == Side::kZeros && !text.empty() && (text.text()[0] == '-' || text.text()[0] == '+');
  MarkedText out;
  if (sign) out.AppendSlice(text, 0, 1);
  out.Append(Repeat(run, unit, before));
  out.AppendSlice(text, sign ? 1 : 0, text.size());
  out.Append(Repeat(run, unit, pad - before));
  return Value(std::move(out));
}

template <bool kLast>
Value PartitionMethod(Interpreter& run, Self self, Given arguments) {
  const MarkedText* separator = TextArgument(run, arguments);
  if (separator == nullptr) return {};
  if (separator->empty()) return run.Fail("an empty separator");
  const MarkedText& text = Me(self);
  const size_t hit =
      kLast ? text.text().rfind(separator->text()) : text.text().find(separator->text());
  const Value nothing = Value::Own("");
  List list;
  list.tuple = true;
  if (hit == std::string::npos) {
    list.items = kLast ? std::vector<Value>{nothing, nothing, self}
                       : std::vector<Value>{self, nothing, nothing};
  } else {
    const size_t behind = hit + separator->size();
    list.items = {Value(text.Slice(0, hit)), Value(text.Slice(hit, behind)),
                  Value(text.Slice(behind, text.size()))};
  }
  return Value(std::move(list));
}

// {} and {0} and {name}, without format specifications.
Value FormatMethod(Interpreter& run, Self self, Given arguments) {
  const MarkedText& format = Me(self);
  const std::string& text = format.text();
  MarkedText out;
  size_t next = 0, done = 0;
  for (size_t at; (at = text.find_first_of("{}", done)) != std::string::npos;) {
    out.AppendSlice(format, done, at);
    if (at + 1 < text.size() && text[at + 1] == text[at]) {
      out.AppendSlice(format, at, at + 1);
      done = at + 2;
      continue;
    }
    const size_t close = text.find('}', at);
    if (text[at] == '}' || close == std::string::npos) return run.Fail("a wrong format text");
    const std::string name = text.substr(at + 1, close - at - 1);
    size_t index = arguments.positional.size();
    if (name.empty()) {
      index = next++;
    } else if (name.size() < 4 &&
               std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; })) {
      index = static_cast<size_t>(std::stoi(name));
    }
    const Value* value = arguments.Find(index, name);
    if (value == nullptr) return run.Fail("no value for '{" + name + "}' of a format");
    out.Append(run.Print(*value));
    if (!run.Spend(1, out.size())) return {};
    done = close + 1;
  }
  out.AppendSlice(format, done, text.size());
  return Value(std::move(out));
}

Value ListIndex(Interpreter& run, Self self, Given arguments) {
  if (arguments.positional.empty()) return run.Fail("index without a value");
  const std::vector<Value>& items = self.AsList()->items;
  for (size_t i = 0; i < items.size(); ++i) {
    if (Equal(items[i], arguments.positional[0], run.steps_left())) {
      return Value(static_cast<int64_t>(i));
    }
  }
  return run.Fail("index of a value that is not in the list");
}

Value ListCount(Interpreter& run, Self self, Given arguments) {
  if (arguments.positional.empty()) return run.Fail("count without a value");
  const std::vector<Value>& items = self.AsList()->items;
  return Value(static_cast<int64_t>(std::count_if(items.begin(), items.end(), [&](const Value& v) {
    return Equal(v, arguments.positional[0], run.steps_left());
  })));
}

Value DictGet(Interpreter& run, Self self, Given arguments) {
  if (arguments.positional.empty()) return run.Fail("get without a key");
  if (const Value* found = self.AsDict()->Find(arguments.positional[0])) return *found;
  const Value* fallback = arguments.Find(1, "default");
  return fallback != nullptr ? *fallback : Value(None{});
}

Value DictItems(Interpreter& run, Self self, Given) { return run.Filter("items", self, {}); }
Value DictKeys(Interpreter& run, Self self, Given) { return run.Filter("list", self, {}); }
Value DictValues(Interpreter& run, Self self, Given) {
  List list;
  for (const auto& [key, value] : self.AsDict()->items) list.items.push_back(value);
  if (!run.Spend(static_cast<int64_t>(list.items.size()))) return {};
  return Value(std::move(list));
}
Value Copy(Interpreter&, Self self, Given) { return self; }

Value Refused(Interpreter& run, Self self, Given) {
  return run.Fail(fmt::format("a method that changes a {}", self.TypeName()),
                  "a new value, or a namespace");
}

struct Entry {
  std::string_view name;
  BuiltinFilter method;
};

constexpr Entry kTextMethods[] = {
    {"capitalize", CaseMethod<LetterCase::kCapitalize>},
    {"center", PadMethod<Side::kBoth>},
    {"count", CountMethod},
    {"endswith", AffixMethod<true>},
    {"find", FindPart<false, false>},
    {"format", FormatMethod},
    {"index", FindPart<false, true>},
    {"isalnum", EachMethod<IsLetterOrDigit>},
    {"isalpha", EachMethod<IsLetter>},
    {"isdecimal", EachMethod<IsDigit>},
    {"isdigit", EachMethod<IsDigit>},
    {"islower", TestMethod<kLowerTest>},
    {"isnumeric", EachMethod<IsDigit>},
    {"isspace", EachMethod<IsPythonSpace>},
    {"isupper", TestMethod<kUpperTest>},
    {"join", JoinMethod},
    {"ljust", PadMethod<Side::kLeft>},
    {"lower", CaseMethod<LetterCase::kLower>},
    {"lstrip", StripMethod<true, false>},
    {"partition", PartitionMethod<false>},
    {"removeprefix", RemoveAffixMethod<false>},
    {"removesuffix", RemoveAffixMethod<true>},
    {"replace", ReplaceMethod},
    {"rfind", FindPart<true, false>},
    {"rindex", FindPart<true, true>},
    {"rjust", PadMethod<Side::kRight>},
    {"rpartition", PartitionMethod<true>},
    {"rsplit", SplitMethod<true>},
    {"rstrip", StripMethod<false, true>},
    {"split", SplitMethod<false>},
    {"splitlines", SplitlinesMethod},
    {"startswith", AffixMethod<false>},
    {"strip", StripMethod<true, true>},
    {"swapcase", CaseMethod<LetterCase::kSwap>},
    {"title", CaseMethod<LetterCase::kTitle>},
    {"upper", CaseMethod<LetterCase::kUpper>},
    {"zfill", PadMethod<Side::kZeros>},
};

constexpr Entry kListMethods[] = {
    {"append", Refused}, {"clear", Refused},   {"copy", Copy},      {"count", ListCount},
    {"extend", Refused}, {"index", ListIndex}, {"insert", Refused}, {"pop", Refused},
    {"remove", Refused}, {"reverse", Refused}, {"sort", Refused},
};

constexpr Entry kDictMethods[] = {
    {"clear", Refused},  {"copy", Copy},         {"get", DictGet},     {"items", DictItems},
    {"keys", DictKeys},  {"pop", Refused},       {"popitem", Refused}, {"setdefault", Refused},
    {"update", Refused}, {"values", DictValues},
};

}  // namespace

BuiltinFilter FindMethod(const Value& self, std::string_view name) {
  std::span<const Entry> methods;
  if (self.AsText() != nullptr) methods = kTextMethods;
  if (self.AsList() != nullptr) methods = kListMethods;
  if (self.AsDict() != nullptr) methods = kDictMethods;
  for (const Entry& entry : methods) {
    if (entry.name == name) return entry.method;
  }
  return nullptr;
}

}  // namespace burin::jinja
