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
#include "text/constraint.h"

namespace burin {

// What a text that begins may say.
std::shared_ptr<TokenConstraint> StartConstraint(const Constraint& constraint);

// Thread-safe.
class ConstraintMaker {
 public:
  explicit ConstraintMaker(ConstraintVocabulary vocabulary) : vocabulary_(std::move(vocabulary)) {}

  // The constraint of one sequence; null for plain text. Errors: 400 for a schema, regex or grammar
  // that is wrong or not supported, with its reason and the field.
  ApiResult<std::shared_ptr<TokenConstraint>> Make(const OutputFormat& format);

 private:
  Result<Constraint> Compile(const OutputFormat& format) const;

  const ConstraintVocabulary vocabulary_;
  std::mutex mutex_;
  std::list<std::pair<std::string, Constraint>> recent_;  // most recently used first
};

}  // namespace burin
