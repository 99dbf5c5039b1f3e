// SPDX-License-Identifier: Apache-2.0
// Serves a published log by plain HTTP: GET and HEAD of checkpoint and tiles, nothing else. The
// files are public and verify themselves, so there is no TLS; any static web server does the same.
// Meant for strangers: of a request only its first line is read, and everything has a bound.
// Thread-safe. Source: C2SP tlog-tiles; RFC 9112, of which it speaks one request a connection.
#ifndef KLUIS_AUDIT_TOOL_LOG_SERVER_H_
#define KLUIS_AUDIT_TOOL_LOG_SERVER_H_

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "base/host_port.h"

namespace kluis::audit {

inline constexpr size_t kMaxRequestBytes = 8 << 10;  // of a request's head; more is answered 431

struct LogServerLimits {
  size_t connections = 256;           // more of them wait in the system's queue
  off_t bytes_per_second = 64 << 10;  // slower readers are cut off
  size_t per_source = 32;             // of one IPv4 address or IPv6 /64; more are closed at once
  std::chrono::milliseconds request{5'000};  // for the head to arrive
  std::chrono::milliseconds answer{30'000};  // to take an answer, beside what its bytes take
};

class LogServer {
 public:
  // Serves `directory` on `address` (port 0: the system chooses) from one thread of its own.
  // kUnavailable: it cannot be listened on.
  static absl::StatusOr<std::unique_ptr<LogServer>> Start(const std::string& directory,
                                                          const base::HostPort& address,
                                                          LogServerLimits limits = {});
  ~LogServer();  // cuts off what runs
  LogServer(const LogServer&) = delete;
  LogServer& operator=(const LogServer&) = delete;

  int port() const { return port_; }

 private:
  class Loop;
  LogServer(std::unique_ptr<Loop> loop, int port);

  std::unique_ptr<Loop> loop_;
  int port_;
  std::thread thread_;
};

}  // namespace kluis::audit

#endif  // KLUIS_AUDIT_TOOL_LOG_SERVER_H_
