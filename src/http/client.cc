#include "http/client.h"

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <charconv>
#include <optional>

namespace burin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Tcp = asio::ip::tcp;
using SystemError = boost::system::error_code;

constexpr uint64_t kMaxAnswerBytes = uint64_t{1} << 30;

// Reads one answer from `stream`, handing on what comes.
template <typename Stream>
SystemError ReadAnswer(Stream& stream, boost::beast::flat_buffer& buffer,
                       const std::function<bool(std::string_view)>& on_body, bool& keep,
                       HttpResponse& response) {
  http::response_parser<http::string_body> parser;
  parser.body_limit(kMaxAnswerBytes);
  SystemError error;
  http::read_header(stream, buffer, parser, error);
  if (error) return error;
  const auto& message = parser.get();
  response.status = message.result_int();
  for (const auto& field : message) {
    response.headers.emplace_back(std::string(field.name_string()), std::string(field.value()));
  }
  response.content_type = std::string(message[http::field::content_type]);
  size_t seen = 0;
  keep = true;
  while (!parser.is_done()) {
    http::read_some(stream, buffer, parser, error);
    if (error && error != http::error::end_of_stream) return error;
    const std::string& body = message.body();
    if (on_body && body.size() > seen && !on_body(std::string_view(body).substr(seen))) {
      keep = false;
      return {};
    }
    seen = body.size();
    if (error) break;
  }
  keep = message.keep_alive() && !error;
  response.body = message.body();
  return {};
}

std::string RequestText(const HttpUrl& url, const HttpRequest& request) {
  std::string text = fmt::format("{} {}{} HTTP/1.1\r\nHost: {}:{}\r\n", request.method, url.base,
                                 request.path, url.host, url.port);
  for (const auto& [name, value] : request.headers) text += name + ": " + value + "\r\n";
  if (!request.body.empty() || request.method == "POST") {
    text += fmt::format("Content-Length: {}\r\n", request.body.size());
  }
  return text + "\r\n" + request.body;
}

}  // namespace

Result<HttpUrl> HttpUrl::Parse(const std::string& text) {
  const auto refuse = [&] {
    return BadInput("server", text, "http://HOST[:PORT][/PATH] or https://...");
  };
  HttpUrl url;
  std::string_view rest(text);
  if (rest.starts_with("https://")) {
    url.tls = true;
    url.port = 443;
    rest.remove_prefix(8);
  } else if (rest.starts_with("http://")) {
    rest.remove_prefix(7);
  } else {
    return refuse();
  }
  const size_t slash = rest.find('/');
  if (slash != std::string_view::npos) {
    url.base = rest.substr(slash);
    while (url.base.ends_with('/')) url.base.pop_back();
    rest = rest.substr(0, slash);
  }
  const size_t bracket = rest.find(']'), colon = rest.rfind(':');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    const std::string_view digits = rest.substr(colon + 1);
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), url.port);
    if (error != std::errc() || end != digits.data() + digits.size()) return refuse();
    rest = rest.substr(0, colon);
  }
  if (rest.starts_with('[') && rest.ends_with(']')) rest = rest.substr(1, rest.size() - 2);
  url.host = rest;
  if (url.host.empty() || text.find_first_of(" \t\r\n") != std::string::npos) return refuse();
  return url;
}

struct HttpClient::State {
  HttpUrl url;
  std::chrono::milliseconds timeout;
  asio::io_context io;
  asio::ssl::context tls_context{asio::ssl::context::tls_client};
  std::optional<Tcp::socket> plain;
  std::optional<asio::ssl::stream<Tcp::socket>> tls;
  boost::beast::flat_buffer buffer;

  bool connected() const { return plain || tls; }
  tl::unexpected<Error> Failure(const std::string& what) const {
    return IoError(fmt::format("{}:{}", url.host, url.port), what);
  }

  Status Connect() {
    SystemError error;
    Tcp::resolver resolver(io);
    const auto found = resolver.resolve(url.host, std::to_string(url.port), error);
    if (error) return Failure("cannot be found: " + error.message());
    Tcp::socket socket(io);
    asio::connect(socket, found, error);
    if (error) return Failure("no connection: " + error.message());
    socket.set_option(Tcp::no_delay(true), error);
    timeval wait{};
    wait.tv_sec = static_cast<time_t>(timeout.count() / 1000);
    wait.tv_usec = static_cast<suseconds_t>(timeout.count() % 1000 * 1000);
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
    if (!url.tls) {
      plain.emplace(std::move(socket));
      return {};
    }
    tls.emplace(std::move(socket), tls_context);
    tls->handshake(asio::ssl::stream_base::client, error);
    if (error) return Failure("no TLS: " + error.message());
    return {};
  }

  SystemError Exchange(const std::string& text,
                       const std::function<bool(std::string_view)>& on_body,
                       HttpResponse& response) {
    SystemError error;
    bool keep = false;
    auto run = [&](auto& stream) {
      asio::write(stream, asio::buffer(text), error);
      if (!error) error = ReadAnswer(stream, buffer, on_body, keep, response);
    };
    if (tls) {
      run(*tls);
    } else {
      run(*plain);
    }
    if (!keep) Close();
    return error;
  }

  void Close() {
    plain.reset();
    tls.reset();
    buffer.clear();
  }
};

HttpClient::HttpClient(HttpUrl url, std::chrono::milliseconds timeout)
    : state_(std::make_unique<State>()) {
  state_->url = std::move(url);
  state_->timeout = timeout;
}
HttpClient::~HttpClient() = default;
HttpClient::HttpClient(HttpClient&&) noexcept = default;

void HttpClient::Close() { state_->Close(); }

Result<HttpResponse> HttpClient::Send(const HttpRequest& request,
                                      const std::function<bool(std::string_view)>& on_body) {
  const std::string text = RequestText(state_->url, request);
  const bool reused = state_->connected();
  if (!reused) BURIN_TRY(state_->Connect());
  HttpResponse response;
  SystemError error = state_->Exchange(text, on_body, response);
  // A server may close a kept connection while the next request is on its way.
  if (error && reused && response.headers.empty()) {
    BURIN_TRY(state_->Connect());
    response = {};
    error = state_->Exchange(text, on_body, response);
  }
  if (error) return state_->Failure("the answer broke off: " + error.message());
  return response;
}

}  // namespace burin
