#include "service/group_commit.h"

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

void GroupCommit::Lead(const std::shared_ptr<Group>& group) {
  absl::StatusOr<uint64_t> ticket = 0;
  {
    const std::lock_guard turn(turn_);
    {
      const std::lock_guard lock(mutex_);
      if (open_ == group) open_ = nullptr;
      waiting_ -= group->size();
    }
    ticket = append_(*group);
  }
  const absl::Status durable = ticket.ok() ? sync_(*ticket) : ticket.status();
  for (Seat* const seat : *group) {
    if (!durable.ok() && seat->committed.ok()) seat->committed = durable;
  }
  for (size_t i = 1; i < group->size(); ++i) (*group)[i]->done_.Notify();  // which lets it go
}

}  // namespace kluis::service
