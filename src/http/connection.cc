#include "http/connection.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/beast/http/error.hpp>

namespace burin {
namespace {

namespace http = boost::beast::http;

constexpr size_t kReadAhead = 4096;
// After a refusal the client's bytes are read and dropped for a moment: closing at once would reset
// the connection, and the client might never see the answer.
constexpr std::chrono::milliseconds kLinger{1000};

int StatusOf(const boost::system::error_code& error) {
  if (error == http::error::body_limit) return 413;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) return 431;
  return 400;
}

std::string LowerCase(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

HttpRequest RequestOf(const Connection::Parser& parser, const std::string& peer) {
  const auto& message = parser.get();
  HttpRequest request;
  const std::string_view method(message.method_string().data(), message.method_string().size());
  request.method = method == "HEAD" ? "GET" : std::string(method);
  const std::string_view target(message.target().data(), message.target().size());
  const size_t mark = target.find('?');
  request.path = target.substr(0, mark);
  if (mark != std::string_view::npos) request.query = target.substr(mark + 1);
  for (const auto& field : message) {
    const std::string_view name(field.name_string().data(), field.name_string().size());
    request.headers.emplace_back(LowerCase(name),
                                 std::string(field.value().data(), field.value().size()));
  }
  request.peer = peer;
  return request;
}

}  // namespace

Connection::Connection(ConnectionOwner& owner, std::string peer)
    : buffer_(owner.options().max_head_bytes + kReadAhead),
      owner_(owner),
      options_(owner.options()),
      peer_(std::move(peer)),
      deadline_(owner.io()) {}

void Connection::Start() {
  SetDeadline(options_.head_timeout);
  AsyncHandshake();
}

void Connection::StartRefusing() {
  lingering_ = true;
  keep_alive_ = false;
  state_ = State::kAnswering;
  Refuse(503, fmt::format("All {} connections are in use", options_.max_connections));
}

void Connection::HandshakeDone(Error error) {
  if (state_ != State::kHandshake) return;
  if (error) return Close();
  WaitForRequest();
}

void Connection::WaitForRequest() {
  if (owner_.stopping()) return Close();
  state_ = State::kIdle;
  SetDeadline(options_.idle_timeout);
  if (buffer_.size() > 0) return BeginHead();
  Watch();
}

// Reads what comes next, without using it: the first bytes of a request, or the client's end.
void Connection::Watch() {
  if (watching_) return;
  watching_ = true;
  AsyncReadSome(kReadAhead);
}

void Connection::SomeRead(Error error, size_t bytes) {
  watching_ = false;
  if (state_ == State::kClosed) return;
  if (error) return state_ == State::kAnswering ? PeerGone() : Close();
  if (state_ == State::kClosing) return Watch();  // dropped: nothing was committed
  buffer_.commit(bytes);
  // While an answer is written, a next request waits in the buffer.
  if (state_ == State::kIdle) BeginHead();
}

void Connection::BeginHead() {
  state_ = State::kHead;
  SetDeadline(options_.head_timeout);
  parser_.emplace();
  parser_->header_limit(static_cast<uint32_t>(options_.max_head_bytes));
  parser_->body_limit(options_.max_body_bytes);
  AsyncReadHead();
}

void Connection::HeadRead(Error error) {
  if (state_ != State::kHead) return;
  // A client that ends between requests has done nothing wrong.
  if (error == http::error::end_of_stream || error == http::error::partial_message) return Close();
  if (error && error.category() != make_error_code(http::error::bad_method).category()) {
    return Close();
  }
  if (error) {
    keep_alive_ = false;
    state_ = State::kAnswering;
    return Refuse(StatusOf(error), "Not a request that this server reads: " + error.message());
  }
  TakeHead();
}

void Connection::TakeHead() {
  const auto& message = parser_->get();
  ++serial_;
  keep_alive_ = message.keep_alive() && !owner_.stopping();
  head_only_ = message.method() == http::verb::head;
  http10_ = message.version() < 11;
  request_ = RequestOf(*parser_, peer_);
  state_ = State::kBody;
  auto answer_now = [this](const HttpResponse& response) {
    // An unread body would be taken for the next request.
    if (!parser_->is_done()) keep_alive_ = false;
    lingering_ = !parser_->is_done();
    state_ = State::kAnswering;
    Respond(serial_, response);
  };
  if (options_.screen) {
    if (auto response = options_.screen(request_)) return answer_now(*response);
  }
  if (!parser_->is_done()) {
    const auto length = parser_->content_length();
    const uint64_t bytes = length ? *length : options_.max_body_bytes;
    if (!owner_.ReserveBody(bytes)) {
      HttpResponse full = options_.refuse(503, "Too many bytes of requests are in flight");
      full.headers.emplace_back("Retry-After", "1");
      return answer_now(full);
    }
    body_reserved_ = bytes;
    const auto expect = request_.Header("expect");
    if (!expect.empty()) {
      next_ = "HTTP/1.1 100 Continue\r\n\r\n";
      Flush();
    }
  }
  SetDeadline(options_.body_timeout);
  AsyncReadBody();
}

void Connection::BodyRead(Error error) {
  if (state_ != State::kBody) return;
  if (error) {
    keep_alive_ = false;
    if (error.category() != make_error_code(http::error::bad_method).category() ||
        error == http::error::partial_message || error == http::error::end_of_stream) {
      return Close();
    }
    state_ = State::kAnswering;
    return Refuse(StatusOf(error), "The body cannot be read: " + error.message());
  }
  request_.body = std::move(parser_->get().body());
  parser_.reset();
  state_ = State::kAnswering;
  deadline_.cancel();
  ++deadline_serial_;
  if (buffer_.size() == 0) Watch();

  finished_ = streaming_ = false;
  owner_.Dispatch(MakeExchange(shared_from_this(), serial_), std::move(request_));
}

void Connection::Refuse(int status, std::string_view message) {
  lingering_ = true;
  finished_ = streaming_ = false;
  HttpResponse response = options_.refuse(status, message);
  if (status == 503) response.headers.emplace_back("Retry-After", "1");
  Respond(serial_, response);
}

void Connection::SendHead(const HttpResponse& head, const std::string& framing) {
  next_ += fmt::format("HTTP/1.1 {} {}\r\n", head.status, HttpReason(head.status));
  if (!head.content_type.empty()) next_ += "Content-Type: " + head.content_type + "\r\n";
  next_ += framing;
  for (const auto& [name, value] : head.headers) next_ += name + ": " + value + "\r\n";
  next_ += keep_alive_ ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
}

void Connection::Respond(uint64_t serial, const HttpResponse& response) {
  if (serial != serial_ || state_ != State::kAnswering || streaming_ || finished_) return;
  const bool no_body = response.status == 204 || response.status == 304;
  SendHead(response, no_body ? "" : fmt::format("Content-Length: {}\r\n", response.body.size()));
  if (!head_only_ && !no_body) next_ += response.body;
  finished_ = true;
  Flush();
}

void Connection::StartStream(uint64_t serial, const HttpResponse& head, std::string idle_text) {
  if (serial != serial_ || state_ != State::kAnswering || streaming_ || finished_) return;
  streaming_ = true;
  chunked_ = !http10_;
  if (http10_) keep_alive_ = false;
  SendHead(head, chunked_ ? "Transfer-Encoding: chunked\r\n" : "");
  idle_text_ = std::move(idle_text);
  if (!head.body.empty()) return Write(serial, head.body);
  Flush();
}

void Connection::Write(uint64_t serial, std::string_view piece) {
  if (serial != serial_ || state_ != State::kAnswering || !streaming_ || finished_) return;
  if (piece.empty() || head_only_) return;
  if (chunked_) next_ += fmt::format("{:x}\r\n", piece.size());
  next_ += piece;
  if (chunked_) next_ += "\r\n";
  Flush();
}

void Connection::Finish(uint64_t serial) {
  if (serial != serial_ || state_ != State::kAnswering || !streaming_ || finished_) return;
  if (chunked_ && !head_only_) next_ += "0\r\n\r\n";
  finished_ = true;
  Flush();
}

void Connection::SetCallbacks(uint64_t serial, std::function<void()> drained,
                              std::function<void()> closed) {
  if (serial != serial_ || state_ != State::kAnswering) {
    if (closed) closed();
    return;
  }
  drained_ = std::move(drained);
  closed_ = std::move(closed);
  // The client may have read all before this came to be called.
  if (streaming_ && !finished_ && !write_in_flight_) Drained();
}

void Connection::Flush() {
  if (write_in_flight_) return;
  if (next_.empty()) {
    if (finished_) AnswerDone();
    return;
  }
  out_.swap(next_);
  next_.clear();
  write_in_flight_ = true;
  if (state_ == State::kAnswering) SetDeadline(options_.write_timeout);
  AsyncWrite();
}

void Connection::Written(Error error) {
  write_in_flight_ = false;
  if (state_ == State::kClosed) return;
  if (error) return PeerGone();
  if (!next_.empty()) return Flush();
  if (state_ != State::kAnswering) return;
  if (finished_) return AnswerDone();
  if (streaming_) SetDeadline(options_.stream_idle);
  Drained();
}

void Connection::Drained() {
  if (!drained_) return;
  const auto drained = drained_;  // it may replace itself
  drained();
}

void Connection::AnswerDone() {
  drained_ = closed_ = nullptr;
  streaming_ = finished_ = false;
  request_ = {};
  parser_.reset();
  ReleaseBody();
  if (out_.capacity() > size_t{1} << 16) out_ = {};
  if (keep_alive_) return WaitForRequest();
  if (!lingering_) return Close();
  state_ = State::kClosing;
  SetDeadline(kLinger);
  EndSending();
  Watch();
}

void Connection::PeerGone() {
  if (state_ == State::kClosed) return;
  if (state_ == State::kAnswering && !finished_) owner_.Dropped();
  const auto closed = std::move(closed_);
  Close();
  if (closed) closed();
}

void Connection::Close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  deadline_.cancel();
  ++deadline_serial_;
  drained_ = closed_ = nullptr;
  ReleaseBody();
  CloseSocket();
  owner_.Closed(this);
}

