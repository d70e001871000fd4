#include "text/jinja/parser.h"

#include <algorithm>
#include <span>

#include "text/jinja/expression_parser.h"

namespace burin::jinja {
namespace {

class Parser : public ExpressionParser {
 public:
  using ExpressionParser::ExpressionParser;

  Result<Block> Run() {
    BURIN_ASSIGN(Block block, Body({}));
    if (Now().kind != Token::Kind::kEnd) return Fail(Here(), "the end of the template");
    return block;
  }

 private:
  using Kind = Statement::Kind;
  using StatementPtr = std::unique_ptr<const Statement>;
  using Names = std::span<const std::string_view>;

  std::unique_ptr<Statement> Make(Kind kind) const {
    auto made = std::make_unique<Statement>();
    made->kind = kind;
    made->line = Now().line;
    return made;
  }

  // Statements up to a tag that begins with one of `ends`, whose name is not taken yet, or, with
  // none, to the end of the template.
  Result<Block> Body(std::initializer_list<std::string_view> ends) {
    const Level level(depth_);
    BURIN_TRY(CheckDepth());
    Block block;
    for (;;) {
      const Token& now = Now();
      if (now.kind == Token::Kind::kEnd) {
        if (ends.size() == 0) return block;
        return Fail(Here(), fmt::format("{{% {} %}}", *ends.begin()));
      }
      if (now.kind == Token::Kind::kText) {
        auto text = Make(Kind::kText);
        text->text = std::make_shared<const MarkedText>(Take().text);
        block.push_back(std::move(text));
      } else if (now.kind == Token::Kind::kOutputOpen) {
        auto output = Make(Kind::kOutput);
        Take();
        BURIN_ASSIGN(output->value, Tuple());
        if (Now().kind != Token::Kind::kOutputClose) return Fail(Here(), "'}}'");
        Take();
        block.push_back(std::move(output));
      } else {
        Take();  // kTagOpen
        if (std::any_of(ends.begin(), ends.end(),
                        [&](std::string_view end) { return IsName(end); })) {
          return block;
        }
        BURIN_ASSIGN(StatementPtr statement, Tag());
        block.push_back(std::move(statement));
      }
    }
  }

  Status CloseTag() {
    if (Now().kind != Token::Kind::kTagClose) return Fail(Here(), "'%}'");
    Take();
    return {};
  }

  // {% ... %} body {% end %}, from the close of the first tag.
  Result<Block> BodyUntil(std::string_view end) {
    BURIN_TRY(CloseTag());
    BURIN_ASSIGN(Block body, Body({end}));
    Take();
    BURIN_TRY(CloseTag());
    return body;
  }

  Result<StatementPtr> Tag() {
    if (Now().kind != Token::Kind::kName) return Fail(Here(), "the name of a tag");
    const std::string name = Now().text;
    if (name == "if") return If();
    if (name == "for") return For();
    if (name == "set") return Set();
    if (name == "macro") return Macro();
    if (name == "call") return CallBlock();
    if (name == "filter") return FilterBlock();
    if (name == "with") return With();
    if (name == "break" || name == "continue") {
      if (loops_ == 0) return Fail("'" + name + "' outside of a loop");
      auto jump = Make(name == "break" ? Kind::kBreak : Kind::kContinue);
      Take();
      BURIN_TRY(CloseTag());
      return StatementPtr(std::move(jump));
    }
    if (name == "generation") {  // Hugging Face: marks what the model wrote; prints its body
      auto group = Make(Kind::kGroup);
      Take();
      BURIN_ASSIGN(group->body, BodyUntil("endgeneration"));
      return StatementPtr(std::move(group));
    }
    return Fail("the tag '" + name.substr(0, 40) + "'",
                "if, for, set, macro, call, filter, with, break, continue, raw or generation");
  }

  Result<StatementPtr> If() {
    auto made = Make(Kind::kIf);
    Take();
    for (;;) {
      Statement::Branch branch;
      BURIN_ASSIGN(branch.condition, Tuple(/*with_condition=*/false));
      BURIN_TRY(CloseTag());
      BURIN_ASSIGN(branch.body, Body({"endif", "elif", "else"}));
      made->branches.push_back(std::move(branch));
      const std::string end = Take().text;
      if (end == "elif") continue;
      if (end == "else") {
        Statement::Branch last;
        BURIN_ASSIGN(last.body, BodyUntil("endif"));
        made->branches.push_back(std::move(last));
        return StatementPtr(std::move(made));
      }
      BURIN_TRY(CloseTag());
      return StatementPtr(std::move(made));
    }
  }

