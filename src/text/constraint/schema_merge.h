// Schemas joined into one that allows what all of them allow: allOf, $ref and anyOf beside other
// keywords.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace burin::constraint {

using Json = nlohmann::ordered_json;

// A joined schema may have lists of these two.
inline constexpr const char* kPatternKey = "pattern";
inline constexpr const char* kFormatKey = "format";

// What is wrong with a schema and where ("#/properties/age").
tl::unexpected<Error> SchemaError(const std::string& object, const std::string& where,
                                  std::string found, std::string expected = {},
                                  std::string advice = {});

// The types that `schema` names or, without `type`, that its other keywords speak of; empty: all.
std::vector<std::string> TypesOf(const Json& schema);

// `a` and `b`, which hold no $ref, joined. Keywords that only describe are dropped.
// Errors: kBadInput where two keywords cannot be joined.
Result<Json> Merge(const Json& a, const Json& b, const std::string& object,
                   const std::string& where);

// True when no value can be of both schemas (which hold no $ref, allOf or anyOf), as far as it can
// be seen from their types, constants and required properties.
bool AreDisjoint(const Json& a, const Json& b);

}  // namespace burin::constraint
