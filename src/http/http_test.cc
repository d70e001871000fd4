#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "http/client.h"
#include "http/server.h"

namespace burin {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using ::testing::StartsWith;

// A raw connection, for what a proper client would not send.
class RawClient {
 public:
  explicit RawClient(uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  }
  ~RawClient() { Close(); }
  RawClient(const RawClient&) = delete;
  void Send(const std::string& text) const {
    EXPECT_EQ(::send(socket_, text.data(), text.size(), MSG_NOSIGNAL),
              static_cast<ssize_t>(text.size()));
  }
  // All bytes until the server closes.
  std::string ReadAll() const {
    std::string all;
    char part[4096];
    for (ssize_t n; (n = ::recv(socket_, part, sizeof part, 0)) > 0;) {
      all.append(part, static_cast<size_t>(n));
    }
    return all;
  }
  std::string ReadSome() const {
    char part[4096];
    const ssize_t n = ::recv(socket_, part, sizeof part, 0);
    return n > 0 ? std::string(part, static_cast<size_t>(n)) : std::string();
  }
  void Close() {
    if (socket_ >= 0) ::close(socket_);
    socket_ = -1;
  }

 private:
  int socket_;
};

HttpServerOptions TestOptions() {
  HttpServerOptions options;
  options.max_body_bytes = 1000;
  options.max_head_bytes = 2000;
  options.refuse = [](int status, std::string_view message) {
    return HttpResponse{status, "text/plain", "refused: " + std::string(message), {}};
  };
  return options;
}

// /echo answers with the request's body, /stream in three pieces, /wait never.
void Answer(const std::shared_ptr<HttpExchange>& exchange, const HttpRequest& request) {
  if (request.path == "/stream") {
    exchange->StartStream({200, "text/plain", "one ", {}}, "idle ");
    exchange->Write("two ");
    exchange->Write("three");
    exchange->Finish();
    return;
  }
  exchange->Respond({200,
                     "text/plain",
                     request.method + " " + request.path + "?" + request.query + " " + request.body,
                     {{"X-Test", std::string(request.Header("x-test"))}}});
}

std::unique_ptr<HttpServer> StartServer(HttpServerOptions options = TestOptions(),
                                        HttpServer::Handler handler = Answer) {
  auto server = HttpServer::Start(std::move(options), std::move(handler));
  EXPECT_TRUE(server) << server.error().ToString();
  return std::move(*server);
}

HttpClient ClientOf(const HttpServer& server) {
  return HttpClient({false, "127.0.0.1", server.port(), ""}, milliseconds(5000));
}

void WaitUntil(const std::function<bool()>& condition) {
  for (int i = 0; i < 1000 && !condition(); ++i) std::this_thread::sleep_for(milliseconds(5));
  EXPECT_TRUE(condition());
}

TEST(HttpServer, AnswersRequestsOnOneConnection) {
  const auto server = StartServer();
  HttpClient client = ClientOf(*server);
  for (int i = 0; i < 3; ++i) {
    const auto answer = client.Send({"POST", "/echo?q=1", "", {{"X-Test", "yes"}}, "hello", ""});
    ASSERT_TRUE(answer) << answer.error().ToString();
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->body, "POST /echo?q=1 hello");
  }
  EXPECT_EQ(server->counts().connections, 1);
}

TEST(HttpServer, StreamsInChunks) {
  const auto server = StartServer();
  std::string seen;
  const auto answer =
      ClientOf(*server).Send({"GET", "/stream", "", {}, "", ""}, [&seen](std::string_view part) {
        seen += part;
        return true;
      });
  ASSERT_TRUE(answer);
  EXPECT_EQ(seen, "one two three");
  RawClient old(server->port());
  old.Send("GET /stream HTTP/1.0\r\n\r\n");
  const std::string all = old.ReadAll();
  EXPECT_THAT(all, testing::EndsWith("\r\n\r\none two three"));
  EXPECT_THAT(all, Not(HasSubstr("chunked")));
}

