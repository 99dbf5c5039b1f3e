// SPDX-License-Identifier: Apache-2.0
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>
#include <thread>

#include "service/host/port_watch.h"

namespace kluis::service::port_watch_test {
namespace {

// A port of this machine that listens, and whose owner accepts when told to.
class Listener {
 public:
  Listener() : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    EXPECT_EQ(::bind(fd_, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(::getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size), 0);
    EXPECT_EQ(::listen(fd_, 8), 0);
    name_ = "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
  }
  ~Listener() { Close(); }
  void Close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  void HangUpOnce() const { ::close(::accept(fd_, nullptr, nullptr)); }
  const std::string& name() const { return name_; }

 private:
  int fd_;
  std::string name_;
};

TEST(ProbePort, HearsSomebodyWhoHangsUp) {
  const Listener listener;
  std::thread other([&] { listener.HangUpOnce(); });
  EXPECT_TRUE(ProbePort(listener.name(), absl::Seconds(30)).ok());
  other.join();
}

TEST(ProbePort, TellsAListenerThatDoesNotAcceptFromOneThatIsNotThere) {
  Listener listener;
  EXPECT_TRUE(absl::IsDeadlineExceeded(ProbePort(listener.name(), absl::Milliseconds(50))));
  listener.Close();
  EXPECT_TRUE(absl::IsUnavailable(ProbePort(listener.name(), absl::Milliseconds(50))));
  EXPECT_TRUE(absl::IsInvalidArgument(ProbePort("nothing", absl::Milliseconds(50))));
}

TEST(PortWatch, OpensThePortAnewAfterThreeSilentLooksAndNotBefore) {
  absl::Status answer = absl::DeadlineExceededError("silent");
  absl::Status opening = absl::OkStatus();
  int opened = 0;
  PortWatch watch([&] { return answer; },
                  [&] {
                    ++opened;
                    return opening;
                  });
  EXPECT_FALSE(watch.Look().ok());
  EXPECT_FALSE(watch.Look().ok());
  EXPECT_TRUE(watch.deaf());
  answer = absl::OkStatus();
  EXPECT_TRUE(watch.Look().ok());
  EXPECT_FALSE(watch.deaf());
  answer = absl::DeadlineExceededError("silent");
  EXPECT_FALSE(watch.Look().ok());
  EXPECT_FALSE(watch.Look().ok());
  EXPECT_EQ(opened, 0);
  opening = absl::UnavailableError("taken");
  EXPECT_TRUE(absl::IsUnavailable(watch.Look()));
  EXPECT_EQ(watch.reopened(), 0u);
  opening = absl::OkStatus();
  EXPECT_FALSE(watch.Look().ok()) << "it says what was found";
  EXPECT_EQ(opened, 2);
  EXPECT_EQ(watch.reopened(), 1u);
  EXPECT_FALSE(watch.deaf());
}

TEST(DescriptorLimit, IsRaisedToWhatTheSystemAllowsAndChecked) {
  rlimit before = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &before), 0);
  rlimit low = before;
  low.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &low), 0);
  EXPECT_TRUE(RaiseDescriptorLimit(before.rlim_max).ok());
  rlimit after = {};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, before.rlim_max);
  EXPECT_TRUE(absl::IsFailedPrecondition(RaiseDescriptorLimit(before.rlim_max + 1)));
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &before), 0);
}

}  // namespace
}  // namespace kluis::service::port_watch_test
