// Python's operators.
#include <algorithm>
#include <cmath>

#include "text/jinja/interpreter.h"
#include "text/jinja/strings.h"
#include "text/jinja/to_text.h"

namespace burin::jinja {
namespace {

Value Mismatch(Interpreter& run, const std::string& op, const Value& a, const Value& b) {
  for (const Value* value : {&a, &b}) {
    if (const Undefined* missing = value->Get<Undefined>()) {
      return run.Fail(fmt::format("'{}' is undefined", missing->hint),
                      fmt::format("a value for '{}'", op));
    }
  }
  return run.Fail(fmt::format("'{}' between {} and {}", op, a.TypeName(), b.TypeName()));
}

Value Overflow(Interpreter& run) { return run.Fail("an integer that needs more than 64 bits"); }

Value IntegerPower(Interpreter& run, int64_t base, int64_t exponent) {
  if (exponent < 0) {
    return Value(std::pow(static_cast<double>(base), static_cast<double>(exponent)));
  }
  int64_t result = 1;
  if (base == 0 || base == 1 || base == -1) {
    return Value(exponent == 0 || base == 1 ? int64_t{1}
                 : base == 0                ? int64_t{0}
                 : exponent % 2 == 0        ? int64_t{1}
                                            : int64_t{-1});
  }
  for (; exponent > 0; --exponent) {
    if (__builtin_mul_overflow(result, base, &result)) return Overflow(run);
  }
  return Value(result);
}

Value IntegerOperator(Interpreter& run, const std::string& op, int64_t a, int64_t b) {
  int64_t result = 0;
  if (op == "+") return __builtin_add_overflow(a, b, &result) ? Overflow(run) : Value(result);
  if (op == "-") return __builtin_sub_overflow(a, b, &result) ? Overflow(run) : Value(result);
  if (op == "*") return __builtin_mul_overflow(a, b, &result) ? Overflow(run) : Value(result);
  if (op == "**") return IntegerPower(run, a, b);
  if (b == 0) return run.Fail("a division by zero");
  if (op == "/") return Value(static_cast<double>(a) / static_cast<double>(b));
  if (a == INT64_MIN && b == -1) return Overflow(run);
  const int64_t rest = a % b;
  const bool round_down = rest != 0 && (rest < 0) != (b < 0);  // Python rounds to minus infinity
  if (op == "//") return Value(a / b - (round_down ? 1 : 0));
  return Value(round_down ? rest + b : rest);
}

Value FloatOperator(Interpreter& run, const std::string& op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") return Value(std::pow(a, b));
  if (b == 0) return run.Fail("a division by zero");
  if (op == "/") return Value(a / b);
  if (op == "//") return Value(std::floor(a / b));
  const double rest = std::fmod(a, b);
  return Value(rest != 0 && (rest < 0) != (b < 0) ? rest + b : rest);
}

Value Concatenate(Interpreter& run, const List& a, const List& b) {
  if (!run.Spend(static_cast<int64_t>(a.items.size() + b.items.size()))) return {};
  List list{a.items, a.tuple};
  list.items.insert(list.items.end(), b.items.begin(), b.items.end());
  return run.Made(Value(std::move(list)));
}

Value Times(Interpreter& run, const Value& value, int64_t count) {
  if (const MarkedText* text = value.AsText()) return Value(Repeat(run, *text, count));
  List list;
  const List& source = *value.AsList();
  list.tuple = source.tuple;
  for (; count > 0 && !source.items.empty(); --count) {
    if (!run.Spend(static_cast<int64_t>(source.items.size()))) return {};
    list.items.insert(list.items.end(), source.items.begin(), source.items.end());
  }
  return run.Made(Value(std::move(list)));
}

// "text %s" % values: %s, %d, %r and %%.
Value FormatPercent(Interpreter& run, const MarkedText& format, const Value& values) {
  std::vector<Value> items = {values};
  if (values.AsList() != nullptr && values.AsList()->tuple) items = values.AsList()->items;
  const std::string& text = format.text();
  MarkedText out;
  size_t next = 0, done = 0;
  for (size_t at; (at = text.find('%', done)) != std::string::npos; done = at + 2) {
    out.AppendSlice(format, done, at);
    const char type = at + 1 < text.size() ? text[at + 1] : '\0';
    if (type == '%') {
      out.Append("%");
    } else if (std::string_view("sdr").find(type) == std::string_view::npos || type == '\0') {
      return run.Fail("a format other than %s, %d, %r");
    } else if (next >= items.size()) {
      return run.Fail("too few values for a format");
    } else {
      const Value& item = items[next++];
      out.Append(type == 'r' ? ToRepr(run, item) : run.Print(item));
    }
    if (!run.Spend(1, out.size())) return {};
  }
  out.AppendSlice(format, done, text.size());
  return Value(std::move(out));
}

// -1, 0, 1; 2 when the two have no order.
int Order(Interpreter& run, const Value& a, const Value& b, int depth) {
  if (!run.Spend(1) || depth > kMaxValueDepth) return 2;
  int64_t ia = 0, ib = 0;
  if (a.AsInt(&ia) && b.AsInt(&ib)) return ia < ib ? -1 : (ia > ib ? 1 : 0);
  double x = 0, y = 0;
  if (a.AsNumber(&x) && b.AsNumber(&y)) return x < y ? -1 : (x > y ? 1 : (x == y ? 0 : 2));
  if (a.AsText() != nullptr && b.AsText() != nullptr) {
    const int order = a.AsText()->text().compare(b.AsText()->text());
    return order < 0 ? -1 : (order > 0 ? 1 : 0);
  }
  const List *la = a.AsList(), *lb = b.AsList();
  if (la == nullptr || lb == nullptr) return 2;
  for (size_t i = 0; i < std::min(la->items.size(), lb->items.size()); ++i) {
    const int order = Order(run, la->items[i], lb->items[i], depth + 1);
    if (order != 0) return order;
  }
  return la->items.size() < lb->items.size() ? -1 : (la->items.size() > lb->items.size() ? 1 : 0);
}

bool EqualOrFail(Interpreter& run, const Value& a, const Value& b) {
  const bool equal = Equal(a, b, run.steps_left());
  return run.Spend(0) && equal;
}

}  // namespace

Value BinaryOperator(Interpreter& run, const std::string& op, const Value& a, const Value& b) {
  int64_t ia = 0, ib = 0;
  if (a.AsInt(&ia) && b.AsInt(&ib)) return IntegerOperator(run, op, ia, ib);
  double x = 0, y = 0;
  if (a.AsNumber(&x) && b.AsNumber(&y)) return FloatOperator(run, op, x, y);
  if (op == "+" && a.AsText() != nullptr && b.AsText() != nullptr) {
    if (!run.Spend(0, a.AsText()->size() + b.AsText()->size())) return {};
    MarkedText text = *a.AsText();
    text.Append(*b.AsText());
    return Value(std::move(text));
  }
  if (op == "+" && a.AsList() != nullptr && b.AsList() != nullptr &&
      a.AsList()->tuple == b.AsList()->tuple) {
    return Concatenate(run, *a.AsList(), *b.AsList());
  }
  if (op == "*" && (a.AsText() != nullptr || a.AsList() != nullptr) && b.AsInt(&ib)) {
    return Times(run, a, ib);
  }
  if (op == "*" && (b.AsText() != nullptr || b.AsList() != nullptr) && a.AsInt(&ia)) {
    return Times(run, b, ia);
  }
  if (op == "%" && a.AsText() != nullptr) return FormatPercent(run, *a.AsText(), b);
  return Mismatch(run, op, a, b);
}

bool Contains(Interpreter& run, const Value& container, const Value& item) {
  if (const MarkedText* text = container.AsText()) {
    const MarkedText* part = NeedText(run, item, "what is looked for in text");
    return part != nullptr && run.Spend(static_cast<int64_t>(text->size() / 64)) &&
           text->text().find(part->text()) != std::string::npos;
  }
  if (const List* list = container.AsList()) {
    return std::any_of(list->items.begin(), list->items.end(),
                       [&](const Value& value) { return EqualOrFail(run, value, item); });
  }
  if (const Dict* dict = container.AsDict()) return dict->Find(item) != nullptr;
  if (!container.IsUndefined()) {
    run.Fail(fmt::format("'in' a value of type {}", container.TypeName()),
             "text, a list or a dict");
  }
  return false;
}

bool CompareOperator(Interpreter& run, const std::string& op, const Value& a, const Value& b) {
  if (op == "==") return EqualOrFail(run, a, b);
  if (op == "!=") return !EqualOrFail(run, a, b);
  if (op == "in") return Contains(run, b, a);
  if (op == "not in") return !Contains(run, b, a);
  const int order = Order(run, a, b, 0);
  if (order == 2) {
    double x = 0, y = 0;
    if (!a.AsNumber(&x) || !b.AsNumber(&y)) Mismatch(run, op, a, b);
    return false;  // not a number
  }
  if (op == "<") return order < 0;
  if (op == "<=") return order <= 0;
  if (op == ">") return order > 0;
  return order >= 0;
}

bool Less(Interpreter& run, const Value& a, const Value& b) {
  return CompareOperator(run, "<", a, b);
}

std::vector<Value> Interpreter::Items(const Value& value) {
  if (failed()) return {};
  std::vector<Value> items;
  if (const List* list = value.AsList()) {
    if (Spend(static_cast<int64_t>(list->items.size()))) items = list->items;
  } else if (const Dict* dict = value.AsDict()) {
    if (Spend(static_cast<int64_t>(dict->items.size()))) {
      for (const auto& [key, item] : dict->items) items.push_back(key);
    }
  } else if (const MarkedText* text = value.AsText()) {
    if (!Spend(static_cast<int64_t>(text->size()), text->size())) return {};
    const std::vector<size_t> starts = CharacterStarts(text->text());
    for (size_t i = 0; i + 1 < starts.size(); ++i) {
      items.emplace_back(text->Slice(starts[i], starts[i + 1]));
    }
  } else if (!value.IsUndefined()) {
    Fail(fmt::format("items of a value of type {}", value.TypeName()), "a list");
  }
  return items;
}

Value Sliced(Interpreter& run, const Value& value, const Value& start, const Value& stop,
             const Value& step) {
  if (value.AsText() == nullptr && value.AsList() == nullptr) {
    return Mismatch(run, "a slice", value, Value(None{}));
  }
  int64_t by = 1, from = 0, to = 0;
  if ((!step.IsNone() && !step.AsInt(&by)) || by == 0) return run.Fail("a wrong step of a slice");
  if ((!start.IsNone() && !start.AsInt(&from)) || (!stop.IsNone() && !stop.AsInt(&to))) {
    return run.Fail("bounds of a slice that are no integers");
  }
  const MarkedText* text = value.AsText();
  std::vector<size_t> starts;
  if (text != nullptr) {
    if (!run.Spend(static_cast<int64_t>(text->size() / 16), text->size())) return {};
    starts = CharacterStarts(text->text());
  }
  const auto size =
      static_cast<int64_t>(text != nullptr ? starts.size() - 1 : value.AsList()->items.size());
  const int64_t low = by > 0 ? 0 : -1, high = by > 0 ? size : size - 1;
  const auto place = [&](const Value& bound, int64_t index, int64_t fallback) {
    if (bound.IsNone()) return fallback;
    return std::clamp(index < 0 ? index + size : index, low, high);
  };
  from = place(start, from, by > 0 ? low : high);
  to = place(stop, to, by > 0 ? high : low);
  if (text != nullptr && by == 1) {
    if (from >= to) return Value(MarkedText());
    return Value(text->Slice(starts[static_cast<size_t>(from)], starts[static_cast<size_t>(to)]));
  }
  List list;
  list.tuple = text == nullptr && value.AsList()->tuple;
  MarkedText out;
  for (int64_t i = from; by > 0 ? i < to : i > to; i += by) {
    if (!run.Spend(1)) return {};
    const auto at = static_cast<size_t>(i);
    if (text != nullptr) {
      out.AppendSlice(*text, starts[at], starts[at + 1]);
    } else {
      list.items.push_back(value.AsList()->items[at]);
    }
    if (by > size || by < -size) break;  // i + by could overflow
  }
  return text != nullptr ? Value(std::move(out)) : run.Made(Value(std::move(list)));
}

}  // namespace burin::jinja
