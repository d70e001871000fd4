// Filters that work on lists and dicts.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/strings.h"

namespace burin::jinja {
namespace {

Value FromItems(Interpreter& run, std::vector<Value> items) {
  List list;
  list.items = std::move(items);
  return run.Made(Value(std::move(list)));
}

// value.a.b, or value[0] for digits, as `attribute` arguments mean it.
Value Path(Interpreter& run, Value value, const std::string& path) {
  for (size_t begin = 0; begin <= path.size();) {
    const size_t end = std::min(path.find('.', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    const bool digits =
        !name.empty() && name.size() < 10 &&
        std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; });
    value = digits ? run.Item(value, Value(int64_t{std::stoi(name)}))
                   : run.Item(value, Value::Own(name));
    begin = end + 1;
  }
  return value;
}

// The value at the argument `attribute`, or the value itself without that.
Value Key(Interpreter& run, const Value& value, const Value* attribute) {
  if (attribute == nullptr || attribute->IsNone()) return value;
  if (attribute->AsText() != nullptr) return Path(run, value, attribute->AsText()->text());
  return run.Item(value, *attribute);
}

Value Folded(const Value& value, bool case_sensitive) {
  if (case_sensitive || value.AsText() == nullptr) return value;
  return Value(ToCase(*value.AsText(), LetterCase::kLower));
}

void Sort(Interpreter& run, std::vector<Value>& items, const Value* attribute, bool case_sensitive,
          bool reverse) {
  std::vector<std::pair<Value, size_t>> keys;
  for (size_t i = 0; i < items.size(); ++i) {
    keys.emplace_back(Folded(Key(run, items[i], attribute), case_sensitive), i);
  }
  if (run.failed()) return;
  const auto before = [&](const auto& a, const auto& b) {
    if (run.failed()) return false;
    return reverse ? Less(run, b.first, a.first) : Less(run, a.first, b.first);
  };
  // A merge sort stays inside its range whatever `before` says.
  std::stable_sort(keys.begin(), keys.end(), before);
  std::vector<Value> sorted;
  sorted.reserve(keys.size());
  for (const auto& [key, index] : keys) sorted.push_back(items[index]);
  items = std::move(sorted);
}

Value DefaultFilter(Interpreter&, const Value& input, const Arguments& arguments) {
  const bool missing =
      input.IsUndefined() || (Flag(arguments, 1, "boolean", false) && !input.Truth());
  if (!missing) return input;
  const Value* fallback = arguments.Find(0, "default_value");
  return fallback != nullptr ? *fallback : Value::Own("");
}

Value LengthFilter(Interpreter& run, const Value& input, const Arguments&) {
  if (const MarkedText* text = input.AsText()) {
    if (!run.Spend(static_cast<int64_t>(text->size() / 16))) return {};
    return Value(static_cast<int64_t>(CharacterStarts(text->text()).size()) - 1);
  }
  if (const List* list = input.AsList()) return Value(static_cast<int64_t>(list->items.size()));
  if (const Dict* dict = input.AsDict()) return Value(static_cast<int64_t>(dict->items.size()));
  if (input.IsUndefined()) return Value(int64_t{0});
  return run.Fail(fmt::format("the length of a value of type {}", input.TypeName()));
}

Value FirstFilter(Interpreter& run, const Value& input, const Arguments&) {
  const std::vector<Value> items = run.Items(input);
  return items.empty() ? Value(Undefined{"the first item of nothing"}) : items.front();
}

Value LastFilter(Interpreter& run, const Value& input, const Arguments&) {
  const std::vector<Value> items = run.Items(input);
  return items.empty() ? Value(Undefined{"the last item of nothing"}) : items.back();
}

Value ListFilter(Interpreter& run, const Value& input, const Arguments&) {
  return FromItems(run, run.Items(input));
}

Value ReverseFilter(Interpreter& run, const Value& input, const Arguments&) {
  std::vector<Value> items = run.Items(input);
  std::reverse(items.begin(), items.end());
  if (input.AsText() != nullptr) return Value(Join(run, MarkedText(), items));
  return FromItems(run, std::move(items));
}

Value JoinFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> items = run.Items(input);
  const Value* attribute = arguments.Find(1, "attribute");
  for (Value& item : items) item = Key(run, item, attribute);
  const Value* separator = arguments.Find(0, "d");
  return Value(Join(run, separator != nullptr ? run.Print(*separator) : MarkedText(), items));
}

Value Pairs(Interpreter& run, const Dict& dict) {
  std::vector<Value> pairs;
  for (const auto& [key, value] : dict.items) {
    if (!run.Spend(1)) break;
    List pair;
    pair.tuple = true;
    pair.items = {key, value};
    pairs.emplace_back(std::move(pair));
  }
  return FromItems(run, std::move(pairs));
}

Value ItemsFilter(Interpreter& run, const Value& input, const Arguments&) {
  if (input.IsUndefined()) return FromItems(run, {});
  if (input.AsDict() == nullptr) return run.Fail("items of what is no dict");
  return Pairs(run, *input.AsDict());
}

Value DictsortFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  if (input.AsDict() == nullptr) return run.Fail("dictsort of what is no dict");
  std::vector<Value> items = run.Items(Pairs(run, *input.AsDict()));
  const Value* by = arguments.Find(1, "by");
  const bool by_value = by != nullptr && by->AsText() != nullptr && by->AsText()->text() == "value";
  const Value index(int64_t{by_value ? 1 : 0});
  Sort(run, items, &index, Flag(arguments, 0, "case_sensitive", false),
       Flag(arguments, 2, "reverse", false));
  return FromItems(run, std::move(items));
}

