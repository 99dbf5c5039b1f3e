// SPDX-License-Identifier: Apache-2.0
#include "service/callers/call_watch.h"

#include <thread>
#include <utility>

namespace kluis::service {
namespace {

constexpr std::chrono::milliseconds kBetweenLooks{250};

// gRPC owns them, and drops them when the program ends; the watch stays.
class Callbacks final : public grpc::Server::GlobalCallbacks {
 public:
  void PreSynchronousRequest(grpc::ServerContext* context) override {
    CallWatch::Get().Begin(context);
  }
  void PostSynchronousRequest(grpc::ServerContext* context) override {
    CallWatch::Get().End(context);
  }
  void PreServerStart(grpc::Server*) override { CallWatch::Get().StartLooking(); }
};

// gRPC takes its callbacks before its first server, whoever makes that: at the start of the
// program.
const bool kInstalled = [] {
  grpc::Server::SetGlobalCallbacks(new Callbacks);
  return true;
}();

}  // namespace

CallWatch& CallWatch::Get() {
  (void)kInstalled;
  static CallWatch& watch = *new CallWatch;  // outlives every server
  return watch;
}

void CallWatch::StartLooking() {
  static std::once_flag once;
  std::call_once(once, [this] {
    std::thread([this] {
      while (true) {
        std::this_thread::sleep_for(kBetweenLooks);
        CancelOverdue(Clock::now());
      }
    }).detach();
  });
}

void CallWatch::Begin(grpc::ServerContext* context) {
  const std::lock_guard lock(mutex_);
  running_.try_emplace(context);
}

void CallWatch::End(grpc::ServerContext* context) {
  std::vector<std::shared_ptr<void>> held;  // dropped without the lock
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(context);
  if (found == running_.end()) return;
  held = std::move(found->second.held);
  running_.erase(found);
}

void CallWatch::SetDeadline(grpc::ServerContext* context, Clock::time_point when) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(context);
  if (found != running_.end()) found->second.deadline = when;
}

void CallWatch::Hold(grpc::ServerContext* context, std::shared_ptr<void> held) {
  const std::lock_guard lock(mutex_);
  const auto found = running_.find(context);
  if (found != running_.end()) found->second.held.push_back(std::move(held));
}

size_t CallWatch::CancelOverdue(Clock::time_point now) {
  const std::lock_guard lock(mutex_);  // a call that is here is not gone
  size_t cancelled = 0;
  for (auto& [context, call] : running_) {
    if (call.cancelled || call.deadline > now) continue;
    context->TryCancel();
    call.cancelled = true;
    ++cancelled;
  }
  return cancelled;
}

size_t CallWatch::running() const {
  const std::lock_guard lock(mutex_);
  return running_.size();
}

}  // namespace kluis::service
