// JSON schemas (draft 2020-12 and before) as grammars of the JSON texts that they allow.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/constraint/expression.h"

namespace burin::constraint {

inline constexpr size_t kMaxSchemaBytes = size_t{1} << 20;

// Errors: kBadInput with a pointer into the schema: a keyword that is not supported, a wrong value
// of one, a reference to nowhere, a limit.
Result<Grammar> ReadJsonSchema(std::string_view schema, const std::string& object);

}  // namespace burin::constraint
