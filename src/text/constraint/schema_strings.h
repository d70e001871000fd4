// Strings of a JSON schema: lengths, patterns, formats.
#pragma once

#include <string>

#include "text/constraint/expression.h"
#include "text/constraint/schema_merge.h"

namespace burin::constraint {

// A JSON string, quotes included, that `schema` allows.
// Errors: kBadInput for a format or pattern that is not supported, or a wrong length.
Result<Expr> StringExpression(const Json& schema, const std::string& object,
                              const std::string& where);

// Any JSON string, and one that is written with the shortest escapes only.
Expr AnyString();
Expr PlainString();

// The value of a keyword that counts something; `fallback` when it is not there.
Result<uint32_t> CountOf(const Json& schema, const char* key, uint32_t fallback,
                         const std::string& object, const std::string& where);

}  // namespace burin::constraint
