// A refused request, as OpenAI's clients expect it: {"error": {message, type, param, code}}.
#pragma once

#include <string>
#include <tl/expected.hpp>

#include "http/message.h"

namespace burin {

struct ApiError {
  int status = 400;
  std::string message;
  std::string type = "invalid_request_error";
  std::string param = {};  // the field that is wrong: "messages[2].content"; empty: null
  std::string code = {};   // "context_length_exceeded"; empty: null
  int retry_after_s = 0;   // above 0: the header Retry-After
};

template <typename T>
using ApiResult = tl::expected<T, ApiError>;

inline tl::unexpected<ApiError> Refuse(ApiError error) { return tl::unexpected(std::move(error)); }

// A bad field.
ApiError BadField(std::string param, std::string message, std::string code = {});

std::string ToJson(const ApiError& error);
HttpResponse ToResponse(const ApiError& error);

#define BURIN_API_TRY(expr)                                                                      \
  if (auto BURIN_API_CONCAT(api_try_, __LINE__) = (expr); !BURIN_API_CONCAT(api_try_, __LINE__)) \
  return tl::unexpected<::burin::ApiError>(std::move(BURIN_API_CONCAT(api_try_, __LINE__)).error())
#define BURIN_API_ASSIGN(decl, expr) \
  BURIN_API_ASSIGN_IMPL(BURIN_API_CONCAT(api_result_, __LINE__), decl, expr)
#define BURIN_API_ASSIGN_IMPL(tmp, decl, expr)                                \
  auto tmp = (expr);                                                          \
  if (!tmp) return tl::unexpected<::burin::ApiError>(std::move(tmp).error()); \
  decl = std::move(*tmp)
#define BURIN_API_CONCAT_INNER(a, b) a##b
#define BURIN_API_CONCAT(a, b) BURIN_API_CONCAT_INNER(a, b)

}  // namespace burin
