// SPDX-License-Identifier: Apache-2.0
#include "service/host/metrics_socket.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

using SteadyTime = std::chrono::steady_clock::time_point;

constexpr std::chrono::seconds kReaderTime(2);
constexpr size_t kMostThrownAway = size_t{64} << 10;  // bytes of a request, unread

// Waits until `events` of `connection`; false: not before `end`.
bool Await(int connection, short events, SteadyTime end) {
  const auto left =
      std::chrono::duration_cast<std::chrono::milliseconds>(end - std::chrono::steady_clock::now());
  if (left.count() <= 0) return false;
  pollfd wait = {connection, events, 0};
  return poll(&wait, 1, static_cast<int>(left.count())) > 0;
}

bool SendAll(int connection, std::string_view bytes, SteadyTime end) {
  while (!bytes.empty()) {
    if (!Await(connection, POLLOUT, end)) return false;
    const ssize_t sent = send(connection, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent < 0) return false;
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
  return true;
}

// Lets the reader close first: a socket closed over unread bytes would take its answer back.
void ThrowAway(int connection, SteadyTime end) {
  shutdown(connection, SHUT_WR);
  char bytes[4096];
  size_t thrown = 0;
  while (thrown < kMostThrownAway && Await(connection, POLLIN, end)) {
    const ssize_t count = recv(connection, bytes, sizeof(bytes), 0);
    if (count <= 0) return;
    thrown += static_cast<size_t>(count);
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<UnixServer>> ServeMetrics(const std::string& path,
                                                         std::function<std::string()> text) {
  return UnixServer::Start("metrics.socket", path, [text = std::move(text)](int connection) {
    const SteadyTime end = std::chrono::steady_clock::now() + kReaderTime;
    const std::string body = text();
    const std::string answer = absl::StrCat(
        "HTTP/1.0 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n"
        "Cache-Control: no-store\r\nContent-Length: ",
        body.size(), "\r\n\r\n", body);
    if (SendAll(connection, answer, end)) ThrowAway(connection, end);
    close(connection);
  });
}

}  // namespace kluis::service
