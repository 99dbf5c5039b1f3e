// SPDX-License-Identifier: Apache-2.0
#include "service/host/port_watch.h"

#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <memory>
#include <string_view>

#include "absl/strings/str_cat.h"

namespace kluis::service {
namespace {

constexpr std::string_view kNotTls = "kluisd asks whether anybody is there\r\n\r\n";

struct CloseFile {
  ~CloseFile() {
    if (fd >= 0) ::close(fd);
  }
  const int fd;
};

// Waits until `fd` is ready; false: not within `patience`.
bool IsReady(int fd, short events, absl::Duration patience) {
  pollfd poll = {fd, events, 0};
  return ::poll(&poll, 1, static_cast<int>(absl::ToInt64Milliseconds(patience))) == 1;
}

}  // namespace

absl::Status ProbePort(const std::string& listen, absl::Duration patience) {
  const size_t colon = listen.rfind(':');
  if (colon == std::string::npos) return absl::InvalidArgumentError("listen: has no port");
  std::string host = listen.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (::getaddrinfo(host.c_str(), listen.c_str() + colon + 1, &hints, &found) != 0) {
    return absl::UnavailableError("listen: is no address");
  }
  const std::unique_ptr<addrinfo, decltype(&freeaddrinfo)> address(found, freeaddrinfo);
  const CloseFile socket{
      ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0)};
  if (socket.fd < 0) return absl::ResourceExhaustedError("port: no descriptor is left to ask with");
  if (::connect(socket.fd, address->ai_addr, address->ai_addrlen) != 0 && errno != EINPROGRESS) {
    return absl::UnavailableError("port: nobody listens");
  }
  const auto silent = [] { return absl::DeadlineExceededError("port: nobody answers"); };
  if (!IsReady(socket.fd, POLLOUT, patience)) return silent();
  int failed = 0;
  socklen_t size = sizeof(failed);
  if (::getsockopt(socket.fd, SOL_SOCKET, SO_ERROR, &failed, &size) != 0 || failed != 0) {
    return absl::UnavailableError("port: nobody listens");
  }
  if (::send(socket.fd, kNotTls.data(), kNotTls.size(), MSG_NOSIGNAL) < 0) {
    return absl::OkStatus();  // hung up already: somebody is there
  }
  return IsReady(socket.fd, POLLIN, patience) ? absl::OkStatus() : silent();
}

absl::Status RaiseDescriptorLimit(uint64_t least) {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return absl::InternalError("limit: cannot be read");
  if (limit.rlim_cur < limit.rlim_max) {
    limit.rlim_cur = limit.rlim_max;
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) ::getrlimit(RLIMIT_NOFILE, &limit);
  }
  if (limit.rlim_cur >= least) return absl::OkStatus();
  return absl::FailedPreconditionError(
      absl::StrCat("open files: at most ", limit.rlim_cur, " are allowed, and ", least,
                   " are needed; raise the hard limit (LimitNOFILE, ulimit -Hn)"));
}

absl::Status PortWatch::Look() {
  absl::Status found = probe_();
  if (found.ok()) {
    silent_ = 0;
    return found;
  }
  if (++silent_ < kSilentLooks) return found;
  const absl::Status opened = reopen_();
  if (!opened.ok()) return opened;
  silent_ = 0;
  ++reopened_;
  return absl::Status(found.code(),
                      absl::StrCat(std::string(found.message()), "; it was opened anew"));
}

}  // namespace kluis::service