Value SortFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> items = run.Items(input);
  Sort(run, items, arguments.Find(2, "attribute"), Flag(arguments, 1, "case_sensitive", false),
       Flag(arguments, 0, "reverse", false));
  return FromItems(run, std::move(items));
}

Value UniqueFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> kept, keys;
  const Value* attribute = arguments.Find(1, "attribute");
  for (Value& item : run.Items(input)) {
    const Value key =
        Folded(Key(run, item, attribute), Flag(arguments, 0, "case_sensitive", false));
    const bool seen = std::any_of(keys.begin(), keys.end(), [&](const Value& other) {
      return Equal(key, other, run.steps_left());
    });
    if (!run.Spend(1)) break;
    if (seen) continue;
    keys.push_back(key);
    kept.push_back(std::move(item));
  }
  return FromItems(run, std::move(kept));
}

template <bool kWantMore>
Value ExtremeFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> items = run.Items(input);
  if (items.empty()) return Value(Undefined{"the extreme of nothing"});
  Sort(run, items, arguments.Find(1, "attribute"), Flag(arguments, 0, "case_sensitive", false),
       kWantMore);
  return items.front();
}

Value SumFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const Value* start = arguments.Find(1, "start");
  Value sum = start != nullptr ? *start : Value(int64_t{0});
  for (const Value& item : run.Items(input)) {
    sum = BinaryOperator(run, "+", sum, Key(run, item, arguments.Find(0, "attribute")));
  }
  return sum;
}

Value MapFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> mapped;
  const Value* attribute = arguments.Find(99, "attribute");
  Arguments rest = arguments;
  std::string name;
  if (attribute == nullptr) {
    if (arguments.positional.empty() || arguments.positional[0].AsText() == nullptr) {
      return run.Fail("map without the name of a filter or an attribute");
    }
    name = arguments.positional[0].AsText()->text();
    rest.positional.erase(rest.positional.begin());
  }
  const Value* fallback = arguments.Find(99, "default");
  for (const Value& item : run.Items(input)) {
    if (!run.Spend(1)) break;
    Value value = attribute != nullptr ? Key(run, item, attribute) : run.Filter(name, item, rest);
    if (attribute != nullptr && value.IsUndefined() && fallback != nullptr) value = *fallback;
    mapped.push_back(std::move(value));
  }
  return FromItems(run, std::move(mapped));
}

