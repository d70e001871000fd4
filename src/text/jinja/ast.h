// A parsed template: plain data, never changed once made.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "text/jinja/value.h"

namespace burin::jinja {

struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<const Expression>;
using Block = std::vector<std::unique_ptr<const Statement>>;

struct Argument {
  std::string name;  // empty: positional
  ExpressionPtr value;
};

struct Expression {
  enum class Kind : uint8_t {
    kConstant,
    kName,       // name
    kList,       // parts
    kTuple,      // parts
    kDict,       // parts: key, value, key, value
    kUnary,      // name: "+", "-" or "not"; parts[0]
    kBinary,     // name: the operator, "and" and "or" too; parts[0], parts[1]
    kConcat,     // parts joined by ~
    kCompare,    // parts[0] names[0] parts[1] names[1] parts[2]: each pair must hold
    kCondition,  // parts: condition, value, other value or null
    kAttribute,  // parts[0].name
    kItem,       // parts[0][parts[1]]
    kSlice,      // parts[0][parts[1]:parts[2]:parts[3]], each of the last three may be null
    kCall,       // parts[0](arguments)
    kFilter,     // parts[0] | name(arguments); parts[0] is null inside {% filter %}
    kTest,       // parts[0] is name(arguments)
  };
  Kind kind = Kind::kConstant;
  int line = 0;
  int depth = 1;  // of the tree below
  std::string name;
  Value constant;
  std::vector<ExpressionPtr> parts;
  std::vector<std::string> names;
  std::vector<Argument> arguments;
};

// What {% set %} and {% for %} assign to: a name, an attribute of a namespace, or several names.
struct Target {
  std::vector<std::string> names;
  std::string attribute;  // of names[0]; empty: none
  bool unpack = false;
};

struct Parameter {
  std::string name;
  ExpressionPtr fallback;  // null: undefined
};

struct Statement {
  enum class Kind : uint8_t {
    kText,      // text
    kOutput,    // value
    kIf,        // branches
    kFor,       // target in value if condition: body, or orelse
    kSet,       // target = value
    kSetBlock,  // target = body | value, a chain of filters or null
    kFilter,    // body | value
    kMacro,     // name(parameters): body
    kCall,      // call (parameters) value: body
    kWith,      // parameters: body
    kGroup,     // body
    kBreak,
    kContinue,
  };
  struct Branch {
    ExpressionPtr condition;  // null: else
    Block body;
  };
  Kind kind = Kind::kText;
  int line = 0;
  Text text;
  std::string name;
  Target target;
  ExpressionPtr value, condition;
  std::vector<Parameter> parameters;
  std::vector<Branch> branches;
  Block body, orelse;
};

}  // namespace burin::jinja
