// Expressions.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/to_text.h"

namespace burin::jinja {

Value Interpreter::Evaluate(const Expression& expression) {
  if (!Spend(1)) return {};
  line_ = expression.line;
  if (++depth_ > limits_.depth) Fail(fmt::format("expressions and macros {} deep", limits_.depth));
  Value value = failed() ? Value() : EvaluateKind(expression);
  --depth_;
  return value;
}

Value Interpreter::EvaluateKind(const Expression& expression) {
  using Kind = Expression::Kind;
  const auto part = [&](size_t index) { return Evaluate(*expression.parts[index]); };
  switch (expression.kind) {
    case Kind::kConstant:
      return expression.constant;
    case Kind::kName:
      return Lookup(expression.name);
    case Kind::kList:
    case Kind::kTuple: {
      List list;
      list.tuple = expression.kind == Kind::kTuple;
      for (const auto& item : expression.parts) list.items.push_back(Evaluate(*item));
      return Made(Value(std::move(list)));
    }
    case Kind::kDict:
      return EvaluateDict(expression);
    case Kind::kUnary:
      return EvaluateUnary(expression);
    case Kind::kBinary:
      return EvaluateBinary(expression);
    case Kind::kConcat:
      return EvaluateConcat(expression);
    case Kind::kCompare:
      return EvaluateCompare(expression);
    case Kind::kCondition:
      if (part(0).Truth()) return part(1);
      return expression.parts[2] ? part(2) : Value(Undefined{"the value of an if without else"});
    case Kind::kAttribute:
      return Attribute(part(0), expression.name);
    case Kind::kItem: {
      const Value value = part(0);
      return Item(value, part(1));
    }
    case Kind::kSlice:
      return EvaluateSlice(expression);
    case Kind::kCall: {
      const Value callee = part(0);
      return Call(callee, EvaluateArguments(expression));
    }
    case Kind::kFilter: {
      const Value input = expression.parts[0] ? part(0) : filter_input_;
      return Filter(expression.name, input, EvaluateArguments(expression));
    }
    case Kind::kTest: {
      const Value input = part(0);
      return Value(Test(expression.name, input, EvaluateArguments(expression)));
    }
  }
  return {};
}

Value Interpreter::Lookup(const std::string& name) {
  if (const Value* value = scope_->Find(name)) return *value;
  if (const Builtin function = FindFunction(name)) return Value(Callable{name, function});
  return Value(Undefined{name});
}

Value Interpreter::EvaluateDict(const Expression& dict) {
  Dict made;
  for (size_t i = 0; i < dict.parts.size(); i += 2) {
    Value key = Evaluate(*dict.parts[i]);
    if (!Dict::CanBeKey(key)) {
      return Fail(fmt::format("a key of type {}", key.TypeName()), "text or a number");
    }
    made.Set(std::move(key), Evaluate(*dict.parts[i + 1]));
  }
  return Made(Value(std::move(made)));
}

Value Interpreter::EvaluateConcat(const Expression& concat) {
  MarkedText text;
  for (const auto& item : concat.parts) {
    const MarkedText next = Print(Evaluate(*item));
    if (!Spend(0, text.size() + next.size())) return {};
    text.Append(next);
  }
  return Value(std::move(text));
}

Arguments Interpreter::EvaluateArguments(const Expression& call) {
  Arguments arguments;
  for (const Argument& argument : call.arguments) {
    Value value = Evaluate(*argument.value);
    if (argument.name.empty()) {
      arguments.positional.push_back(std::move(value));
    } else {
      arguments.named.emplace_back(argument.name, std::move(value));
    }
  }
  return arguments;
}

Value Interpreter::EvaluateUnary(const Expression& unary) {
  const Value operand = Evaluate(*unary.parts[0]);
  if (unary.name == "not") return Value(!operand.Truth());
  if (failed()) return {};
  if (int64_t number = 0; operand.AsInt(&number)) {
    if (unary.name == "+") return Value(number);
    return BinaryOperator(*this, "-", Value(int64_t{0}), Value(number));
  }
  if (const double* number = operand.Get<double>()) {
    return Value(unary.name == "-" ? -*number : *number);
  }
  return Fail(fmt::format("'{}' of a value of type {}", unary.name, operand.TypeName()),
              "a number");
}

Value Interpreter::EvaluateBinary(const Expression& binary) {
  Value left = Evaluate(*binary.parts[0]);
  if (binary.name == "and") return left.Truth() ? Evaluate(*binary.parts[1]) : left;
  if (binary.name == "or") return left.Truth() ? left : Evaluate(*binary.parts[1]);
  const Value right = Evaluate(*binary.parts[1]);
  if (failed()) return {};
  return BinaryOperator(*this, binary.name, left, right);
}

Value Interpreter::EvaluateCompare(const Expression& compare) {
  Value left = Evaluate(*compare.parts[0]);
  for (size_t i = 0; i < compare.names.size(); ++i) {
    Value right = Evaluate(*compare.parts[i + 1]);
    if (failed()) return {};
    if (!CompareOperator(*this, compare.names[i], left, right)) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

Value Interpreter::EvaluateSlice(const Expression& slice) {
  const Value value = Evaluate(*slice.parts[0]);
  Value bounds[3] = {Value(None{}), Value(None{}), Value(None{})};
  for (size_t i = 0; i < 3; ++i) {
    if (slice.parts[i + 1]) bounds[i] = Evaluate(*slice.parts[i + 1]);
  }
  if (failed()) return {};
  return Sliced(*this, value, bounds[0], bounds[1], bounds[2]);
}

Value Interpreter::Filter(const std::string& name, const Value& input, const Arguments& arguments) {
  if (failed()) return {};
  BuiltinFilter filter = FindTextFilter(name);
  if (filter == nullptr) filter = FindListFilter(name);
  if (filter == nullptr) return Fail(fmt::format("no filter is called '{}'", name));
  return filter(*this, input, arguments);
}

bool Interpreter::Test(const std::string& name, const Value& input, const Arguments& arguments) {
  if (failed()) return false;
  const BuiltinTest test = FindTest(name);
  if (test == nullptr) {
    Fail(fmt::format("no test is called '{}'", name));
    return false;
  }
  return test(*this, input, arguments);
}

namespace {

Value LoopAttribute(const Loop& loop, const std::string& name) {
  const auto number = [](size_t value) { return Value(static_cast<int64_t>(value)); };
  const std::vector<Value>& items = *loop.items;
  if (name == "index") return number(loop.index + 1);
  if (name == "index0") return number(loop.index);
  if (name == "revindex") return number(items.size() - loop.index);
  if (name == "revindex0") return number(items.size() - loop.index - 1);
  if (name == "first") return Value(loop.index == 0);
  if (name == "last") return Value(loop.index + 1 == items.size());
  if (name == "length") return number(items.size());
  if (name == "depth") return number(loop.depth);
  if (name == "depth0") return number(loop.depth - 1);
  if (name == "previtem" && loop.index > 0) return items[loop.index - 1];
  if (name == "nextitem" && loop.index + 1 < items.size()) return items[loop.index + 1];
  if (name == "cycle") {
    const size_t index = loop.index;
    return Value(Callable{"cycle", [index](Interpreter& run, const Arguments& arguments) {
                            const auto& given = arguments.positional;
                            if (given.empty()) return run.Fail("loop.cycle without arguments");
                            return given[index % given.size()];
                          }});
  }
  return Value(Undefined{"loop." + name});
}

}  // namespace

Value Interpreter::Attribute(const Value& value, const std::string& name) {
  if (failed()) return {};
  if (const BuiltinFilter method = FindMethod(value, name)) {
    return Value(Callable{name,
                          [self = value, method](Interpreter& run, const Arguments& arguments) {
                            return method(run, self, arguments);
                          },
                          value.Depth()});
  }
  if (const Dict* dict = value.AsDict()) {
    const Value* found = dict->Find(name);
    return found != nullptr ? *found : Value(Undefined{name});
  }
  if (const Namespace* space = value.AsNamespace()) {
    const Value* found = space->attributes.Find(name);
    return found != nullptr ? *found : Value(Undefined{name});
  }
  if (const Loop* loop = value.AsLoop()) return LoopAttribute(*loop, name);
  if (const Undefined* missing = value.Get<Undefined>()) {
    return Fail(fmt::format("'{}' is undefined", missing->hint),
                fmt::format("a value with '{}'", name));
  }
  return Value(Undefined{name});
}

Value Interpreter::Item(const Value& value, const Value& key) {
  if (failed()) return {};
  if (const Dict* dict = value.AsDict()) {
    if (const Value* found = dict->Find(key)) return *found;
    if (const MarkedText* name = key.AsText()) return Attribute(value, name->text());
    return Value(Undefined{"an item"});
  }
  if (int64_t index = 0; key.AsInt(&index)) {
    if (const List* list = value.AsList()) {
      const auto size = static_cast<int64_t>(list->items.size());
      if (index < 0) index += size;
      if (index < 0 || index >= size) return Value(Undefined{"an item behind the end of a list"});
      return list->items[static_cast<size_t>(index)];
    }
    if (value.AsText() != nullptr) {
      const std::vector<Value> characters = Items(value);
      const auto size = static_cast<int64_t>(characters.size());
      if (index < 0) index += size;
      if (index < 0 || index >= size) return Value(Undefined{"a character behind the end"});
      return characters[static_cast<size_t>(index)];
    }
  }
  if (const MarkedText* name = key.AsText()) return Attribute(value, name->text());
  if (const Undefined* missing = value.Get<Undefined>()) {
    return Fail(fmt::format("'{}' is undefined", missing->hint), "a value with items");
  }
  return Value(Undefined{"an item"});
}

}  // namespace burin::jinja
