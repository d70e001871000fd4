// The two transports of a connection: TCP, and TLS over TCP.
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/bind_handler.hpp>
#include <boost/beast/http/read.hpp>

#include "http/connection.h"

namespace burin {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using Socket = asio::ip::tcp::socket;

std::string PeerOf(const Socket& socket) {
  boost::system::error_code error;
  const auto endpoint = socket.remote_endpoint(error);
  return error ? "unknown" : endpoint.address().to_string();
}

template <typename Stream>
class TransportConnection : public Connection {
 public:
  template <typename... Arguments>
  TransportConnection(ConnectionOwner& owner, const std::string& peer, Arguments&&... arguments)
      : Connection(owner, peer), stream_(std::forward<Arguments>(arguments)...) {}

 protected:
  std::shared_ptr<TransportConnection> Self() {
    return std::static_pointer_cast<TransportConnection>(shared_from_this());
  }
  void AsyncReadHead() override {
    http::async_read_header(stream_, buffer_, *parser_,
                            [self = Self()](Error error, size_t) { self->HeadRead(error); });
  }
  void AsyncReadBody() override {
    http::async_read(stream_, buffer_, *parser_,
                     [self = Self()](Error error, size_t) { self->BodyRead(error); });
  }
  void AsyncReadSome(size_t bytes) override {
    const size_t room = std::min(bytes, buffer_.max_size() - buffer_.size());
    stream_.async_read_some(buffer_.prepare(room), [self = Self()](Error error, size_t count) {
      self->SomeRead(error, count);
    });
  }
  void AsyncWrite() override {
    asio::async_write(stream_, asio::buffer(out_),
                      [self = Self()](Error error, size_t) { self->Written(error); });
  }

  Stream stream_;
};

class PlainConnection final : public TransportConnection<Socket> {
 public:
  using TransportConnection::TransportConnection;
  void AsyncHandshake() override { HandshakeDone({}); }
  void EndSending() override {
    Error ignored;
    stream_.shutdown(Socket::shutdown_send, ignored);
  }
  void CloseSocket() override {
    Error ignored;
    stream_.shutdown(Socket::shutdown_both, ignored);
    stream_.close(ignored);
  }
};

class TlsConnection final : public TransportConnection<asio::ssl::stream<Socket>> {
 public:
  using TransportConnection::TransportConnection;
  void AsyncHandshake() override {
    stream_.async_handshake(asio::ssl::stream_base::server,
                            [self = Self(), this](Error error) { HandshakeDone(error); });
  }
  void EndSending() override {}
  // Without the closing message of TLS: answers carry their length, and a peer that does not
  // answer would keep the connection.
  void CloseSocket() override {
    Error ignored;
    stream_.next_layer().shutdown(Socket::shutdown_both, ignored);
    stream_.next_layer().close(ignored);
  }
};

}  // namespace

std::shared_ptr<Connection> Connection::Create(ConnectionOwner& owner, Socket socket,
                                               asio::ssl::context* tls) {
  const std::string peer = PeerOf(socket);
  Error ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  if (tls == nullptr) return std::make_shared<PlainConnection>(owner, peer, std::move(socket));
  return std::make_shared<TlsConnection>(owner, peer, std::move(socket), *tls);
}

}  // namespace burin
