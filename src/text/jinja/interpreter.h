// Runs a parsed template. One object for one rendering, used by one thread.
//
// Errors are sticky: the first one is kept, and from then on every step does nothing, so that all
// loops end. Every step, every copied byte and every level of calls counts against Limits.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/template.h"

namespace burin::jinja {

// The variables of one level: a template, a loop's body, a call of a macro.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::vector<std::pair<std::string, Value>> variables;

  const Value* Find(std::string_view name) const;
  void Set(std::string_view name, Value value);
};

class Interpreter {
 public:
  Interpreter(const std::string& object, const Limits& limits, const Dict& globals);

  Result<MarkedText> Run(const Block& block);

  // Keeps the error, at the line that is being worked on, and returns undefined.
  Value Fail(std::string found, std::string expected = {});
  bool failed() const { return error_.has_value(); }
  // Counts `steps` of work and `bytes` of text made; false from the first error on.
  bool Spend(int64_t steps, size_t bytes = 0);
  int64_t& steps_left() { return steps_left_; }
  // A container, or an error if it is too deep.
  Value Made(Value container);

  // Calls `callee`, which must be a function.
  Value Call(const Value& callee, const Arguments& arguments);
  Value Filter(const std::string& name, const Value& input, const Arguments& arguments);
  // Whether `input is name(arguments)`.
  bool Test(const std::string& name, const Value& input, const Arguments& arguments);
  // value.name and value[key].
  Value Attribute(const Value& value, const std::string& name);
  Value Item(const Value& value, const Value& key);
  // The items of a list, the characters of a text, the keys of a dict.
  std::vector<Value> Items(const Value& value);
  // What {{ value }} prints.
  MarkedText Print(const Value& value);

 private:
  enum class Flow { kGo, kBreak, kContinue };
  friend class Frame;

  Flow Execute(const Block& block);
  Flow Execute(const Statement& statement);
  Flow ExecuteFor(const Statement& loop);
  void ExecuteSet(const Statement& set);
  Flow ExecuteWith(const Statement& with);
  void Assign(const Target& target, Value value);
  std::vector<Value> LoopItems(const Statement& loop);
  MarkedText Capture(const Block& block);
  Value MakeMacro(const Statement& macro, std::string name);
  Value CallMacro(const Statement& macro, const Arguments& arguments,
                  const std::shared_ptr<Scope>& scope);
  void Output(const MarkedText& text);

  Value Evaluate(const Expression& expression);
  Value EvaluateKind(const Expression& expression);
  Value EvaluateUnary(const Expression& unary);
  Value EvaluateBinary(const Expression& binary);
  Value EvaluateCompare(const Expression& compare);
  Value EvaluateDict(const Expression& dict);
  Value EvaluateConcat(const Expression& concat);
  Value EvaluateSlice(const Expression& slice);
  Arguments EvaluateArguments(const Expression& call);
  Value Lookup(const std::string& name);

  const std::string& object_;
  const Limits limits_;
  int64_t steps_left_;
  size_t bytes_left_;
  int depth_ = 0;
  int line_ = 1;
  std::optional<Error> error_;
  MarkedText* out_ = nullptr;
  std::shared_ptr<Scope> scope_;
  Value filter_input_;  // what {% filter %} and {% set %} blocks give to their filters
  size_t loop_depth_ = 0;
};

// Operators of Python. Each fails with the types' names where Python would.
Value BinaryOperator(Interpreter& run, const std::string& op, const Value& a, const Value& b);
bool CompareOperator(Interpreter& run, const std::string& op, const Value& a, const Value& b);
bool Contains(Interpreter& run, const Value& container, const Value& item);
// Python's < for sorting; fails for what has no order.
bool Less(Interpreter& run, const Value& a, const Value& b);
Value Sliced(Interpreter& run, const Value& value, const Value& start, const Value& stop,
             const Value& step);

// Built-in functions (range, namespace, raise_exception, ...); null when there is none.
using Builtin = Value (*)(Interpreter&, const Arguments&);
Builtin FindFunction(std::string_view name);
// Filters, and tests, which return a bool; null when there is none of that name.
using BuiltinFilter = Value (*)(Interpreter&, const Value&, const Arguments&);
BuiltinFilter FindTextFilter(std::string_view name);
BuiltinFilter FindListFilter(std::string_view name);
using BuiltinTest = bool (*)(Interpreter&, const Value&, const Arguments&);
BuiltinTest FindTest(std::string_view name);
// Methods of texts, lists and dicts; null when `self` has none of that name.
BuiltinFilter FindMethod(const Value& self, std::string_view name);

}  // namespace burin::jinja
