#include "text/jinja/interpreter.h"

#include <algorithm>

#include "text/jinja/lexer.h"
#include "text/jinja/to_text.h"

namespace burin::jinja {

const Value* Scope::Find(std::string_view name) const {
  for (const Scope* scope = this; scope != nullptr; scope = scope->parent.get()) {
    for (const auto& [key, value] : scope->variables) {
      if (key == name) return &value;
    }
  }
  return nullptr;
}

void Scope::Set(std::string_view name, Value value) {
  for (auto& [key, old] : variables) {
    if (key == name) {
      old = std::move(value);
      return;
    }
  }
  variables.emplace_back(std::string(name), std::move(value));
}

// A scope of its own, as long as it lives.
class Frame {
 public:
  Frame(Interpreter& run, std::shared_ptr<Scope> parent)
      : run_(run), outer_(std::exchange(run.scope_, std::make_shared<Scope>())) {
    run_.scope_->parent = std::move(parent);
  }
  ~Frame() { run_.scope_ = std::move(outer_); }
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

 private:
  Interpreter& run_;
  std::shared_ptr<Scope> outer_;
};

Interpreter::Interpreter(const std::string& object, const Limits& limits, const Dict& globals)
    : object_(object),
      limits_(limits),
      steps_left_(limits.steps),
      bytes_left_(limits.bytes),
      scope_(std::make_shared<Scope>()) {
  for (const auto& [name, value] : globals.items) {
    if (name.AsText() != nullptr) scope_->Set(name.AsText()->text(), value);
  }
  scope_ = std::make_shared<Scope>(Scope{std::move(scope_), {}});
}

Result<MarkedText> Interpreter::Run(const Block& block) {
  MarkedText text = Capture(block);
  if (error_) return tl::unexpected<Error>(std::move(*error_));
  return text;
}

Value Interpreter::Fail(std::string found, std::string expected) {
  if (!error_) {
    error_ = TemplateError(object_, line_, std::move(found), std::move(expected)).value();
  }
  return {};
}

bool Interpreter::Spend(int64_t steps, size_t bytes) {
  if (failed()) return false;
  steps_left_ -= steps;
  if (steps_left_ < 0 || bytes > bytes_left_) {
    Fail("the template does not end",
         fmt::format("at most {} steps and {} bytes of text", limits_.steps, limits_.bytes));
    return false;
  }
  bytes_left_ -= bytes;
  return true;
}

Value Interpreter::Made(Value container) {
  if (container.Depth() >= kMaxValueDepth) {
    return Fail(fmt::format("values nested {} deep or put into themselves", kMaxValueDepth));
  }
  return container;
}

void Interpreter::Output(const MarkedText& text) {
  if (!Spend(1, text.size())) return;
  if (out_->size() + text.size() > limits_.output_bytes) {
    Fail("the template's text is too long", fmt::format("at most {} bytes", limits_.output_bytes));
    return;
  }
  out_->Append(text);
}

MarkedText Interpreter::Capture(const Block& block) {
  MarkedText text;
  MarkedText* const outer = std::exchange(out_, &text);
  Execute(block);
  out_ = outer;
  return text;
}

Interpreter::Flow Interpreter::Execute(const Block& block) {
  if (++depth_ > limits_.depth) Fail(fmt::format("tags and macros {} deep", limits_.depth));
  Flow flow = Flow::kGo;
  for (const auto& statement : block) {
    if (!Spend(1)) break;
    flow = Execute(*statement);
    if (flow != Flow::kGo) break;
  }
  --depth_;
  return flow;
}

Interpreter::Flow Interpreter::Execute(const Statement& statement) {
  using Kind = Statement::Kind;
  line_ = statement.line;
  switch (statement.kind) {
    case Kind::kText:
      Output(*statement.text);
      break;
    case Kind::kOutput:
      Output(Print(Evaluate(*statement.value)));
      break;
    case Kind::kIf:
      for (const auto& branch : statement.branches) {
        if (!branch.condition || Evaluate(*branch.condition).Truth()) return Execute(branch.body);
      }
      break;
    case Kind::kFor:
      return ExecuteFor(statement);
    case Kind::kSet:
    case Kind::kSetBlock:
    case Kind::kFilter:
      ExecuteSet(statement);
      break;
    case Kind::kMacro:
      scope_->Set(statement.name, MakeMacro(statement, statement.name));
      break;
    case Kind::kCall: {
      const Frame frame(*this, scope_);
      scope_->Set("caller", MakeMacro(statement, "caller"));
      Output(Print(Evaluate(*statement.value)));
      break;
    }
    case Kind::kWith:
      return ExecuteWith(statement);
    case Kind::kGroup:
      return Execute(statement.body);
    case Kind::kBreak:
      return Flow::kBreak;
    case Kind::kContinue:
      return Flow::kContinue;
  }
  return Flow::kGo;
}

Interpreter::Flow Interpreter::ExecuteWith(const Statement& with) {
  std::vector<Value> values;
  for (const Parameter& parameter : with.parameters) {
    values.push_back(Evaluate(*parameter.fallback));
  }
  const Frame frame(*this, scope_);
  for (size_t i = 0; i < values.size(); ++i) {
    scope_->Set(with.parameters[i].name, std::move(values[i]));
  }
  return Execute(with.body);
}

void Interpreter::ExecuteSet(const Statement& set) {
  if (set.kind == Statement::Kind::kSet) return Assign(set.target, Evaluate(*set.value));
  MarkedText text;
  {
    const Frame frame(*this, scope_);
    text = Capture(set.body);
  }
  Value value(std::move(text));
  if (set.value) {
    const Value outer = std::exchange(filter_input_, std::move(value));
    value = Evaluate(*set.value);
    filter_input_ = outer;
  }
  if (set.kind == Statement::Kind::kFilter) return Output(Print(value));
  Assign(set.target, std::move(value));
}

void Interpreter::Assign(const Target& target, Value value) {
  if (failed()) return;
  if (!target.attribute.empty()) {
    const Value* space = scope_->Find(target.names[0]);
    if (space == nullptr || space->AsNamespace() == nullptr) {
      Fail(fmt::format("'{}' is no namespace", target.names[0]), "{% set name = namespace() %}");
      return;
    }
    if (value.Depth() >= kMaxValueDepth) {
      Fail("a namespace or loop put into a namespace");
      return;
    }
    space->AsNamespace()->attributes.Set(Value::Own(target.attribute), std::move(value));
    return;
  }
  if (!target.unpack) return scope_->Set(target.names[0], std::move(value));
  const std::vector<Value> items = Items(value);
  if (failed()) return;
  if (items.size() != target.names.size()) {
    Fail(fmt::format("{} values to unpack", items.size()), fmt::format("{}", target.names.size()));
    return;
  }
  for (size_t i = 0; i < items.size(); ++i) scope_->Set(target.names[i], items[i]);
}

std::vector<Value> Interpreter::LoopItems(const Statement& loop) {
  std::vector<Value> items = Items(Evaluate(*loop.value));
  if (!loop.condition) return items;
  std::vector<Value> kept;
  const Frame frame(*this, scope_);
  for (Value& item : items) {
    if (!Spend(1)) break;
    Assign(loop.target, item);
    if (Evaluate(*loop.condition).Truth()) kept.push_back(std::move(item));
  }
  return kept;
}

Interpreter::Flow Interpreter::ExecuteFor(const Statement& loop) {
  const auto items = std::make_shared<const std::vector<Value>>(LoopItems(loop));
  if (failed()) return Flow::kGo;
  if (items->empty()) return Execute(loop.orelse);
  ++loop_depth_;
  for (size_t i = 0; i < items->size(); ++i) {
    if (!Spend(1)) break;
    const Frame frame(*this, scope_);
    Assign(loop.target, (*items)[i]);
    scope_->Set("loop", Value(std::make_shared<const Loop>(Loop{items, i, loop_depth_})));
    if (Execute(loop.body) == Flow::kBreak) break;
  }
  --loop_depth_;
  return Flow::kGo;
}

Value Interpreter::MakeMacro(const Statement& macro, std::string name) {
  // The scope holds the macro, so the macro must not hold the scope.
  const std::weak_ptr<Scope> weak = scope_;
  return Value(Callable{std::move(name), [&macro, weak](Interpreter& run, const Arguments& args) {
                          const auto scope = weak.lock();
                          if (!scope) return run.Fail("a macro called outside of its scope");
                          return run.CallMacro(macro, args, scope);
                        }});
}

Value Interpreter::CallMacro(const Statement& macro, const Arguments& arguments,
                             const std::shared_ptr<Scope>& scope) {
  const std::vector<Parameter>& parameters = macro.parameters;
  if (arguments.positional.size() > parameters.size()) {
    return Fail(
        fmt::format("macro '{}' called with {} arguments", macro.name, arguments.positional.size()),
        fmt::format("at most {}", parameters.size()));
  }
  for (const auto& argument : arguments.named) {
    const std::string& name = argument.first;
    if (std::none_of(parameters.begin(), parameters.end(),
                     [&](const Parameter& parameter) { return parameter.name == name; }) &&
        name != "caller") {
      return Fail(fmt::format("macro '{}' has no parameter '{}'", macro.name, name));
    }
  }
  // `caller` of {% call %} stands in the scope of the call, not in that of the macro.
  const Value* caller = scope_->Find("caller");
  const Value own_caller = caller != nullptr ? *caller : Value();
  const Frame frame(*this, scope);
  if (!own_caller.IsUndefined()) scope_->Set("caller", own_caller);
  for (size_t i = 0; i < parameters.size(); ++i) {
    const Value* given = arguments.Find(i, parameters[i].name);
    Value value(Undefined{parameters[i].name});
    if (given != nullptr) {
      value = *given;
    } else if (parameters[i].fallback) {
      value = Evaluate(*parameters[i].fallback);
    }
    scope_->Set(parameters[i].name, std::move(value));
  }
  return Value(Capture(macro.body));
}

Value Interpreter::Call(const Value& callee, const Arguments& arguments) {
  if (failed()) return {};
  const Callable* callable = callee.AsCallable();
  if (callable == nullptr) {
    if (const Undefined* missing = callee.Get<Undefined>()) {
      return Fail(fmt::format("'{}' is undefined", missing->hint), "a function");
    }
    return Fail(fmt::format("a call of a value of type {}", callee.TypeName()), "a function");
  }
  if (++depth_ > limits_.depth) Fail(fmt::format("calls nested {} deep", limits_.depth));
  const int line = line_;
  Value result = failed() ? Value() : callable->call(*this, arguments);
  line_ = line;
  --depth_;
  return result;
}

MarkedText Interpreter::Print(const Value& value) {
  if (failed()) return {};
  if (const MarkedText* text = value.AsText()) return *text;
  return ToText(*this, value);
}

}  // namespace burin::jinja
