// SPDX-License-Identifier: Apache-2.0
#include "service/ledger/group_commit.h"

#include <utility>

namespace kluis::service {
namespace {

constexpr size_t kMaxSeats = 64;

}  // namespace

absl::StatusOr<Committed> GroupCommit::Commit(Act act) {
  Seat seat(std::move(act));
  std::shared_ptr<Group> led;
  {
    const std::lock_guard lock(mutex_);
    if (open_ == nullptr) open_ = led = std::make_shared<Group>();
    open_->push_back(&seat);
    if (open_->size() == expected_) gathered_.notify_one();
    ++waiting_;
    if (open_->size() == kMaxSeats) open_ = nullptr;
  }
  if (led != nullptr) {
    Lead(led);
  } else {
    seat.done_.Wait();
  }
  return std::move(seat.committed);
}

size_t GroupCommit::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiting_;
}

// Under the turn to append: it closes one group at a time.
void GroupCommit::Close(const std::shared_ptr<Group>& group) {
  std::unique_lock lock(mutex_);
  gathered_.wait_for(lock, gather_, [&] { return group->size() >= expected_; });
  if (open_ == group) open_ = nullptr;
  expected_ = group->size();
  waiting_ -= group->size();
}

void GroupCommit::Lead(const std::shared_ptr<Group>& group) noexcept {
  std::unique_lock append_turn(append_turn_);
  Close(group);
  const absl::StatusOr<uint64_t> ticket = append_(*group);
  std::unique_lock sync_turn(sync_turn_);
  append_turn.unlock();
  const absl::Status durable = ticket.ok() ? sync_(*ticket) : ticket.status();
  sync_turn.unlock();
  for (Seat* const seat : *group) {
    if (!durable.ok() && seat->committed.ok()) seat->committed = durable;
  }
  for (size_t i = 1; i < group->size(); ++i) (*group)[i]->done_.Notify();  // which lets it go
}

}  // namespace kluis::service
