// Functions that every template has.
#include "text/jinja/interpreter.h"
#include "text/jinja/strings.h"

namespace burin::jinja {
namespace {

constexpr int64_t kMaxRange = 100'000;  // as Jinja2's sandbox

Value Range(Interpreter& run, const Arguments& arguments) {
  int64_t numbers[3] = {0, 0, 1};
  const size_t count = arguments.positional.size();
  if (count < 1 || count > 3) return run.Fail("range of a wrong number of arguments", "1 to 3");
  for (size_t i = 0; i < count; ++i) {
    if (!arguments.positional[i].AsInt(&numbers[count == 1 ? 1 : i])) {
      return run.Fail(fmt::format("range of {}", arguments.positional[i].TypeName()), "integers");
    }
  }
  const auto [from, to, step] = numbers;
  if (step == 0) return run.Fail("a range with step 0");
  List list;
  for (int64_t i = from; step > 0 ? i < to : i > to;) {
    if (static_cast<int64_t>(list.items.size()) >= kMaxRange) {
      return run.Fail("a range that is too long", fmt::format("at most {}", kMaxRange));
    }
    list.items.emplace_back(i);
    if (!run.Spend(1) || __builtin_add_overflow(i, step, &i)) break;
  }
  return Value(std::move(list));
}

Dict NamedArguments(const Arguments& arguments) {
  Dict dict;
  if (!arguments.positional.empty() && arguments.positional[0].AsDict() != nullptr) {
    dict = *arguments.positional[0].AsDict();
  }
  for (const auto& [name, value] : arguments.named) dict.Set(Value::Own(name), value);
  return dict;
}

Value MakeNamespace(Interpreter& run, const Arguments& arguments) {
  auto made = std::make_shared<Namespace>();
  made->attributes = NamedArguments(arguments);
  if (run.Made(Value(made->attributes)).IsUndefined()) return {};
  return Value(std::move(made));
}

Value MakeDict(Interpreter& run, const Arguments& arguments) {
  return run.Made(Value(NamedArguments(arguments)));
}

Value RaiseException(Interpreter& run, const Arguments& arguments) {
  const Value* message = arguments.Find(0, "message");
  const MarkedText text = message != nullptr ? run.Print(*message) : MarkedText();
  return run.Fail("the template refuses the conversation: " + text.text());
}

// joiner(sep): nothing at the first call, then the separator.
Value Joiner(Interpreter& run, const Arguments& arguments) {
  const Value* given = arguments.Find(0, "sep");
  const Value separator = given != nullptr ? Value(run.Print(*given)) : Value::Own(", ");
  const auto used = std::make_shared<bool>(false);
  return Value(Callable{"joiner", [separator, used](Interpreter&, const Arguments&) {
                          return std::exchange(*used, true) ? separator : Value::Own("");
                        }});
}

}  // namespace

Builtin FindFunction(std::string_view name) {
  if (name == "range") return Range;
  if (name == "namespace") return MakeNamespace;
  if (name == "dict") return MakeDict;
  if (name == "raise_exception") return RaiseException;
  if (name == "joiner") return Joiner;
  return nullptr;
}

}  // namespace burin::jinja
