#include "http/server.h"

#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <future>
#include <thread>
#include <unordered_map>

#include "http/connection.h"

namespace burin {
namespace {

namespace asio = boost::asio;
using Tcp = asio::ip::tcp;
using Error = boost::system::error_code;

constexpr std::chrono::milliseconds kAcceptPause{100};
constexpr uint64_t kOtherDescriptors = 64;  // cartridge, pipes, libraries

// As many descriptors as the system lets us have.
uint64_t RaiseDescriptorLimit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 1024;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  return limit.rlim_cur;
}

HttpResponse PlainRefusal(int status, std::string_view message) {
  return {status, "text/plain; charset=utf-8", std::string(message) + "\n", {}};
}

Status LoadTls(const HttpServerOptions& options, asio::ssl::context& context) {
  Error error;
  context.set_options(asio::ssl::context::default_workarounds | asio::ssl::context::no_sslv2 |
                      asio::ssl::context::no_sslv3 | asio::ssl::context::no_tlsv1 |
                      asio::ssl::context::no_tlsv1_1);
  context.use_certificate_chain_file(options.tls_certificate, error);
  if (error) {
    return BadInput(options.tls_certificate, error.message(), "a certificate chain in PEM form");
  }
  context.use_private_key_file(options.tls_key, asio::ssl::context::pem, error);
  if (error) {
    return BadInput(options.tls_key, error.message(), "the private key of the certificate, PEM");
  }
  return {};
}

class Server final : public HttpServer, public ConnectionOwner {
 public:
  Server(HttpServerOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        acceptor_(io_),
        accept_pause_(io_),
        workers_(static_cast<size_t>(options_.workers)) {
    if (!options_.refuse) options_.refuse = PlainRefusal;
  }
  ~Server() override { Stop(std::chrono::milliseconds(0)); }

  Status Listen() {
    const uint64_t descriptors = RaiseDescriptorLimit();
    const auto room = static_cast<int64_t>(
        descriptors > 2 * kOtherDescriptors ? descriptors - kOtherDescriptors : kOtherDescriptors);
    options_.max_connections = std::min(options_.max_connections, room);
    if (!options_.tls_certificate.empty()) {
      tls_.emplace(asio::ssl::context::tls_server);
      BURIN_TRY(LoadTls(options_, *tls_));
    }
    const std::string where = fmt::format("{}:{}", options_.host, options_.port);
    Error error;
    const auto address =
        asio::ip::make_address(options_.host == "localhost" ? "127.0.0.1" : options_.host, error);
    if (error) {
      return BadInput("--host", options_.host, "an address such as 127.0.0.1, 0.0.0.0 or ::1");
    }
    const Tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(Tcp::acceptor::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(asio::socket_base::max_listen_connections, error);
    if (error) {
      return IoError(where, "cannot listen: " + error.message(), {},
                     "Choose another --port or --host.");
    }
    port_ = acceptor_.local_endpoint(error).port();
    Accept();
    thread_ = std::thread([this] { io_.run(); });
    return {};
  }

  uint16_t port() const override { return port_; }
  HttpServerCounts counts() const override {
    return {open_.load(), refused_.load(), dropped_.load()};
  }

  void BeginStop() override {
    asio::post(io_, [this] {
      stopping_ = true;
      Error ignored;
      acceptor_.close(ignored);
      accept_pause_.cancel();
      ForEachConnection([](Connection& c) { c.CloseWhenIdle(); });
    });
  }

  int64_t Stop(std::chrono::milliseconds grace) override {
    if (!thread_.joinable()) return 0;
    BeginStop();
    const auto end = std::chrono::steady_clock::now() + grace;
    while (open_.load() > 0 && std::chrono::steady_clock::now() < end) {
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    workers_.join();  // handlers only hand work on; none waits for a client
    std::promise<int64_t> cut;
    asio::post(io_, [this, &cut] {
      int64_t answers = 0;
      ForEachConnection([&answers](Connection& c) {
        answers += c.answering() ? 1 : 0;
        c.Close();
      });
      cut.set_value(answers);
    });
    const int64_t answers = cut.get_future().get();
    work_.reset();
    // What the closed connections still have with the system ends with errors, then run() returns.
    thread_.join();
    return answers;
  }

  const HttpServerOptions& options() const override { return options_; }
  asio::io_context& io() override { return io_; }
  void Dispatch(std::shared_ptr<HttpExchange> exchange, HttpRequest request) override {
    asio::post(workers_, [this, e = std::move(exchange), r = std::move(request)]() mutable {
      handler_(std::move(e), std::move(r));
    });
  }
  bool ReserveBody(uint64_t bytes) override {
    if (bytes > options_.max_bodies_bytes - bodies_bytes_) return false;
    bodies_bytes_ += bytes;
    return true;
  }
  void ReleaseBody(uint64_t bytes) override { bodies_bytes_ -= bytes; }
  bool stopping() const override { return stopping_; }
  void Dropped() override { ++dropped_; }
  void Closed(Connection* connection) override {
    if (connections_.erase(connection) > 0) --open_;
  }

 private:
  void Accept() {
    acceptor_.async_accept([this](Error error, Tcp::socket socket) {
      if (stopping_ || error == asio::error::operation_aborted) return;
      if (error) {  // no descriptor or no memory: others must end first
        accept_pause_.expires_after(kAcceptPause);
        accept_pause_.async_wait([this](Error stopped) {
          if (!stopped && !stopping_) Accept();
        });
        return;
      }
      Take(std::move(socket));
      Accept();
    });
  }

  void Take(Tcp::socket socket) {
    // A few beyond the limit hear why; more are closed without a word.
    constexpr int64_t kRefusals = 32;
    const bool full = open_.load() >= options_.max_connections;
    if (full) ++refused_;
    if (open_.load() >= options_.max_connections + kRefusals) return;
    auto connection = Connection::Create(*this, std::move(socket), tls_ ? &*tls_ : nullptr);
    connections_.emplace(connection.get(), connection);
    ++open_;
    if (full && !tls_) return connection->StartRefusing();
    if (full) return connection->Close();
    connection->Start();
  }

  template <typename Body>
  void ForEachConnection(Body body) {
    std::vector<std::shared_ptr<Connection>> all;
    for (const auto& [key, weak] : connections_) {
      if (auto connection = weak.lock()) all.push_back(std::move(connection));
    }
    for (const auto& connection : all) body(*connection);
  }

  HttpServerOptions options_;
  const Handler handler_;
  asio::io_context io_{1};
  std::optional<asio::executor_work_guard<asio::io_context::executor_type>> work_{
      asio::make_work_guard(io_)};
  std::optional<asio::ssl::context> tls_;
  Tcp::acceptor acceptor_;
  asio::steady_timer accept_pause_;
  std::unordered_map<Connection*, std::weak_ptr<Connection>> connections_;
  bool stopping_ = false;
  uint64_t bodies_bytes_ = 0;
  std::atomic<int64_t> open_{0}, refused_{0}, dropped_{0};
  uint16_t port_ = 0;
  std::thread thread_;
  asio::thread_pool workers_;
};

}  // namespace

Result<std::unique_ptr<HttpServer>> HttpServer::Start(HttpServerOptions options, Handler handler) {
  if (options.tls_certificate.empty() != options.tls_key.empty()) {
    return BadInput("TLS", "a certificate or a key alone", "both files");
  }
  auto server = std::make_unique<Server>(std::move(options), std::move(handler));
  BURIN_TRY(server->Listen());
  return server;
}

}  // namespace burin
