#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>

#include "http/connection.h"

namespace burin {
namespace {

// Carries every call to the server's thread.
class Exchange final : public HttpExchange {
 public:
  Exchange(std::shared_ptr<Connection> connection, uint64_t serial)
      : connection_(std::move(connection)), serial_(serial) {}
  ~Exchange() override {
    boost::asio::post(connection_->io(), [c = connection_, n = serial_] { c->Forgotten(n); });
  }

  void Respond(HttpResponse response) override {
    Do([r = std::move(response)](Connection& c, uint64_t n) { c.Respond(n, r); });
  }
  void StartStream(HttpResponse head, std::string idle_text) override {
    Do([h = std::move(head), t = std::move(idle_text)](Connection& c, uint64_t n) mutable {
      c.StartStream(n, h, std::move(t));
    });
  }
  void Write(std::string piece) override {
    Do([p = std::move(piece)](Connection& c, uint64_t n) { c.Write(n, p); });
  }
  void Finish() override {
    Do([](Connection& c, uint64_t n) { c.Finish(n); });
  }
  void Post(std::function<void()> task) override {
    boost::asio::post(connection_->io(), std::move(task));
  }
  bool busy() const override { return connection_->busy(serial_); }
  void SetCallbacks(std::function<void()> drained, std::function<void()> closed) override {
    Do([d = std::move(drained), e = std::move(closed)](Connection& c, uint64_t n) mutable {
      c.SetCallbacks(n, std::move(d), std::move(e));
    });
  }

 private:
  template <typename Task>
  void Do(Task task) {
    boost::asio::dispatch(connection_->io(), [c = connection_, n = serial_,
                                              t = std::move(task)]() mutable { t(*c, n); });
  }

  const std::shared_ptr<Connection> connection_;
  const uint64_t serial_;
};

}  // namespace

std::shared_ptr<HttpExchange> MakeExchange(std::shared_ptr<Connection> connection,
                                           uint64_t serial) {
  return std::make_shared<Exchange>(std::move(connection), serial);
}

}  // namespace burin
