// SPDX-License-Identifier: Apache-2.0
// Every call that gRPC runs on a thread, from before its handler until its answer has left: cancels
// those whose time is over, whatever they wait for, and drops what they hold when they are gone. A
// handler cannot do this itself: when a client does not read, gRPC waits after the handler
// returned. One for the process, installed before the first server. Thread-safe.
#ifndef KLUIS_SERVICE_CALLERS_CALL_WATCH_H_
#define KLUIS_SERVICE_CALLERS_CALL_WATCH_H_

#include <grpcpp/server.h>
#include <grpcpp/server_context.h>

#include <chrono>
#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

namespace kluis::service {

class CallWatch {
 public:
  using Clock = std::chrono::steady_clock;

  // The one of this process; it looks from its first server on.
  static CallWatch& Get();

  CallWatch() = default;

  CallWatch(const CallWatch&) = delete;
  CallWatch& operator=(const CallWatch&) = delete;

  // Around each call, by gRPC.
  void Begin(grpc::ServerContext* context);
  void End(grpc::ServerContext* context);

  // Looks four times a second from now on. Of no effect the second time.
  void StartLooking();

  // The call is cancelled at `when`.
  void SetDeadline(grpc::ServerContext* context, Clock::time_point when);

  // Drops `held` when the call is gone; at once for a call that gRPC does not run.
  void Hold(grpc::ServerContext* context, std::shared_ptr<void> held);

  // Cancels all calls whose time is over; how many.
  size_t CancelOverdue(Clock::time_point now);

  // Calls that gRPC runs now.
  size_t running() const;

 private:
  struct Running {
    Clock::time_point deadline = Clock::time_point::max();
    bool cancelled = false;
    std::vector<std::shared_ptr<void>> held;
  };

  mutable std::mutex mutex_;
  std::map<grpc::ServerContext*, Running> running_;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_CALLERS_CALL_WATCH_H_
