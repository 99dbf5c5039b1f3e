// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <thread>

#include "absl/strings/str_cat.h"
#include "audit/tool/http_client.h"
#include "tests/fakes/loopback_server.h"

namespace kluis::audit::http_client_test {
namespace {

using testing::HasSubstr;

constexpr size_t kMax = 100;

std::string Response(const std::string& status, const std::string& body) {
  return absl::StrCat("HTTP/1.1 ", status, "\r\nContent-Length: ", body.size(), "\r\n\r\n", body);
}

// Answers every request with `bytes`, however long it takes the client to go.
class Answering {
 public:
  explicit Answering(const std::string& bytes)
      : server_([bytes](RawServer::Connection& connection) {
          connection.Send(bytes);
          connection.Hang();
        }) {}

  absl::StatusOr<std::string> Read() {
    const auto log = OpenHttpLog(server_.url(), 5);
    EXPECT_TRUE(log.ok()) << log.status();
    return (*log)->Read("checkpoint", kMax);
  }

 private:
  RawServer server_;
};

TEST(HttpLog, GivesAFileUpToItsBound) {
  const auto read = Answering(Response("200 OK", std::string(kMax, 'x'))).Read();
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, std::string(kMax, 'x'));
  EXPECT_EQ(Answering(Response("200 OK", std::string(kMax + 1, 'x'))).Read().status().code(),
            absl::StatusCode::kDataLoss);
}

// A web server's error page says nothing about the log, whatever its length.
TEST(HttpLog, JudgesTheStatusBeforeTheBody) {
  for (const size_t length : {size_t{0}, kMax, size_t{1} << 20}) {
    const std::string page(length, 'x');
    EXPECT_EQ(Answering(Response("404 Not Found", page)).Read().status().code(),
              absl::StatusCode::kNotFound);
    const absl::Status failed = Answering(Response("502 Bad Gateway", page)).Read().status();
    EXPECT_EQ(failed.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(failed.message()), HasSubstr("status 502"));
  }
}

TEST(HttpLog, ReadsOnAfterAFileThatIsNotThere) {
  std::atomic<int> calls = 0;
  RawServer server([&](RawServer::Connection& connection) {
    connection.Send(calls++ == 0 ? Response("404 Not Found", std::string(1 << 20, 'x'))
                                 : Response("200 OK", "body"));
    connection.Hang();
  });
  const auto log = OpenHttpLog(server.url(), 5);
  ASSERT_TRUE(log.ok());
  EXPECT_EQ((*log)->Read("tile/0/000.p/3", kMax).status().code(), absl::StatusCode::kNotFound);
  const auto read = (*log)->Read("tile/0/000", kMax);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(*read, "body");
}

// Each byte comes in time for the client, and the last one never does.
TEST(HttpLog, IsNotHeldByAServerThatDripsItsAnswer) {
  for (const std::string& head : {std::string("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"),
                                  std::string("HTTP/1.1 200 OK\r\nX-Long: ")}) {
    RawServer server([&](RawServer::Connection& connection) {
      connection.Send(head);
      while (connection.Send("x")) std::this_thread::sleep_for(std::chrono::milliseconds(20));
    });
    const auto log = OpenHttpLog(server.url(), 1);
    ASSERT_TRUE(log.ok());
    const auto begin = std::chrono::steady_clock::now();
    const absl::Status late = (*log)->Read("checkpoint", 1 << 20).status();
    EXPECT_EQ(late.code(), absl::StatusCode::kUnavailable);
    EXPECT_THAT(std::string(late.message()), HasSubstr("took longer than 1 s"));
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));
  }
}

TEST(OpenHttpLog, RefusesWhatIsNoUrl) {
  for (const char* url :
       {"", "http://", "ftp://host/", "host", "http://host/?a", "http://host/#a"}) {
    EXPECT_EQ(OpenHttpLog(url, 1).status().code(), absl::StatusCode::kInvalidArgument) << url;
  }
}

}  // namespace
}  // namespace kluis::audit::http_client_test
