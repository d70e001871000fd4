// Constraints of requests, compiled once for many sequences.
#pragma once

#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "serve/api_error.h"
#include "serve/generation_fields.h"
#include "serve/sequence.h"

namespace burin {

// Thread-safe.
class ConstraintMaker {
 public:
  // The constraint of one sequence; null for plain text. Errors: 400 for a schema, regex or grammar
  // that is wrong or not supported, with its reason and the field.
  ApiResult<std::shared_ptr<TokenConstraint>> Make(const OutputFormat& format);
};

}  // namespace burin
