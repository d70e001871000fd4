// `is` tests.
#include <algorithm>

#include "text/jinja/interpreter.h"
#include "text/jinja/strings.h"

namespace burin::jinja {
namespace {

using Input = const Value&;
using Given = const Arguments&;

const Value& First(Interpreter& run, const Arguments& arguments) {
  static const Value kNothing;
  if (!arguments.positional.empty()) return arguments.positional[0];
  run.Fail("a test without its argument");
  return kNothing;
}

template <const char* const& kOperator>
bool CompareTest(Interpreter& run, Input input, Given arguments) {
  const Value& other = First(run, arguments);
  return !run.failed() && CompareOperator(run, kOperator, input, other);
}

constexpr const char* kEq = "==";
constexpr const char* kNe = "!=";
constexpr const char* kLt = "<";
constexpr const char* kLe = "<=";
constexpr const char* kGt = ">";
constexpr const char* kGe = ">=";
constexpr const char* kIn = "in";

bool DivisibleTest(Interpreter& run, Input input, Given arguments) {
  const Value rest = BinaryOperator(run, "%", input, First(run, arguments));
  return !run.failed() && !rest.Truth();
}

template <int64_t kRest>
bool ParityTest(Interpreter& run, Input input, Given) {
  int64_t number = 0;
  if (!input.AsInt(&number)) {
    run.Fail(fmt::format("odd or even of a value of type {}", input.TypeName()), "an integer");
    return false;
  }
  return (number & 1) == kRest;
}

template <bool kUpper>
bool CaseTest(Interpreter& run, Input input, Given) {
  const MarkedText text = run.Print(input);
  const std::string lower = ToCase(text, LetterCase::kLower).text();
  const std::string upper = ToCase(text, LetterCase::kUpper).text();
  return lower != upper && text.text() == (kUpper ? upper : lower);
}

bool IsSequence(Input value) {
  return value.AsText() != nullptr || value.AsList() != nullptr || value.AsDict() != nullptr;
}

bool FilterTest(Interpreter&, Input input, Given) {
  return input.AsText() != nullptr && (FindTextFilter(input.AsText()->text()) != nullptr ||
                                       FindListFilter(input.AsText()->text()) != nullptr);
}

bool TestTest(Interpreter&, Input input, Given) {
  return input.AsText() != nullptr && FindTest(input.AsText()->text()) != nullptr;
}

struct Entry {
  std::string_view name;
  BuiltinTest test;
};

constexpr Entry kTests[] = {
    {"boolean", [](Interpreter&, Input v, Given) { return v.IsBool(); }},
    {"callable", [](Interpreter&, Input v, Given) { return v.AsCallable() != nullptr; }},
    {"defined", [](Interpreter&, Input v, Given) { return !v.IsUndefined(); }},
    {"divisibleby", DivisibleTest},
    {"eq", CompareTest<kEq>},
    {"equalto", CompareTest<kEq>},
    {"escaped", [](Interpreter&, Input, Given) { return false; }},
    {"even", ParityTest<0>},
    {"false", [](Interpreter&, Input v, Given) { return v.IsBool() && !v.Truth(); }},
    {"filter", FilterTest},
    {"float", [](Interpreter&, Input v, Given) { return v.IsFloat(); }},
    {"ge", CompareTest<kGe>},
    {"greaterthan", CompareTest<kGt>},
    {"gt", CompareTest<kGt>},
    {"in", CompareTest<kIn>},
    {"integer", [](Interpreter&, Input v, Given) { return v.IsInt(); }},
    {"iterable", [](Interpreter&, Input v, Given) { return IsSequence(v) || v.IsUndefined(); }},
    {"le", CompareTest<kLe>},
    {"lessthan", CompareTest<kLt>},
    {"lower", CaseTest<false>},
    {"lt", CompareTest<kLt>},
    {"mapping", [](Interpreter&, Input v, Given) { return v.AsDict() != nullptr; }},
    {"ne", CompareTest<kNe>},
    {"none", [](Interpreter&, Input v, Given) { return v.IsNone(); }},
    {"number",
     [](Interpreter&, Input v, Given) {
       double number = 0;
       return v.AsNumber(&number);
     }},
    {"odd", ParityTest<1>},
    {"sameas", [](Interpreter& run, Input v,
                  Given arguments) { return v.SameObject(First(run, arguments)); }},
    {"sequence", [](Interpreter&, Input v, Given) { return IsSequence(v) || v.IsUndefined(); }},
    {"string", [](Interpreter&, Input v, Given) { return v.AsText() != nullptr; }},
    {"test", TestTest},
    {"true", [](Interpreter&, Input v, Given) { return v.IsBool() && v.Truth(); }},
    {"undefined", [](Interpreter&, Input v, Given) { return v.IsUndefined(); }},
    {"upper", CaseTest<true>},
};

}  // namespace

BuiltinTest FindTest(std::string_view name) {
  for (const Entry& entry : kTests) {
    if (entry.name == name) return entry.test;
  }
  return nullptr;
}

}  // namespace burin::jinja