TEST(HttpServer, AnswersPipelinedRequestsInOrder) {
  const auto server = StartServer();
  RawClient client(server->port());
  client.Send("GET /a HTTP/1.1\r\n\r\nGET /b HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string all = client.ReadAll();
  EXPECT_LT(all.find("GET /a?"), all.find("GET /b?"));
  EXPECT_THAT(all, HasSubstr("GET /b?"));
}

TEST(HttpServer, HeadGetsNoBody) {
  const auto server = StartServer();
  RawClient client(server->port());
  client.Send("HEAD /x HTTP/1.1\r\nConnection: close\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), testing::EndsWith("\r\n\r\n"));
}

TEST(HttpServer, RefusesWhatIsTooLargeOrBroken) {
  const auto server = StartServer();
  const auto ask = [&](const std::string& text) {
    RawClient client(server->port());
    client.Send(text);
    return client.ReadAll();
  };
  const std::string big(1001, 'x'), huge(3000, 'x');
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nContent-Length: 1001\r\n\r\n" + big),
              StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(
      ask("POST /echo HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + big + "\r\n"),
      StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nX: " + huge + "\r\n\r\n"), StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(ask("no http at all\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"),
              StartsWith("HTTP/1.1 400"));
  EXPECT_TRUE(ClientOf(*server).Send({"GET", "/echo", "", {}, "", ""}));
}

TEST(HttpServer, EndsRequestsThatDoNotArrive) {
  HttpServerOptions options = TestOptions();
  options.head_timeout = options.body_timeout = milliseconds(80);
  options.idle_timeout = milliseconds(80);
  const auto server = StartServer(options);
  RawClient head(server->port()), body(server->port()), silent(server->port());
  head.Send("GET / HTTP/1.1\r\nX: ");
  body.Send("POST / HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_THAT(head.ReadAll(), StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(body.ReadAll(), StartsWith("HTTP/1.1 408"));
  EXPECT_EQ(silent.ReadAll(), "");
  WaitUntil([&] { return server->counts().connections == 0; });
}

TEST(HttpServer, TellsWhenTheClientGoes) {
  std::atomic<int> closed{0};
  std::shared_ptr<HttpExchange> held;
  const auto server =
      StartServer(TestOptions(), [&](const std::shared_ptr<HttpExchange>& e, const HttpRequest&) {
        held = e;  // before `closed` can rise
        e->SetCallbacks({}, [&closed] { ++closed; });
      });
  RawClient client(server->port());
  client.Send("GET /wait HTTP/1.1\r\n\r\n");
  WaitUntil([&] { return server->counts().connections == 1; });
  client.Close();
  WaitUntil([&] { return closed == 1; });
  EXPECT_EQ(server->counts().connections, 0);
  EXPECT_EQ(server->counts().dropped, 1);
  held->Respond({});  // nobody is there: nothing happens
  server->Stop(milliseconds(0));
  held.reset();
}

TEST(HttpServer, SlowReaderIsDropped) {
  HttpServerOptions options = TestOptions();
  options.write_timeout = milliseconds(100);
  const auto server =
      StartServer(options, [](const std::shared_ptr<HttpExchange>& e, const HttpRequest&) {
        e->Respond({200, "text/plain", std::string(size_t{64} << 20, 'x'), {}});
      });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.1\r\n\r\n");
  EXPECT_NE(client.ReadSome(), "");
  WaitUntil([&] { return server->counts().connections == 0; });
}

TEST(HttpServer, DrainedAsksForTheNextPiece) {
  std::atomic<int64_t> drains{0};
  const auto server =
      StartServer(TestOptions(), [&](const std::shared_ptr<HttpExchange>& e, const HttpRequest&) {
        e->StartStream({200, "text/plain", "", {}}, "");
        e->SetCallbacks(
            [&drains, e] {
              if (++drains < 100) {
                e->Write(std::string(1000, 'x'));
              } else {
                e->Finish();
              }
            },
            {});
      });
  const auto answer = ClientOf(*server).Send({"GET", "/", "", {}, "", ""});
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->body.size(), 99000U);
}

TEST(HttpServer, WritesAreHeldBackUntilTheClientReads) {
  constexpr size_t kBytes = size_t{64} << 20;  // more than the system's buffers of a socket hold
  std::atomic<int64_t> drains{0}, looks{0}, busy{0};
  const auto server =
      StartServer(TestOptions(), [&](const std::shared_ptr<HttpExchange>& e, const HttpRequest&) {
        e->SetCallbacks(
            [&drains, e] {
              ++drains;
              e->Finish();
            },
            {});
        e->StartStream({200, "text/plain", std::string(kBytes, 'x'), {}}, "");
        e->Post([&looks, &busy, e] {
          busy += e->busy() ? 1 : 0;
          ++looks;
        });
      });
  RawClient client(server->port());
  client.Send("GET / HTTP/1.0\r\n\r\n");
  WaitUntil([&] { return looks == 1; });
  EXPECT_EQ(busy, 1);
  EXPECT_EQ(drains, 0);
  const std::string all = client.ReadAll();
  EXPECT_EQ(all.size() - (all.find("\r\n\r\n") + 4), kBytes);
  EXPECT_EQ(drains, 1);
}

TEST(HttpServer, KeepsIdleStreamsAlive) {
  HttpServerOptions options = TestOptions();
  options.stream_idle = milliseconds(20);
  std::shared_ptr<HttpExchange> held;
  const auto server =
      StartServer(options, [&](const std::shared_ptr<HttpExchange>& e, const HttpRequest&) {
        e->StartStream({200, "text/event-stream", "", {}}, ":\n\n");
        held = e;
      });
  std::string seen;
  ClientOf(*server).Send({"GET", "/", "", {}, "", ""}, [&seen](std::string_view part) {
    seen += part;
    return seen.size() < 9;
  });
  EXPECT_EQ(seen, ":\n\n:\n\n:\n\n");
  server->Stop(milliseconds(0));
  held.reset();
}

TEST(HttpServer, BoundsConnections) {
  HttpServerOptions options = TestOptions();
  options.max_connections = 2;
  const auto server = StartServer(options);
  RawClient first(server->port()), second(server->port());
  WaitUntil([&] { return server->counts().connections == 2; });
  RawClient third(server->port());
  const std::string answer = third.ReadAll();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503"));
  EXPECT_THAT(answer, HasSubstr("Retry-After: 1"));
  EXPECT_EQ(server->counts().refused, 1);
  first.Close();
  WaitUntil([&] { return server->counts().connections == 1; });
  EXPECT_TRUE(ClientOf(*server).Send({"GET", "/echo", "", {}, "", ""}));
}

TEST(HttpServer, BoundsTheBytesOfAllBodies) {
  HttpServerOptions options = TestOptions();
  options.max_bodies_bytes = 1500;
  const auto server = StartServer(options);
  RawClient slow(server->port());
  slow.Send("POST /echo HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 900\r\n\r\n");
  EXPECT_THAT(slow.ReadSome(), StartsWith("HTTP/1.1 100"));
  const auto refused = ClientOf(*server).Send({"POST", "/echo", "", {}, std::string(900, 'x'), ""});
  ASSERT_TRUE(refused);
  EXPECT_EQ(refused->status, 503);
  slow.Close();
  WaitUntil([&] { return server->counts().connections == 0; });
  EXPECT_EQ(ClientOf(*server).Send({"POST", "/echo", "", {}, std::string(900, 'x'), ""})->status,
            200);
}

TEST(HttpServer, ScreensHeadsBeforeBodies) {
  HttpServerOptions options = TestOptions();
  options.screen = [](const HttpRequest& head) -> std::optional<HttpResponse> {
    if (head.Header("authorization") == "Bearer x") return std::nullopt;
    return HttpResponse{401, "text/plain", "no", {}};
  };
  const auto server = StartServer(options);
  RawClient client(server->port());
  client.Send("POST / HTTP/1.1\r\nContent-Length: 900\r\n\r\n");
  EXPECT_THAT(client.ReadAll(), StartsWith("HTTP/1.1 401"));
  EXPECT_EQ(
      ClientOf(*server).Send({"GET", "/", "", {{"Authorization", "Bearer x"}}, "", ""})->status,
      200);
}

TEST(HttpServer, StopLetsAnswersEnd) {
  std::shared_ptr<HttpExchange> held;
  std::atomic<bool> asked{false};
  const auto server =
      StartServer(TestOptions(), [&](const std::shared_ptr<HttpExchange>& e, const HttpRequest&) {
        held = e;
        asked = true;
      });
  RawClient idle(server->port()), client(server->port());
  client.Send("GET / HTTP/1.1\r\n\r\n");
  WaitUntil([&] { return asked.load(); });
  std::thread later([&] {
    std::this_thread::sleep_for(milliseconds(50));
    held->Respond({200, "text/plain", "late", {}});
  });
  EXPECT_EQ(server->Stop(milliseconds(5000)), 0);
  later.join();
  EXPECT_EQ(idle.ReadAll(), "");
  const std::string answer = client.ReadAll();
  EXPECT_THAT(answer, testing::EndsWith("late"));
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  held.reset();
}

TEST(HttpServer, RefusesAnAddressThatIsTaken) {
  const auto server = StartServer();
  HttpServerOptions options = TestOptions();
  options.port = server->port();
  const auto second = HttpServer::Start(options, Answer);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().kind, ErrorKind::kIo);
  options.host = "not an address";
  EXPECT_EQ(HttpServer::Start(options, Answer).error().kind, ErrorKind::kBadInput);
  options.host = "127.0.0.1";
  options.tls_certificate = options.tls_key = "/nowhere.pem";
  EXPECT_THAT(HttpServer::Start(options, Answer).error().ToString(), HasSubstr("/nowhere.pem"));
}

TEST(HttpUrl, ParsesWhatItPrints) {
  const auto url = HttpUrl::Parse("https://[::1]:8443/v1/");
  ASSERT_TRUE(url);
  EXPECT_TRUE(url->tls);
  EXPECT_EQ(url->host, "::1");
  EXPECT_EQ(url->port, 8443);
  EXPECT_EQ(url->base, "/v1");
  EXPECT_EQ(HttpUrl::Parse("http://host")->port, 80);
  for (const char* bad : {"", "host", "ftp://x", "http://", "http://x:99999", "http://x:1y"}) {
    EXPECT_FALSE(HttpUrl::Parse(bad)) << bad;
  }
}

TEST(PercentDecoded, KeepsBrokenEscapes) {
  EXPECT_EQ(PercentDecoded("a%20b+c%2Fd"), "a b c/d");
  EXPECT_EQ(PercentDecoded("%"), "%");
  EXPECT_EQ(PercentDecoded("%2"), "%2");
  EXPECT_EQ(PercentDecoded("%zz"), "%zz");
}

}  // namespace
}  // namespace burin
