// JSON text as values of a template.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "text/jinja/value.h"

namespace burin::jinja {

// Every text in it is foreign. The order of keys is kept; of a key that comes twice the last value
// counts. Integers beyond 64 bits become floats.
// Errors: kBadInput, with `object`, for wrong JSON and for more than 64 levels of nesting.
Result<Value> FromJson(std::string_view json, const std::string& object);

}  // namespace burin::jinja
