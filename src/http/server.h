// An HTTP/1.1 server: connections, their limits and deadlines, TLS, answers at once or as a stream.
// It knows no endpoint. One thread does all input and output; a few workers run the handler.
//
// Every resource that a client can ask for is bounded: connections, bytes of a head, bytes of a
// body, bytes of all bodies together, the time for each of them, the time that written bytes may
// wait for a slow reader.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "http/message.h"

namespace burin {

// The answer to one request. All functions may be called from any thread; what they do happens on
// the server's thread, in order. After the client has gone they do nothing.
class HttpExchange {
 public:
  virtual ~HttpExchange() = default;

  // The whole answer.
  virtual void Respond(HttpResponse response) = 0;

  // An answer in pieces: head first, then Write, then Finish. `body` of the head is the first
  // piece. While nothing is written for options.stream_idle, `idle_text` is sent (an SSE comment).
  virtual void StartStream(HttpResponse head, std::string idle_text) = 0;
  virtual void Write(std::string piece) = 0;
  virtual void Finish() = 0;

  // Runs `task` on the server's thread.
  virtual void Post(std::function<void()> task) = 0;

  // On the server's thread only: true while bytes wait for the client to read them. When they are
  // gone, or if they are already, `drained` is called. `closed` is called once if the client goes
  // before the answer ended.
  virtual bool busy() const = 0;
  virtual void SetCallbacks(std::function<void()> drained, std::function<void()> closed) = 0;
};

struct HttpServerOptions {
  std::string host = "127.0.0.1";
  uint16_t port = 0;                               // 0: the system chooses
  std::string tls_certificate, tls_key;            // PEM files; both or none
  int workers = 2;                                 // threads that run the handler
  int64_t max_connections = 1024;                  // more are answered 503
  uint64_t max_head_bytes = 16 << 10;              // else 431
  uint64_t max_body_bytes = 8 << 20;               // else 413
  uint64_t max_bodies_bytes = 256 << 20;           // of all requests in flight; else 503
  std::chrono::milliseconds head_timeout{15'000};  // from the first byte of a request
  std::chrono::milliseconds body_timeout{60'000};
  std::chrono::milliseconds idle_timeout{75'000};   // between requests of a connection
  std::chrono::milliseconds write_timeout{60'000};  // for bytes handed to the system
  std::chrono::milliseconds stream_idle{15'000};

  // Called on the server's thread when the head is there, before the body: what it returns is the
  // answer, and the body is not read. May be empty.
  std::function<std::optional<HttpResponse>(const HttpRequest& head)> screen = {};
  // Makes the answer to a request that the server itself refuses.
  std::function<HttpResponse(int status, std::string_view message)> refuse = {};
};

struct HttpServerCounts {
  int64_t connections = 0;  // open now
  int64_t refused = 0;      // since the start, for lack of room
  int64_t dropped = 0;      // clients that went before their answer ended
};

class HttpServer {
 public:
  // Runs on a worker; must call exactly one of Respond and StartStream, then or later.
  using Handler = std::function<void(std::shared_ptr<HttpExchange>, HttpRequest)>;

  // Binds the address and begins to serve. Errors: kBadInput for an address or certificate that
  // cannot be used, kIo when the port is taken.
  static Result<std::unique_ptr<HttpServer>> Start(HttpServerOptions options, Handler handler);
  virtual ~HttpServer() = default;  // stops at once

  virtual uint16_t port() const = 0;
  virtual HttpServerCounts counts() const = 0;

  // No more connections and requests: those that wait for one are closed.
  virtual void BeginStop() = 0;
  // BeginStop; waits until answers in flight have ended, at most `grace`,
  // then closes what is left. Returns the number of answers that were cut.
  virtual int64_t Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace burin
