// An HTTP request and response as plain data.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace burin {

using HttpHeaders = std::vector<std::pair<std::string, std::string>>;

struct HttpRequest {
  std::string method;   // "GET"; HEAD comes as GET
  std::string path;     // of the target, before '?', as sent
  std::string query;    // behind '?', as sent
  HttpHeaders headers;  // names in lower case, in the order of the request
  std::string body;
  std::string peer;  // address of the client, without port

  // The first header of that lower-case name, or nothing.
  std::string_view Header(std::string_view name) const;
};

struct HttpResponse {
  int status = 200;
  std::string content_type = "application/json";
  std::string body;
  HttpHeaders headers = {};  // beside Content-Type, Content-Length, Connection
};

// "Not Found" for 404; "Unknown" for what is not in the list of RFC 9110.
std::string_view HttpReason(int status);

// "%2F" and "+" resolved, for the values of a query. Broken escapes stay as they are.
std::string PercentDecoded(std::string_view text);

}  // namespace burin
