#include "text/jinja/expression_parser.h"

#include <algorithm>

namespace burin::jinja {

Token ExpressionParser::Take() {
  Token token = tokens_[at_];
  if (at_ + 1 < tokens_.size()) ++at_;
  return token;
}

bool ExpressionParser::IsOperator(std::string_view text) const {
  return Now().kind == Token::Kind::kOperator && Now().text == text;
}
bool ExpressionParser::IsName(std::string_view text) const {
  return Now().kind == Token::Kind::kName && Now().text == text;
}
bool ExpressionParser::SkipOperator(std::string_view text) {
  if (!IsOperator(text)) return false;
  Take();
  return true;
}
bool ExpressionParser::SkipName(std::string_view text) {
  if (!IsName(text)) return false;
  Take();
  return true;
}

Status ExpressionParser::ExpectOperator(std::string_view text) {
  if (!SkipOperator(text)) return Fail(Here(), fmt::format("'{}'", text));
  return {};
}

Result<std::string> ExpressionParser::ExpectName() {
  if (Now().kind != Token::Kind::kName) return Fail(Here(), "a name");
  return Take().text;
}

tl::unexpected<Error> ExpressionParser::Fail(std::string found, std::string expected,
                                             std::string advice) const {
  return TemplateError(object_, Now().line, std::move(found), std::move(expected),
                       std::move(advice));
}

std::string ExpressionParser::Here() const {
  switch (Now().kind) {
    case Token::Kind::kEnd:
      return "the end of the template";
    case Token::Kind::kTagClose:
      return "the end of the tag, '%}'";
    case Token::Kind::kOutputClose:
      return "the end of the tag, '}}'";
    case Token::Kind::kString:
      return "a string";
    default:
      return "'" + Now().text.substr(0, 40) + "'";
  }
}

Status ExpressionParser::CheckDepth() const {
  if (depth_ > kMaxParseDepth) {
    return Fail(fmt::format("more than {} levels of nesting", kMaxParseDepth));
  }
  return {};
}

std::unique_ptr<Expression> ExpressionParser::Make(Kind kind) const {
  auto made = std::make_unique<Expression>();
  made->kind = kind;
  made->line = Now().line;
  return made;
}

void ExpressionParser::AddPart(Expression& parent, ExpressionPtr part) {
  if (part) parent.depth = std::max(parent.depth, part->depth + 1);
  parent.parts.push_back(std::move(part));
}

Result<ExpressionPtr> ExpressionParser::Finish(std::unique_ptr<Expression> expression) const {
  for (const Argument& argument : expression->arguments) {
    expression->depth = std::max(expression->depth, argument.value->depth + 1);
  }
  if (expression->depth > kMaxParseDepth) {
    return Fail(fmt::format("an expression of more than {} levels", kMaxParseDepth));
  }
  return ExpressionPtr(std::move(expression));
}

Result<ExpressionPtr> ExpressionParser::Tuple(bool with_condition) {
  auto item = [&] { return with_condition ? Condition() : Or(); };
  BURIN_ASSIGN(ExpressionPtr first, item());
  if (!IsOperator(",")) return first;
  auto tuple = Make(Kind::kTuple);
  AddPart(*tuple, std::move(first));
  while (SkipOperator(",")) {
    const auto kind = Now().kind;
    if (kind == Token::Kind::kTagClose || kind == Token::Kind::kOutputClose || IsOperator(")")) {
      break;
    }
    BURIN_ASSIGN(ExpressionPtr next, item());
    AddPart(*tuple, std::move(next));
  }
  return Finish(std::move(tuple));
}

Result<ExpressionPtr> ExpressionParser::Condition() {
  const Level level(depth_);
  BURIN_TRY(CheckDepth());
  BURIN_ASSIGN(ExpressionPtr value, Or());
  while (IsName("if")) {
    auto choice = Make(Kind::kCondition);
    Take();
    BURIN_ASSIGN(ExpressionPtr condition, Or());
    AddPart(*choice, std::move(condition));
    AddPart(*choice, std::move(value));
    ExpressionPtr other;
    if (SkipName("else")) {
      BURIN_ASSIGN(other, Condition());
    }
    AddPart(*choice, std::move(other));
    BURIN_ASSIGN(value, Finish(std::move(choice)));
  }
  return value;
}

Result<ExpressionPtr> ExpressionParser::Chain(Step part,
                                              std::initializer_list<std::string_view> operators,
                                              bool names) {
  BURIN_ASSIGN(ExpressionPtr left, (this->*part)());
  for (;;) {
    const auto found = std::find_if(operators.begin(), operators.end(), [&](std::string_view op) {
      return names ? IsName(op) : IsOperator(op);
    });
    if (found == operators.end()) return left;
    auto binary = Make(Kind::kBinary);
    binary->name = *found;
    Take();
    BURIN_ASSIGN(ExpressionPtr right, (this->*part)());
    AddPart(*binary, std::move(left));
    AddPart(*binary, std::move(right));
    BURIN_ASSIGN(left, Finish(std::move(binary)));
  }
}

Result<ExpressionPtr> ExpressionParser::Or() {
  return Chain(&ExpressionParser::And, {"or"}, /*names=*/true);
}
Result<ExpressionPtr> ExpressionParser::And() {
  return Chain(&ExpressionParser::Not, {"and"}, /*names=*/true);
}
Result<ExpressionPtr> ExpressionParser::Sum() {
  return Chain(&ExpressionParser::Concat, {"+", "-"}, /*names=*/false);
}
Result<ExpressionPtr> ExpressionParser::Product() {
  return Chain(&ExpressionParser::Power, {"*", "//", "/", "%"}, /*names=*/false);
}
Result<ExpressionPtr> ExpressionParser::Power() {
  return Chain(&ExpressionParser::PlainUnary, {"**"}, /*names=*/false);
}

Result<ExpressionPtr> ExpressionParser::Not() {
  if (!IsName("not")) return Compare();
  const Level level(depth_);
  BURIN_TRY(CheckDepth());
  auto negation = Make(Kind::kUnary);
  negation->name = "not";
  Take();
  BURIN_ASSIGN(ExpressionPtr operand, Not());
  AddPart(*negation, std::move(operand));
  return Finish(std::move(negation));
}

bool ExpressionParser::SkipComparison(std::string* name) {
  for (const std::string_view op : {"==", "!=", "<=", ">=", "<", ">"}) {
    if (SkipOperator(op)) {
      *name = op;
      return true;
    }
  }
  if (IsName("not") && Next().kind == Token::Kind::kName && Next().text == "in") {
    Take();
    Take();
    *name = "not in";
    return true;
  }
  *name = "in";
  return SkipName("in");
}

Result<ExpressionPtr> ExpressionParser::Compare() {
  BURIN_ASSIGN(ExpressionPtr first, Sum());
  auto compare = Make(Kind::kCompare);
  std::string name;
  while (SkipComparison(&name)) {
    if (compare->parts.empty()) AddPart(*compare, std::move(first));
    compare->names.push_back(name);
    BURIN_ASSIGN(ExpressionPtr next, Sum());
    AddPart(*compare, std::move(next));
  }
  if (compare->parts.empty()) return first;
  return Finish(std::move(compare));
}

Result<ExpressionPtr> ExpressionParser::Concat() {
  BURIN_ASSIGN(ExpressionPtr first, Product());
  if (!IsOperator("~")) return first;
  auto concat = Make(Kind::kConcat);
  AddPart(*concat, std::move(first));
  while (SkipOperator("~")) {
    BURIN_ASSIGN(ExpressionPtr next, Product());
    AddPart(*concat, std::move(next));
  }
  return Finish(std::move(concat));
}

Result<ExpressionPtr> ExpressionParser::Unary(bool with_filters) {
  const Level level(depth_);
  BURIN_TRY(CheckDepth());
  ExpressionPtr value;
  if (IsOperator("-") || IsOperator("+")) {
    auto unary = Make(Kind::kUnary);
    unary->name = Take().text;
    BURIN_ASSIGN(ExpressionPtr operand, Unary(/*with_filters=*/false));
    AddPart(*unary, std::move(operand));
    BURIN_ASSIGN(value, Finish(std::move(unary)));
  } else {
    BURIN_ASSIGN(value, Primary());
  }
  BURIN_ASSIGN(value, Postfix(std::move(value)));
  if (!with_filters) return value;
  return FiltersAndTests(std::move(value));
}

Result<ExpressionPtr> ExpressionParser::Primary() {
  switch (Now().kind) {
    case Token::Kind::kName:
      return NameOrConstant();
    case Token::Kind::kString: {
      auto constant = Make(Kind::kConstant);
      std::string text;
      while (Now().kind == Token::Kind::kString) text += Take().text;
      constant->constant = Value::Own(std::move(text));
      return Finish(std::move(constant));
    }
    case Token::Kind::kInteger:
    case Token::Kind::kFloat: {
      auto constant = Make(Kind::kConstant);
      const Token token = Take();
      constant->constant =
          token.kind == Token::Kind::kInteger ? Value(token.integer) : Value(token.number);
      return Finish(std::move(constant));
    }
    default:
      break;
  }
  if (SkipOperator("(")) {
    if (SkipOperator(")")) return Finish(Make(Kind::kTuple));
    BURIN_ASSIGN(ExpressionPtr inner, Tuple());
    BURIN_TRY(ExpectOperator(")"));
    return inner;
  }
  if (SkipOperator("[")) return ListOf(Kind::kList, "]");
  if (SkipOperator("{")) return DictLiteral();
  return Fail(Here(), "an expression");
}

Result<ExpressionPtr> ExpressionParser::NameOrConstant() {
  auto made = Make(Kind::kConstant);
  const std::string name = Take().text;
  if (name == "true" || name == "True" || name == "false" || name == "False") {
    made->constant = Value(name == "true" || name == "True");
  } else if (name == "none" || name == "None") {
    made->constant = Value(None{});
  } else {
    made->kind = Kind::kName;
    made->name = name;
  }
  return Finish(std::move(made));
}

Result<ExpressionPtr> ExpressionParser::ListOf(Kind kind, std::string_view close) {
  auto list = Make(kind);
  while (!IsOperator(close)) {
    BURIN_ASSIGN(ExpressionPtr item, Condition());
    AddPart(*list, std::move(item));
    if (!SkipOperator(",")) break;
  }
  BURIN_TRY(ExpectOperator(close));
  return Finish(std::move(list));
}

Result<ExpressionPtr> ExpressionParser::DictLiteral() {
  auto dict = Make(Kind::kDict);
  while (!IsOperator("}")) {
    BURIN_ASSIGN(ExpressionPtr key, Condition());
    BURIN_TRY(ExpectOperator(":"));
    BURIN_ASSIGN(ExpressionPtr value, Condition());
    AddPart(*dict, std::move(key));
    AddPart(*dict, std::move(value));
    if (!SkipOperator(",")) break;
  }
  BURIN_TRY(ExpectOperator("}"));
  return Finish(std::move(dict));
}

Result<ExpressionPtr> ExpressionParser::Postfix(ExpressionPtr value) {
  for (;;) {
    if (IsOperator(".") || IsOperator("[")) {
      BURIN_ASSIGN(value, Subscript(std::move(value)));
    } else if (IsOperator("(")) {
      BURIN_ASSIGN(value, Call(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::FiltersAndTests(ExpressionPtr value) {
  for (;;) {
    if (IsOperator("|")) {
      BURIN_ASSIGN(value, Filters(std::move(value)));
    } else if (IsName("is")) {
      BURIN_ASSIGN(value, Test(std::move(value)));
    } else if (IsOperator("(")) {
      BURIN_ASSIGN(value, Call(std::move(value)));
    } else {
      return value;
    }
  }
}

Result<ExpressionPtr> ExpressionParser::Subscript(ExpressionPtr value) {
  auto made = Make(Kind::kAttribute);
  if (SkipOperator(".")) {
    AddPart(*made, std::move(value));
    if (Now().kind == Token::Kind::kInteger) {
      made->kind = Kind::kItem;
      auto index = Make(Kind::kConstant);
      index->constant = Value(Take().integer);
      AddPart(*made, std::move(index));
    } else {
      BURIN_ASSIGN(made->name, ExpectName());
    }
    return Finish(std::move(made));
  }
  BURIN_TRY(ExpectOperator("["));
  AddPart(*made, std::move(value));
  made->kind = Kind::kItem;
  ExpressionPtr part;
  if (!IsOperator(":")) {
    BURIN_ASSIGN(part, Condition());
  }
  AddPart(*made, std::move(part));
  while (made->parts.size() < 4 && SkipOperator(":")) {
    made->kind = Kind::kSlice;
    ExpressionPtr bound;
    if (!IsOperator(":") && !IsOperator("]")) {
      BURIN_ASSIGN(bound, Condition());
    }
    AddPart(*made, std::move(bound));
  }
  if (made->kind == Kind::kSlice) made->parts.resize(4);
  BURIN_TRY(ExpectOperator("]"));
  return Finish(std::move(made));
}

Status ExpressionParser::Arguments(Expression& call) {
  BURIN_TRY(ExpectOperator("("));
  while (!IsOperator(")")) {
    if (IsOperator("*") || IsOperator("**")) {
      return Fail("arguments unpacked by * or **", "arguments one by one",
                  "This part of Jinja2 is not supported.");
    }
    Argument argument;
    if (Now().kind == Token::Kind::kName && Next().kind == Token::Kind::kOperator &&
        Next().text == "=") {
      argument.name = Take().text;
      Take();
    } else if (!call.arguments.empty() && !call.arguments.back().name.empty()) {
      return Fail("a positional argument behind a named one");
    }
    BURIN_ASSIGN(argument.value, Condition());
    call.arguments.push_back(std::move(argument));
    if (!SkipOperator(",")) break;
  }
  return ExpectOperator(")");
}

Result<ExpressionPtr> ExpressionParser::Call(ExpressionPtr callee) {
  auto call = Make(Kind::kCall);
  AddPart(*call, std::move(callee));
  BURIN_TRY(Arguments(*call));
  return Finish(std::move(call));
}

Result<ExpressionPtr> ExpressionParser::Filters(ExpressionPtr input) {
  for (bool first = input == nullptr; first || SkipOperator("|"); first = false) {
    auto filter = Make(Kind::kFilter);
    BURIN_ASSIGN(filter->name, ExpectName());
    AddPart(*filter, std::move(input));
    if (IsOperator("(")) BURIN_TRY(Arguments(*filter));
    BURIN_ASSIGN(input, Finish(std::move(filter)));
  }
  return input;
}

Result<ExpressionPtr> ExpressionParser::Test(ExpressionPtr value) {
  auto test = Make(Kind::kTest);
  Take();
  std::unique_ptr<Expression> negation;
  if (IsName("not")) {
    negation = Make(Kind::kUnary);
    negation->name = Take().text;
  }
  BURIN_ASSIGN(test->name, ExpectName());
  AddPart(*test, std::move(value));
  using TokenKind = Token::Kind;
  const TokenKind kind = Now().kind;
  const bool argument = kind == TokenKind::kString || kind == TokenKind::kInteger ||
                        kind == TokenKind::kFloat || IsOperator("[") || IsOperator("{") ||
                        (kind == TokenKind::kName && !IsName("else") && !IsName("or") &&
                         !IsName("and") && !IsName("if"));
  if (IsOperator("(")) {
    BURIN_TRY(Arguments(*test));
  } else if (IsName("is")) {
    return Fail("two tests in a row", "'and' between them");
  } else if (argument) {
    BURIN_ASSIGN(ExpressionPtr operand, Primary());
    BURIN_ASSIGN(operand, Postfix(std::move(operand)));
    test->arguments.push_back({"", std::move(operand)});
  }
  BURIN_ASSIGN(value, Finish(std::move(test)));
  if (!negation) return value;
  AddPart(*negation, std::move(value));
  return Finish(std::move(negation));
}

}  // namespace burin::jinja
