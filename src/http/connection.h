// One client's connection: reads a request, gives it to the handler, writes the answer, goes on.
// Internal to the module. Everything happens on the server's one thread.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/string_body.hpp>
#include <memory>
#include <optional>
#include <string>

#include "http/server.h"

namespace burin {

class Connection;

// What a connection needs of its server.
class ConnectionOwner {
 public:
  virtual ~ConnectionOwner() = default;
  virtual const HttpServerOptions& options() const = 0;
  virtual boost::asio::io_context& io() = 0;
  virtual void Dispatch(std::shared_ptr<HttpExchange> exchange, HttpRequest request) = 0;
  virtual bool ReserveBody(uint64_t bytes) = 0;  // false: no room
  virtual void ReleaseBody(uint64_t bytes) = 0;
  virtual bool stopping() const = 0;
  virtual void Dropped() = 0;
  virtual void Closed(Connection* connection) = 0;
};

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  using Error = boost::system::error_code;
  using Parser = boost::beast::http::request_parser<boost::beast::http::string_body>;

  static std::shared_ptr<Connection> Create(ConnectionOwner& owner,
                                            boost::asio::ip::tcp::socket socket,
                                            boost::asio::ssl::context* tls);
  virtual ~Connection() = default;

  void Start();
  void StartRefusing();  // answers 503 to whatever comes and closes
  // No further request; a connection that waits for one is closed.
  void CloseWhenIdle();
  void Close();
  bool answering() const { return state_ == State::kAnswering; }

  // Of HttpExchange, for the request number `serial`; ignored if that is not the present one.
  void Respond(uint64_t serial, const HttpResponse& response);
  void StartStream(uint64_t serial, const HttpResponse& head, std::string idle_text);
  void Write(uint64_t serial, std::string_view piece);
  void Finish(uint64_t serial);
  void SetCallbacks(uint64_t serial, std::function<void()> drained, std::function<void()> closed);
  void Forgotten(uint64_t serial);  // nobody is left to answer: the client need not wait
  bool busy(uint64_t serial) const { return serial == serial_ && write_in_flight_; }
  boost::asio::io_context& io() { return owner_.io(); }

 protected:
  Connection(ConnectionOwner& owner, std::string peer);

  // The transport. Each read and write ends in the method named after it.
  virtual void AsyncHandshake() = 0;
  virtual void AsyncReadHead() = 0;
  virtual void AsyncReadBody() = 0;
  virtual void AsyncReadSome(size_t bytes) = 0;
  virtual void AsyncWrite() = 0;  // of out_
  virtual void EndSending() = 0;  // the client sees the end, and may still send
  virtual void CloseSocket() = 0;

  void HandshakeDone(Error error);
  void HeadRead(Error error);
  void BodyRead(Error error);
  void SomeRead(Error error, size_t bytes);
  void Written(Error error);

  boost::beast::flat_buffer buffer_;  // read and not used yet
  std::optional<Parser> parser_;
  std::string out_;  // being written

 private:
  enum class State { kHandshake, kIdle, kHead, kBody, kAnswering, kClosing, kClosed };

  void WaitForRequest();
  void BeginHead();
  void Watch();
  void TakeHead();
  void Refuse(int status, std::string_view message);
  void SendHead(const HttpResponse& head, const std::string& framing);
  void Flush();
  void Drained();
  void AnswerDone();
  void PeerGone();
  void SetDeadline(std::chrono::milliseconds time);
  void DeadlineReached();
  void ReleaseBody();

  ConnectionOwner& owner_;
  const HttpServerOptions& options_;
  const std::string peer_;
  boost::asio::steady_timer deadline_;
  uint64_t deadline_serial_ = 0;
  State state_ = State::kHandshake;
  uint64_t serial_ = 0;  // of the present request
  HttpRequest request_;
  bool keep_alive_ = false, head_only_ = false, http10_ = false, lingering_ = false;
  bool watching_ = false;         // a read waits for bytes or the client's end
  bool write_in_flight_ = false;  // out_ is with the system
  bool chunked_ = false, streaming_ = false, finished_ = false;
  uint64_t body_reserved_ = 0;
  std::string next_;  // goes out after out_
  std::string idle_text_;
  std::function<void()> drained_, closed_;
};

// The answer to request `serial` of the connection.
std::shared_ptr<HttpExchange> MakeExchange(std::shared_ptr<Connection> connection, uint64_t serial);

}  // namespace burin
