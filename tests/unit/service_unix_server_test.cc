// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>

#include "service/host/metrics_socket.h"
#include "service/process/unix_server.h"
#include "tests/fakes/scratch_directory.h"
#include "tests/fakes/unix_client.h"

namespace kluis::service::unix_server_test {
namespace {

namespace fs = std::filesystem;

class UnixServerTest : public testing::Test {
 protected:
  absl::Status Start() {
    auto server = UnixServer::Start("key", path_, [this](int connection) {
      user_ = PeerUser(connection);
      ++taken_;
      close(connection);
    });
    if (server.ok()) server_ = *std::move(server);
    return server.status();
  }

  ScratchDirectory directory_;
  const std::string path_ = directory_.path() + "/socket";
  std::atomic<uid_t> user_ = 0;
  std::atomic<int> taken_ = 0;
  std::unique_ptr<UnixServer> server_;
};

TEST_F(UnixServerTest, HandsConnectionsOnAndKnowsTheirUser) {
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(UnixExchange(path_, ""), "");
  EXPECT_EQ(UnixExchange(path_, ""), "");
  EXPECT_EQ(taken_, 2);
  EXPECT_EQ(user_, geteuid());
}

TEST_F(UnixServerTest, MayBeOpenedByItsUserAndGroupOnlyAndTakesTheGroupOfItsDirectory) {
  ASSERT_EQ(chmod(directory_.path().c_str(), 02750), 0);
  ASSERT_TRUE(Start().ok());
  struct stat socket {};
  struct stat directory {};
  ASSERT_EQ(lstat(path_.c_str(), &socket), 0);
  ASSERT_EQ(lstat(directory_.path().c_str(), &directory), 0);
  EXPECT_EQ(socket.st_mode & 07777, 0660U);
  EXPECT_EQ(socket.st_gid, directory.st_gid);
}

TEST_F(UnixServerTest, ReplacesTheSocketOfADeadProcessAndRemovesItsOwn) {
  ASSERT_TRUE(Start().ok());
  fs::rename(path_, path_ + ".kept");
  server_.reset();  // its socket is elsewhere, as if the process had died
  fs::rename(path_ + ".kept", path_);
  ASSERT_TRUE(fs::exists(path_));
  ASSERT_TRUE(Start().ok());
  EXPECT_EQ(UnixExchange(path_, ""), "");
  server_.reset();
  EXPECT_FALSE(fs::exists(path_));
}

TEST_F(UnixServerTest, LeavesASocketAloneThatAnotherProcessListensTo) {
  ASSERT_TRUE(Start().ok());
  const auto second = UnixServer::Start("key", path_, [](int connection) { close(connection); });
  EXPECT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(UnixExchange(path_, ""), "");
  EXPECT_EQ(taken_, 2);  // the look whether somebody listens, and this one: both by the first
}

TEST_F(UnixServerTest, LeavesAFileAloneThatIsNoSocket) {
  std::ofstream(path_) << "kept";
  EXPECT_EQ(Start().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(fs::file_size(path_), 4U);
}

TEST_F(UnixServerTest, RefusesADirectoryThatOthersMayWrite) {
  for (const mode_t mode : {0777U, 0720U, 0702U, 01777U}) {
    ASSERT_EQ(chmod(directory_.path().c_str(), mode), 0);
    EXPECT_EQ(Start().code(), absl::StatusCode::kFailedPrecondition) << mode;
  }
}

TEST_F(UnixServerTest, RefusesAPathThatASocketCannotHave) {
  const auto server = UnixServer::Start("key", "/" + std::string(kMaxSocketPathBytes, 'x'),
                                        [](int connection) { close(connection); });
  EXPECT_EQ(server.status().code(), absl::StatusCode::kInvalidArgument);
}

class MetricsSocketTest : public UnixServerTest {
 protected:
  void SetUp() override {
    auto server = ServeMetrics(path_, [] { return std::string("one 1\n"); });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
};

constexpr char kAnswer[] =
    "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
    "Cache-Control: no-store\r\nContent-Length: 6\r\n\r\none 1\n";

TEST_F(MetricsSocketTest, AnswersAlikeWhateverIsSent) {
  for (const std::string& request :
       {std::string("GET /metrics HTTP/1.1\r\nHost: l\r\n\r\n"), std::string("\xff\0\x01", 3),
        std::string("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n10000\r\n"),
        std::string(32 << 10, 'x')}) {
    EXPECT_EQ(UnixExchange(path_, request), kAnswer) << request.size();
  }
}

TEST_F(MetricsSocketTest, GoesOnWhenAReaderNeitherReadsNorLeaves) {
  const int idle = UnixConnect(path_);
  ASSERT_GE(idle, 0);
  EXPECT_EQ(UnixExchange(path_, ""), kAnswer);  // once the idle one's two seconds are over
  close(idle);
}

}  // namespace
}  // namespace kluis::service::unix_server_test
