// Tokens to a tree.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "text/jinja/ast.h"
#include "text/jinja/lexer.h"

namespace burin::jinja {

// Levels of nesting of tags and expressions, and operators in one chain.
inline constexpr int kMaxParseDepth = 150;

// Errors: kBadInput with the line: a wrong syntax, a tag of Jinja2 that is not supported (include,
// import, extends, block, do), too much nesting.
Result<Block> ParseTemplate(std::vector<Token> tokens, const std::string& object);

}  // namespace burin::jinja
