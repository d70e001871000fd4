#include "text/jinja/template.h"

#include "text/jinja/interpreter.h"
#include "text/jinja/lexer.h"
#include "text/jinja/parser.h"

namespace burin::jinja {

struct Template::Tree {
  std::string name;
  Block block;
};

Result<Template> Template::Parse(std::string_view source, const std::string& name) {
  BURIN_ASSIGN(std::vector<Token> tokens, Tokenize(source, name));
  BURIN_ASSIGN(Block block, ParseTemplate(std::move(tokens), name));
  auto tree = std::make_shared<Tree>();
  tree->name = name;
  tree->block = std::move(block);
  return Template(std::move(tree));
}

Result<MarkedText> Template::Render(const Dict& globals, const Limits& limits) const {
  return Interpreter(tree_->name, limits, globals).Run(tree_->block);
}

}  // namespace burin::jinja
