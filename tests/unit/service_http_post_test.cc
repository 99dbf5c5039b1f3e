// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <chrono>
#include <future>
#include <string>

#include "service/publish/http_post.h"
#include "tests/fakes/loopback_server.h"

namespace kluis::service::http_post_test {
namespace {

// What one call of POST /w/add-checkpoint ends with.
HttpPost::Answer Post(const std::string& url, const std::string& body) {
  HttpPost post(*ParseHttpUrl(url), "/add-checkpoint", std::chrono::seconds(20));
  std::promise<HttpPost::Answer> answer;
  EXPECT_TRUE(post.Start(body, [&](HttpPost::Answer given) { answer.set_value(given); }));
  return answer.get_future().get();
}

TEST(HttpPost, BringsBackStatusTypeAndBody) {
  const LoopbackServer server([](const std::string& body) {
    return LoopbackAnswer{418, "text/x.test", "got " + body};
  });
  const HttpPost::Answer answer = Post(server.url(), std::string("\0\n\xFF", 3));
  EXPECT_EQ(answer.status, 418);
  EXPECT_EQ(answer.content_type, "text/x.test");
  EXPECT_EQ(answer.body, "got " + std::string("\0\n\xFF", 3));
  EXPECT_EQ(answer.failure, "");
}

TEST(HttpPost, TakesAnswersUpToALimit) {
  size_t size = HttpPost::kMaxAnswerBytes;
  const LoopbackServer server([&](const std::string&) {
    return LoopbackAnswer{200, "text/plain", std::string(size, 'x')};
  });
  EXPECT_EQ(Post(server.url(), "").body.size(), size);
  ++size;
  const HttpPost::Answer answer = Post(server.url(), "");
  EXPECT_EQ(answer.status, 0);
  EXPECT_EQ(answer.body, "");
  EXPECT_NE(answer.failure, "");
}

TEST(HttpPost, FailsWhereNobodyListensOrSpeaksTls) {
  std::string url;
  {
    const LoopbackServer gone([](const std::string&) { return LoopbackAnswer{}; });
    url = gone.url();
  }
  EXPECT_NE(Post(url, "").failure, "");
  const LoopbackServer plain([](const std::string&) { return LoopbackAnswer{}; });
  const HttpPost::Answer answer = Post("https" + plain.url().substr(4), "");
  EXPECT_EQ(answer.status, 0);
  EXPECT_NE(answer.failure, "");
}

TEST(HttpPost, EndsAtOnceWhileTheOtherSideHangs) {
  std::promise<void> reached;
  const RawServer hanging([&](RawServer::Connection& connection) {
    connection.ReadRequest();
    reached.set_value();
    connection.Hang();
  });
  std::promise<HttpPost::Answer> answer;
  const auto start = std::chrono::steady_clock::now();
  {
    HttpPost post(*ParseHttpUrl(hanging.url()), "/add-checkpoint", std::chrono::seconds(60));
    EXPECT_TRUE(post.Start("body", [&](HttpPost::Answer given) { answer.set_value(given); }));
    reached.get_future().wait();
    EXPECT_FALSE(post.Start("body", [](const HttpPost::Answer&) { FAIL(); }));
  }
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  const HttpPost::Answer given = answer.get_future().get();
  EXPECT_EQ(given.status, 0);
  EXPECT_NE(given.failure, "");
}

TEST(HttpPost, TellsOfEveryCallHoweverSoonItEnds) {
  const RawServer hanging([](RawServer::Connection& connection) { connection.Hang(); });
  for (int i = 0; i < 50; ++i) {
    std::promise<HttpPost::Answer> answer;
    {
      HttpPost post(*ParseHttpUrl(hanging.url()), "/add-checkpoint", std::chrono::seconds(60));
      post.Start("body", [&](HttpPost::Answer given) { answer.set_value(given); });
    }
    EXPECT_NE(answer.get_future().get().failure, "");
  }
}

TEST(HttpUrl, HasAHostAPortAndAPrefix) {
  const HttpUrl plain = *ParseHttpUrl("http://127.0.0.1:8080/a/b/");
  EXPECT_FALSE(plain.tls);
  EXPECT_EQ(plain.host, "127.0.0.1");
  EXPECT_EQ(plain.port, 8080);
  EXPECT_EQ(plain.prefix, "/a/b");
  const HttpUrl tls = *ParseHttpUrl("https://witness.example");
  EXPECT_TRUE(tls.tls);
  EXPECT_EQ(tls.port, 443);
  EXPECT_EQ(tls.prefix, "");
  EXPECT_EQ(ParseHttpUrl("http://w/")->port, 80);
  for (const char* bad :
       {"", "w.example", "http:/w", "http://", "http:///a", "http://:80", "http://w:", "http://w:0",
        "http://w:65536", "http://w:80x", "http://w:-1", "http://u@w/", "http://w/?q",
        "http://w/#f", "http://w/a b", "http://w\r\nX: y", "http://[::1]:80/", "HTTP://w/"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(ParseHttpUrl(bad).status())) << bad;
  }
}

}  // namespace
}  // namespace kluis::service::http_post_test
