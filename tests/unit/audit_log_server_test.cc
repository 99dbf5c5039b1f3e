// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "audit/tiles.h"
#include "audit/tool/log_server.h"
#include "tests/fakes/loopback_client.h"
#include "tests/fakes/scratch_directory.h"

namespace kluis::audit::log_server_test {
namespace {

using testing::HasSubstr;
namespace fs = std::filesystem;

constexpr char kBundle[] = "/tile/entries/000.p/7";

// A directory with a checkpoint, a bundle of 1 MiB and a file that is not for readers, served.
class LogServerTest : public testing::Test {
 protected:
  LogServerTest() {
    fs::create_directories(directory_.path() + "/tile/entries/000.p");
    Write("checkpoint", "log.example\n7\n");
    Write("tile/entries/000.p/7", std::string(size_t{1} << 20, 'b'));
    Write("secret", "secret");
    Serve({});
  }

  void Write(const std::string& name, const std::string& bytes) {
    std::ofstream(directory_.path() + "/" + name, std::ios::binary) << bytes;
  }
  void Serve(const LogServerLimits& limits) {
    auto server = LogServer::Start(directory_.path(), {"127.0.0.1", 0}, limits);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  int port() const { return server_->port(); }
  HttpAnswer Get(const std::string& path, const std::string& headers = "") {
    return HttpSend(port(), "GET " + path + " HTTP/1.1\r\nHost: l\r\n" + headers + "\r\n");
  }
  // A connection that has sent `bytes` and gives up reading after 20 seconds.
  // From an address of loopback's.
  int Connect(const std::string& bytes, const char* source = "127.0.0.1") const {
    const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<uint16_t>(port()));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    sockaddr_in from{};
    from.sin_family = AF_INET;
    EXPECT_EQ(inet_pton(AF_INET, source, &from.sin_addr), 1);
    EXPECT_EQ(bind(connection, reinterpret_cast<const sockaddr*>(&from), sizeof(from)), 0);
    const timeval patience{20, 0};
    setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    setsockopt(connection, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    EXPECT_EQ(connect(connection, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    return connection;
  }
  // Everything until the server closes, and closes too. False: the server did not close in time.
  static bool ReadToEnd(int connection, std::string* text = nullptr) {
    char buffer[4096];
    ssize_t size = 0;
    while ((size = recv(connection, buffer, sizeof(buffer), 0)) > 0) {
      if (text != nullptr) text->append(buffer, static_cast<size_t>(size));
    }
    const bool closed = size == 0 || errno == ECONNRESET;
    close(connection);
    return closed;
  }

  ScratchDirectory directory_;
  std::unique_ptr<LogServer> server_;
};

TEST_F(LogServerTest, ServesCheckpointAndTilesAndNothingElse) {
  EXPECT_EQ(Get("/checkpoint").body, "log.example\n7\n");
  EXPECT_EQ(Get(kBundle).body.size(), size_t{1} << 20);
  for (const char* path : {"/", "/secret", "/../secret", "/tile/../secret", "/tile/../../x",
                           "/tile/entries/000.p/0", "/tile/0/001", "/checkpoint/", "//checkpoint",
                           "/checkpoint?x", "/tile/entries/000.p/8", "checkpoint", "/tile"}) {
    EXPECT_EQ(Get(path).status, 404) << path;
  }
  for (const char* line :
       {"POST /checkpoint HTTP/1.1", "DELETE /checkpoint HTTP/1.1", "get /checkpoint HTTP/1.1"}) {
    EXPECT_EQ(HttpSend(port(), std::string(line) + "\r\n\r\n").status, 405) << line;
  }
  for (const char* line : {"GET", "GET /checkpoint", "GET /checkpoint FTP/1.1", "PRI * HTTP/2.0"}) {
    EXPECT_EQ(HttpSend(port(), std::string(line) + "\r\n\r\n").status, 400) << line;
  }
}

TEST_F(LogServerTest, AnswersHeadWithTheSizeAndNoBody) {
  std::string text;
  ASSERT_TRUE(ReadToEnd(Connect(std::string("HEAD ") + kBundle + " HTTP/1.1\r\n\r\n"), &text));
  EXPECT_THAT(text, HasSubstr("Content-Length: 1048576\r\n"));
  EXPECT_TRUE(text.ends_with("\r\n\r\n"));
}

TEST_F(LogServerTest, TakesADirectoryForNoTile) {
  fs::create_directories(directory_.path() + "/tile/0/000.p/9");
  EXPECT_EQ(Get("/tile/0/000.p/9").status, 503);
}

// cpp-httplib 0.11 kept each byte of it until the kernel ended the process.
TEST_F(LogServerTest, ReadsNothingOfAnEndlessPostInChunks) {
  const int connection =
      Connect("POST /checkpoint HTTP/1.1\r\nHost: l\r\nTransfer-Encoding: chunked\r\n\r\n");
  const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
  constexpr size_t kMost = size_t{256} << 20;  // more than any socket's buffers
  size_t sent = 0;
  while (sent < kMost) {
    const ssize_t count = send(connection, chunk.data(), chunk.size(), MSG_NOSIGNAL);
    if (count < 0) break;
    sent += static_cast<size_t>(count);
  }
  EXPECT_LT(sent, kMost) << "the server still reads";
  close(connection);
  EXPECT_EQ(Get("/checkpoint").status, 200);
}

// cpp-httplib 0.11 answered 3 KB of header with 122 MB.
TEST_F(LogServerTest, AnswersARangeOfManyPartsWithTheFileOnce) {
  std::string ranges = "Range: bytes=0-";
  while (ranges.size() < 3000) ranges += ",0-";
  const HttpAnswer answer = Get(kBundle, ranges + "\r\n");
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body.size(), size_t{1} << 20);
}

TEST_F(LogServerTest, RefusesAHeadThatDoesNotEnd) {
  const std::string header = "X: " + std::string(kMaxRequestBytes, 'x');
  EXPECT_EQ(HttpSend(port(), "GET /checkpoint HTTP/1.1\r\n" + header).status, 431);
  EXPECT_EQ(HttpSend(port(), std::string(kMaxRequestBytes, 'G')).status, 431);
}

TEST_F(LogServerTest, ClosesOnWhoNeverFinishesARequest) {
  Serve({.request = std::chrono::milliseconds(50)});
  EXPECT_TRUE(ReadToEnd(Connect("GET /checkpoint HTT")));
  EXPECT_TRUE(ReadToEnd(Connect("")));
}

TEST_F(LogServerTest, ClosesOnWhoNeverReadsOrNeverLeaves) {
  Write("tile/entries/000.p/7", std::string(kMaxBundleBytes - 1, 'b'));
  Serve({.bytes_per_second = 1 << 30, .answer = std::chrono::milliseconds(50)});
  std::string text;
  EXPECT_TRUE(ReadToEnd(Connect("GET /checkpoint HTTP/1.1\r\n\r\n"), &text));
  EXPECT_THAT(text, HasSubstr("log.example"));
  const int deaf = Connect(std::string("GET ") + kBundle + " HTTP/1.1\r\n\r\n");
  pollfd gone = {deaf, POLLRDHUP, 0};
  EXPECT_EQ(poll(&gone, 1, 20'000), 1);  // the server ended it: nothing of the answer was read
  text.clear();
  EXPECT_TRUE(ReadToEnd(deaf, &text));
  EXPECT_LT(text.size(), kMaxBundleBytes);
}

TEST_F(LogServerTest, KeepsRoomForOthersWhenOneSourceHoldsManyConnections) {
  Serve({.connections = 3, .per_source = 2});
  const int first = Connect("");
  const int second = Connect("");
  EXPECT_TRUE(ReadToEnd(Connect("")));  // closed at once, long before its time is over
  std::string text;
  EXPECT_TRUE(ReadToEnd(Connect("GET /checkpoint HTTP/1.1\r\n\r\n", "127.0.0.2"), &text));
  EXPECT_THAT(text, HasSubstr("log.example"));
  close(first);
  close(second);
  while (Get("/checkpoint").status != 200) {  // as soon as the server has seen them go
  }
}

}  // namespace
}  // namespace kluis::audit::log_server_test
