// Result<T>: how every failure that a user can cause travels. Bugs use BURIN_CHECK (check.h).
#pragma once

#include <fmt/format.h>

#include <string>
#include <tl/expected.hpp>
#include <utility>

namespace burin {

// What kind of failure: it decides the exit code (cli/main.cc).
enum class ErrorKind {
  kBadInput,  // a file, option or request is wrong: exit code 2
  kIo,  // the system refused: not found, unreadable, unwritable, no space, no memory: exit code 2
  kInterrupted,  // Ctrl-C or SIGTERM: exit code 130
};

// One failure, in four parts, so that every message answers the same questions.
struct Error {
  ErrorKind kind = ErrorKind::kBadInput;
  std::string object;    // which thing: "model.safetensors: tensor 'lm_head.weight'"
  std::string found;     // what was found: "shape [32, 64]"
  std::string expected;  // what was expected: "[512, 64]"; may be empty
  std::string advice;    // what to do next: "download the file again"; may be empty

  // "OBJECT: FOUND; expected EXPECTED. ADVICE"
  std::string ToString() const;
};

template <typename T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

inline tl::unexpected<Error> BadInput(std::string object, std::string found,
                                      std::string expected = {}, std::string advice = {}) {
  return tl::unexpected<Error>(Error{ErrorKind::kBadInput, std::move(object), std::move(found),
                                     std::move(expected), std::move(advice)});
}
inline tl::unexpected<Error> IoError(std::string object, std::string found,
                                     std::string expected = {}, std::string advice = {}) {
  return tl::unexpected<Error>(Error{ErrorKind::kIo, std::move(object), std::move(found),
                                     std::move(expected), std::move(advice)});
}
inline tl::unexpected<Error> Interrupted(std::string object) {
  return tl::unexpected<Error>(
      Error{ErrorKind::kInterrupted, std::move(object), "stopped by a signal", {}, {}});
}

#define BURIN_CONCAT_INNER(a, b) a##b
#define BURIN_CONCAT(a, b) BURIN_CONCAT_INNER(a, b)

// Returns the error of a Status-like expression to the caller.
#define BURIN_TRY(expr)                                                                      \
  if (auto BURIN_CONCAT(burin_try_, __LINE__) = (expr); !BURIN_CONCAT(burin_try_, __LINE__)) \
  return tl::unexpected<::burin::Error>(std::move(BURIN_CONCAT(burin_try_, __LINE__)).error())

// BURIN_ASSIGN(auto x, F()): x = the value of F(), or returns its error to the caller.
#define BURIN_ASSIGN(decl, expr) \
  BURIN_ASSIGN_IMPL(BURIN_CONCAT(burin_result_, __LINE__), decl, expr)
#define BURIN_ASSIGN_IMPL(tmp, decl, expr)                                 \
  auto tmp = (expr);                                                       \
  if (!tmp) return tl::unexpected<::burin::Error>(std::move(tmp).error()); \
  decl = std::move(*tmp)

}  // namespace burin
