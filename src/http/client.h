// A blocking HTTP/1.1 client for one connection: what measuring and testing a server need.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace burin {

// Where a server is: "http://127.0.0.1:8080/base".
struct HttpUrl {
  bool tls = false;
  std::string host;
  uint16_t port = 80;
  std::string base;  // "" or "/base", without a slash at the end

  // Errors: kBadInput for anything but http(s)://HOST[:PORT][/PATH].
  static Result<HttpUrl> Parse(const std::string& text);
};

class HttpClient {
 public:
  // Does not connect yet. `timeout` bounds each wait for the server. A TLS server's certificate is
  // not verified: this client measures, it trusts nothing.
  HttpClient(HttpUrl url, std::chrono::milliseconds timeout);
  ~HttpClient();
  HttpClient(HttpClient&&) noexcept;

  // Sends `request` (method, path, headers with names as they are to be sent, body) and reads the
  // answer. `on_body`, if not empty, sees the body's bytes as they come; false ends the connection.
  // The connection is kept for the next request. Errors: kIo.
  Result<HttpResponse> Send(const HttpRequest& request,
                            const std::function<bool(std::string_view)>& on_body = {});

  // Ends the connection.
  void Close();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace burin
