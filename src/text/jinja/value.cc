#include "text/jinja/value.h"

#include <fmt/format.h>

#include <algorithm>

namespace burin::jinja {
namespace {

// Equal keys give equal strings.
std::string KeyOf(const Value& key) {
  if (const MarkedText* text = key.AsText()) return "s" + text->text();
  if (int64_t number; key.AsInt(&number)) return fmt::format("i{}", number);
  if (const double* number = key.Get<double>()) {
    if (*number > -9e15 && *number < 9e15 &&
        *number == static_cast<double>(static_cast<int64_t>(*number))) {
      return fmt::format("i{}", static_cast<int64_t>(*number));
    }
    return fmt::format("f{}", *number);
  }
  return "n";
}

}  // namespace

Value::Value(List value) {
  for (const Value& item : value.items) value.depth = std::max(value.depth, item.Depth());
  ++value.depth;
  data_ = std::make_shared<const List>(std::move(value));
}
Value::Value(Dict value) {
  for (const auto& [key, item] : value.items) value.depth = std::max(value.depth, item.Depth());
  ++value.depth;
  data_ = std::make_shared<const Dict>(std::move(value));
}
Value::Value(Callable value) : data_(std::make_shared<const Callable>(std::move(value))) {}

int Value::Depth() const {
  if (const List* list = AsList()) return list->depth;
  if (const Dict* dict = AsDict()) return dict->depth;
  if (const Callable* callable = AsCallable()) return callable->depth + 1;
  return AsNamespace() != nullptr || AsLoop() != nullptr ? kMaxValueDepth : 0;
}

const MarkedText* Value::AsText() const {
  const auto* text = Get<Text>();
  return text != nullptr ? text->get() : nullptr;
}
const List* Value::AsList() const {
  const auto* list = Get<std::shared_ptr<const List>>();
  return list != nullptr ? list->get() : nullptr;
}
const Dict* Value::AsDict() const {
  const auto* dict = Get<std::shared_ptr<const Dict>>();
  return dict != nullptr ? dict->get() : nullptr;
}
const Loop* Value::AsLoop() const {
  const auto* loop = Get<std::shared_ptr<const Loop>>();
  return loop != nullptr ? loop->get() : nullptr;
}
Namespace* Value::AsNamespace() const {
  const auto* space = Get<std::shared_ptr<Namespace>>();
  return space != nullptr ? space->get() : nullptr;
}
const Callable* Value::AsCallable() const {
  const auto* callable = Get<std::shared_ptr<const Callable>>();
  return callable != nullptr ? callable->get() : nullptr;
}

bool Value::AsInt(int64_t* out) const {
  if (const auto* number = Get<int64_t>()) {
    *out = *number;
    return true;
  }
  if (const auto* flag = Get<bool>()) {
    *out = *flag ? 1 : 0;
    return true;
  }
  return false;
}

bool Value::AsNumber(double* out) const {
  if (const auto* number = Get<double>()) {
    *out = *number;
    return true;
  }
  int64_t integer = 0;
  if (!AsInt(&integer)) return false;
  *out = static_cast<double>(integer);
  return true;
}

bool Value::SameObject(const Value& other) const {
  if (data_.index() != other.data_.index()) return false;
  if (AsText() != nullptr) return AsText()->text() == other.AsText()->text();
  if (AsList() != nullptr) return AsList() == other.AsList();
  if (AsDict() != nullptr) return AsDict() == other.AsDict();
  if (AsNamespace() != nullptr) return AsNamespace() == other.AsNamespace();
  if (AsCallable() != nullptr) return AsCallable() == other.AsCallable();
  if (AsLoop() != nullptr) return AsLoop() == other.AsLoop();
  int64_t steps = 1;
  return Equal(*this, other, steps);
}

bool Value::Truth() const {
  if (IsUndefined() || IsNone()) return false;
  if (double number = 0; AsNumber(&number)) return number != 0;
  if (const MarkedText* text = AsText()) return !text->empty();
  if (const List* list = AsList()) return !list->items.empty();
  if (const Dict* dict = AsDict()) return !dict->items.empty();
  return true;
}

const char* Value::TypeName() const {
  constexpr const char* kNames[] = {"undefined", "none", "bool", "int",       "float",   "str",
                                    "list",      "dict", "loop", "namespace", "function"};
  return kNames[data_.index()];
}

void Dict::Set(Value key, Value value) {
  const auto [place, fresh] = index_.try_emplace(KeyOf(key), items.size());
  if (fresh) {
    items.emplace_back(std::move(key), std::move(value));
  } else {
    items[place->second].second = std::move(value);
  }
}

const Value* Dict::Find(const Value& key) const {
  if (!CanBeKey(key)) return nullptr;
  const auto found = index_.find(KeyOf(key));
  return found == index_.end() ? nullptr : &items[found->second].second;
}

const Value* Dict::Find(std::string_view key) const {
  const auto found = index_.find("s" + std::string(key));
  return found == index_.end() ? nullptr : &items[found->second].second;
}

bool Dict::CanBeKey(const Value& key) {
  double number = 0;
  return key.AsText() != nullptr || key.AsNumber(&number) || key.IsNone();
}

const Value* Arguments::Find(size_t index, std::string_view name) const {
  if (index < positional.size()) return &positional[index];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

bool Equal(const Value& a, const Value& b, int64_t& steps) {
  if (--steps < 0) return false;
  if (const auto* x = a.Get<int64_t>()) {
    if (const auto* y = b.Get<int64_t>()) return *x == *y;
  }
  double x = 0, y = 0;
  if (a.AsNumber(&x)) return b.AsNumber(&y) && x == y;
  if (const MarkedText* text = a.AsText()) {
    return b.AsText() != nullptr && text->text() == b.AsText()->text();
  }
  if (const List* list = a.AsList()) {
    const List* other = b.AsList();
    if (other == nullptr || list->tuple != other->tuple) return false;
    if (list->items.size() != other->items.size()) return false;
    for (size_t i = 0; i < list->items.size(); ++i) {
      if (!Equal(list->items[i], other->items[i], steps)) return false;
    }
    return true;
  }
  if (const Dict* dict = a.AsDict()) {
    const Dict* other = b.AsDict();
    if (other == nullptr || dict->items.size() != other->items.size()) return false;
    for (const auto& [key, value] : dict->items) {
      const Value* match = other->Find(key);
      if (match == nullptr || !Equal(value, *match, steps)) return false;
    }
    return true;
  }
  if (a.IsNone()) return b.IsNone();
  if (a.IsUndefined()) return b.IsUndefined();
  return a.SameObject(b);
}

}  // namespace burin::jinja
