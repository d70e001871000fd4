// The expressions of a template, with the precedence of Jinja2. Internal to the parser.
#pragma once

#include <initializer_list>

#include "text/jinja/parser.h"

namespace burin::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, const std::string& object)
      : object_(object), tokens_(std::move(tokens)) {}

 protected:
  Result<ExpressionPtr> Condition();  // a if b else c
  Result<ExpressionPtr> Or();
  // An expression, or several with commas between, which make a tuple.
  Result<ExpressionPtr> Tuple(bool with_condition = true);
  // | a | b(c), applied to `input`, which may be null.
  Result<ExpressionPtr> Filters(ExpressionPtr input);
  Result<ExpressionPtr> Unary(bool with_filters = true);
  Status Arguments(Expression& call);

  const Token& Now() const { return tokens_[at_]; }
  const Token& Next() const { return tokens_[std::min(at_ + 1, tokens_.size() - 1)]; }
  Token Take();
  bool IsOperator(std::string_view text) const;
  bool IsName(std::string_view text) const;
  bool SkipOperator(std::string_view text);
  bool SkipName(std::string_view text);
  Status ExpectOperator(std::string_view text);
  Result<std::string> ExpectName();
  tl::unexpected<Error> Fail(std::string found, std::string expected = {},
                             std::string advice = {}) const;
  // What stands here, for a message.
  std::string Here() const;

  // Counts nesting as long as it lives.
  class Level {
   public:
    explicit Level(int& depth) : depth_(depth) { ++depth_; }
    ~Level() { --depth_; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    int& depth_;
  };
  Status CheckDepth() const;

  const std::string& object_;
  int depth_ = 0;

 private:
  using Kind = Expression::Kind;
  using Step = Result<ExpressionPtr> (ExpressionParser::*)();
  std::unique_ptr<Expression> Make(Kind kind) const;
  static void AddPart(Expression& parent, ExpressionPtr part);
  Result<ExpressionPtr> Finish(std::unique_ptr<Expression> expression) const;
  Result<ExpressionPtr> Chain(Step part, std::initializer_list<std::string_view> operators,
                              bool names);
  Result<ExpressionPtr> And();
  Result<ExpressionPtr> Not();
  Result<ExpressionPtr> Compare();
  Result<ExpressionPtr> Sum();
  Result<ExpressionPtr> Concat();
  Result<ExpressionPtr> Product();
  Result<ExpressionPtr> Power();
  Result<ExpressionPtr> PlainUnary() { return Unary(); }
  Result<ExpressionPtr> Primary();
  Result<ExpressionPtr> NameOrConstant();
  Result<ExpressionPtr> ListOf(Kind kind, std::string_view close);
  Result<ExpressionPtr> DictLiteral();
  Result<ExpressionPtr> Postfix(ExpressionPtr value);
  Result<ExpressionPtr> FiltersAndTests(ExpressionPtr value);
  Result<ExpressionPtr> Subscript(ExpressionPtr value);
  Result<ExpressionPtr> Call(ExpressionPtr callee);
  Result<ExpressionPtr> Test(ExpressionPtr value);
  bool SkipComparison(std::string* name);

  std::vector<Token> tokens_;
  size_t at_ = 0;
};

}  // namespace burin::jinja