  // name, name.attribute, or names with commas between.
  Result<Target> ParseTarget(bool with_namespace) {
    Target target;
    const bool bracket = SkipOperator("(");
    for (;;) {
      BURIN_ASSIGN(std::string name, ExpectName());
      target.names.push_back(std::move(name));
      if (with_namespace && target.names.size() == 1 && SkipOperator(".")) {
        BURIN_ASSIGN(target.attribute, ExpectName());
        break;
      }
      if (!SkipOperator(",")) break;
      target.unpack = true;
      if (Now().kind != Token::Kind::kName) break;
    }
    if (bracket) BURIN_TRY(ExpectOperator(")"));
    return target;
  }

  Result<StatementPtr> For() {
    auto made = Make(Kind::kFor);
    Take();
    BURIN_ASSIGN(made->target, ParseTarget(/*with_namespace=*/false));
    if (!SkipName("in")) return Fail(Here(), "'in'");
    BURIN_ASSIGN(made->value, Tuple(/*with_condition=*/false));
    if (SkipName("if")) {
      BURIN_ASSIGN(made->condition, Condition());
    }
    if (IsName("recursive")) return Fail("a recursive loop", "a macro that calls itself");
    BURIN_TRY(CloseTag());
    ++loops_;
    auto body = Body({"endfor", "else"});
    --loops_;
    BURIN_ASSIGN(made->body, std::move(body));
    if (Take().text == "else") {
      BURIN_ASSIGN(made->orelse, BodyUntil("endfor"));
    } else {
      BURIN_TRY(CloseTag());
    }
    return StatementPtr(std::move(made));
  }

  Result<StatementPtr> Set() {
    auto made = Make(Kind::kSet);
    Take();
    BURIN_ASSIGN(made->target, ParseTarget(/*with_namespace=*/true));
    if (SkipOperator("=")) {
      BURIN_ASSIGN(made->value, Tuple());
      BURIN_TRY(CloseTag());
      return StatementPtr(std::move(made));
    }
    made->kind = Kind::kSetBlock;
    if (SkipOperator("|")) {
      BURIN_ASSIGN(made->value, Filters(nullptr));
    }
    BURIN_ASSIGN(made->body, BodyUntil("endset"));
    return StatementPtr(std::move(made));
  }

  Result<std::vector<Parameter>> Parameters() {
    std::vector<Parameter> parameters;
    BURIN_TRY(ExpectOperator("("));
    while (!IsOperator(")")) {
      Parameter parameter;
      BURIN_ASSIGN(parameter.name, ExpectName());
      if (SkipOperator("=")) {
        BURIN_ASSIGN(parameter.fallback, Condition());
      } else if (!parameters.empty() && parameters.back().fallback) {
        return Fail("a parameter without default behind one with");
      }
      parameters.push_back(std::move(parameter));
      if (!SkipOperator(",")) break;
    }
    BURIN_TRY(ExpectOperator(")"));
    return parameters;
  }

  // The body of a macro: no break out of it.
  Result<Block> MacroBody(std::string_view end) {
    const int loops = std::exchange(loops_, 0);
    auto body = BodyUntil(end);
    loops_ = loops;
    return body;
  }

  Result<StatementPtr> Macro() {
    auto made = Make(Kind::kMacro);
    Take();
    BURIN_ASSIGN(made->name, ExpectName());
    BURIN_ASSIGN(made->parameters, Parameters());
    BURIN_ASSIGN(made->body, MacroBody("endmacro"));
    return StatementPtr(std::move(made));
  }

  Result<StatementPtr> CallBlock() {
    auto made = Make(Kind::kCall);
    Take();
    if (IsOperator("(")) {
      BURIN_ASSIGN(made->parameters, Parameters());
    }
    BURIN_ASSIGN(made->value, Condition());
    if (made->value->kind != Expression::Kind::kCall) return Fail(Here(), "a call of a macro");
    BURIN_ASSIGN(made->body, MacroBody("endcall"));
    return StatementPtr(std::move(made));
  }

  Result<StatementPtr> FilterBlock() {
    auto made = Make(Kind::kFilter);
    Take();
    BURIN_ASSIGN(made->value, Filters(nullptr));
    BURIN_ASSIGN(made->body, BodyUntil("endfilter"));
    return StatementPtr(std::move(made));
  }

  Result<StatementPtr> With() {
    auto made = Make(Kind::kWith);
    Take();
    while (Now().kind != Token::Kind::kTagClose) {
      Parameter parameter;
      BURIN_ASSIGN(parameter.name, ExpectName());
      BURIN_TRY(ExpectOperator("="));
      BURIN_ASSIGN(parameter.fallback, Condition());
      made->parameters.push_back(std::move(parameter));
      if (!SkipOperator(",")) break;
    }
    BURIN_ASSIGN(made->body, BodyUntil("endwith"));
    return StatementPtr(std::move(made));
  }

  int loops_ = 0;
};

}  // namespace

Result<Block> ParseTemplate(std::vector<Token> tokens, const std::string& object) {
  return Parser(std::move(tokens), object).Run();
}

}  // namespace burin::jinja