// select, reject: by a test of the item; selectattr, rejectattr: of one of its attributes.
template <bool kKeep, bool kByAttribute>
Value SelectFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  Arguments rest = arguments;
  const auto take = [&rest]() {
    Value value = rest.positional.empty() ? Value() : rest.positional.front();
    if (!rest.positional.empty()) rest.positional.erase(rest.positional.begin());
    return value;
  };
  Value attribute;
  if (kByAttribute) {
    attribute = take();
    if (attribute.IsUndefined()) return run.Fail("selectattr without an attribute");
  }
  std::string test;
  if (!rest.positional.empty()) {
    const Value name = take();
    if (name.AsText() == nullptr) return run.Fail("a test whose name is no text");
    test = name.AsText()->text();
  }
  std::vector<Value> kept;
  for (Value& item : run.Items(input)) {
    const Value value = kByAttribute ? Key(run, item, &attribute) : item;
    if (!run.Spend(1)) break;
    const bool passes = test.empty() ? value.Truth() : run.Test(test, value, rest);
    if (passes == kKeep) kept.push_back(std::move(item));
  }
  return FromItems(run, std::move(kept));
}

Value GroupbyFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  std::vector<Value> items = run.Items(input);
  const Value* attribute = arguments.Find(0, "attribute");
  Sort(run, items, attribute, Flag(arguments, 2, "case_sensitive", false), false);
  std::vector<Value> groups;
  for (size_t begin = 0; begin < items.size() && !run.failed();) {
    const Value key = Key(run, items[begin], attribute);
    size_t end = begin;
    while (end < items.size() && Equal(Key(run, items[end], attribute), key, run.steps_left()) &&
           run.Spend(1)) {
      ++end;
    }
    end = std::max(end, begin + 1);
    List pair;
    pair.tuple = true;
    pair.items = {key, FromItems(run, {items.begin() + static_cast<ptrdiff_t>(begin),
                                       items.begin() + static_cast<ptrdiff_t>(end)})};
    groups.push_back(run.Made(Value(std::move(pair))));
    begin = end;
  }
  return FromItems(run, std::move(groups));
}

Value BatchFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const auto size = NeedInt(run, arguments, 0, "linecount", 0);
  if (!size || *size < 1) return run.Fail("batches of no items");
  std::vector<Value> batches, batch;
  for (Value& item : run.Items(input)) {
    batch.push_back(std::move(item));
    if (static_cast<int64_t>(batch.size()) == *size) {
      batches.push_back(FromItems(run, std::exchange(batch, {})));
    }
  }
  if (!batch.empty()) {
    const Value* fill = arguments.Find(1, "fill_with");
    while (fill != nullptr && !fill->IsNone() && static_cast<int64_t>(batch.size()) < *size &&
           run.Spend(1)) {
      batch.push_back(*fill);
    }
    batches.push_back(FromItems(run, std::move(batch)));
  }
  return FromItems(run, std::move(batches));
}

Value AttrFilter(Interpreter& run, const Value& input, const Arguments& arguments) {
  const Value* name = arguments.Find(0, "name");
  if (name == nullptr || name->AsText() == nullptr) return run.Fail("attr without a name");
  return run.Attribute(input, name->AsText()->text());
}

struct Entry {
  std::string_view name;
  BuiltinFilter filter;
};

constexpr Entry kFilters[] = {
    {"attr", AttrFilter},
    {"batch", BatchFilter},
    {"count", LengthFilter},
    {"d", DefaultFilter},
    {"default", DefaultFilter},
    {"dictsort", DictsortFilter},
    {"first", FirstFilter},
    {"groupby", GroupbyFilter},
    {"items", ItemsFilter},
    {"join", JoinFilter},
    {"last", LastFilter},
    {"length", LengthFilter},
    {"list", ListFilter},
    {"map", MapFilter},
    {"max", ExtremeFilter<true>},
    {"min", ExtremeFilter<false>},
    {"reject", SelectFilter<false, false>},
    {"rejectattr", SelectFilter<false, true>},
    {"reverse", ReverseFilter},
    {"select", SelectFilter<true, false>},
    {"selectattr", SelectFilter<true, true>},
    {"sort", SortFilter},
    {"sum", SumFilter},
    {"unique", UniqueFilter},
};

}  // namespace

BuiltinFilter FindListFilter(std::string_view name) {
  for (const Entry& entry : kFilters) {
    if (entry.name == name) return entry.filter;
  }
  return nullptr;
}

}  // namespace burin::jinja
