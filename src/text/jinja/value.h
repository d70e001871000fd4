// The values that a template works with: those of Python that Jinja2 templates of chat models use.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

#include "text/marked_text.h"

namespace burin::jinja {

class Interpreter;
class Value;
struct List;
struct Dict;
struct Loop;
struct Namespace;
struct Callable;

struct Undefined {
  std::string hint;  // what was looked for, for the message
};
struct None {};

inline constexpr int kMaxValueDepth = 200;

using Text = std::shared_ptr<const MarkedText>;

// Cheap to copy; what it points to is const, but for a Namespace.
class Value {
 public:
  Value() : data_(Undefined{}) {}
  explicit Value(Undefined value) : data_(std::move(value)) {}
  explicit Value(None value) : data_(value) {}
  explicit Value(bool value) : data_(value) {}
  explicit Value(int64_t value) : data_(value) {}
  explicit Value(double value) : data_(value) {}
  explicit Value(MarkedText value) : data_(std::make_shared<const MarkedText>(std::move(value))) {}
  explicit Value(Text value) : data_(std::move(value)) {}
  explicit Value(List value);
  explicit Value(Dict value);
  explicit Value(std::shared_ptr<const Loop> value) : data_(std::move(value)) {}
  explicit Value(std::shared_ptr<Namespace> value) : data_(std::move(value)) {}
  explicit Value(Callable value);
  // Text of the template itself.
  static Value Own(std::string text) { return Value(MarkedText(std::move(text))); }

  template <typename T>
  const T* Get() const {
    return std::get_if<T>(&data_);
  }
  bool IsUndefined() const { return Get<Undefined>() != nullptr; }
  bool IsNone() const { return Get<None>() != nullptr; }
  // Null when it is something else.
  const MarkedText* AsText() const;
  const List* AsList() const;
  const Dict* AsDict() const;
  const Loop* AsLoop() const;
  Namespace* AsNamespace() const;
  const Callable* AsCallable() const;
  // int, bool (0 or 1); false when it is something else.
  bool AsInt(int64_t* out) const;
  // float, int, bool.
  bool AsNumber(double* out) const;
  bool IsInt() const { return Get<int64_t>() != nullptr; }
  bool IsFloat() const { return Get<double>() != nullptr; }
  bool IsBool() const { return Get<bool>() != nullptr; }
  // True when both are one object.
  bool SameObject(const Value& other) const;

  // Python's truth value.
  bool Truth() const;
  // "str", "int", "dict", ...: as messages name it.
  const char* TypeName() const;
  // How deep containers stand inside it: 0 for a text, 1 for a list of texts. A namespace and a
  // loop have kMaxValueDepth: they are put into nothing, so that no circle can arise.
  int Depth() const;

 private:
  std::variant<Undefined, None, bool, int64_t, double, Text, std::shared_ptr<const List>,
               std::shared_ptr<const Dict>, std::shared_ptr<const Loop>, std::shared_ptr<Namespace>,
               std::shared_ptr<const Callable>>
      data_;
};

struct List {
  std::vector<Value> items;
  bool tuple = false;
  int depth = 0;  // set by Value
};

// Keys are text, numbers or none; they stand in the order in which they came.
struct Dict {
  std::vector<std::pair<Value, Value>> items;
  int depth = 0;  // set by Value

  void Set(Value key, Value value);
  // Null when there is no such key.
  const Value* Find(const Value& key) const;
  const Value* Find(std::string_view key) const;
  // False for a value that cannot be a key.
  static bool CanBeKey(const Value& key);

 private:
  std::unordered_map<std::string, size_t> index_;
};

// What `loop` is inside of {% for %}.
struct Loop {
  std::shared_ptr<const std::vector<Value>> items;
  size_t index = 0;
  size_t depth = 1;
};

struct Namespace {
  Dict attributes;
};

struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string, Value>> named;

  // Positional argument `index` or the one called `name`; null if neither is there.
  const Value* Find(size_t index, std::string_view name) const;
};

struct Callable {
  std::string name;
  std::function<Value(Interpreter&, const Arguments&)> call;
  int depth = 0;  // of the value that it is a method of
};

// Python's ==: numbers by value, texts by bytes, lists and dicts by their parts. Each comparison
// takes one of `steps`; below zero it gives up and says false.
bool Equal(const Value& a, const Value& b, int64_t& steps);

}  // namespace burin::jinja