void Connection::CloseWhenIdle() {
  keep_alive_ = false;
  if (state_ == State::kAnswering) return;
  Close();
}

void Connection::ReleaseBody() {
  if (body_reserved_ > 0) owner_.ReleaseBody(body_reserved_);
  body_reserved_ = 0;
}

void Connection::Forgotten(uint64_t serial) {
  if (serial == serial_ && state_ == State::kAnswering && !finished_) PeerGone();
}

void Connection::SetDeadline(std::chrono::milliseconds time) {
  const uint64_t serial = ++deadline_serial_;
  deadline_.expires_after(time);
  deadline_.async_wait([self = shared_from_this(), serial](Error error) {
    if (!error && serial == self->deadline_serial_) self->DeadlineReached();
  });
}

void Connection::DeadlineReached() {
  if (state_ == State::kAnswering && streaming_ && !write_in_flight_ && !finished_) {
    Write(serial_, idle_text_);
    if (idle_text_.empty()) SetDeadline(options_.stream_idle);
    return;
  }
  if (state_ == State::kHead || state_ == State::kBody) {
    // The read that waits is ended by closing; the client is told first, if it listens.
    keep_alive_ = false;
    state_ = State::kAnswering;
    watching_ = true;  // that read is still with the system
    return Refuse(408, "The request did not arrive in time");
  }
  PeerGone();
}

}  // namespace burin
