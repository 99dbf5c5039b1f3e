// SPDX-License-Identifier: Apache-2.0
#include "storage/group_sync.h"

namespace kluis::storage {
namespace {

absl::Status FailedForGood() {
  return absl::UnavailableError(
      "storage: a write or sync failed; nothing is served until the database is reopened");
}

}  // namespace

absl::StatusOr<std::uint64_t> GroupSync::Written() {
  const std::lock_guard lock(mutex_);
  if (failed_) return FailedForGood();
  ++written_;
  return written_;
}

absl::Status GroupSync::Sync(std::uint64_t ticket) {
  std::unique_lock lock(mutex_);
  if (ticket > written_) return absl::InvalidArgumentError("ticket: given by no write");
  while (!failed_ && durable_ < ticket && syncing_) {
    ended_[(ticket <= target_ ? round_ : round_ + 1) % 2].wait(lock);
  }
  if (failed_) return FailedForGood();
  if (durable_ >= ticket) return absl::OkStatus();

  syncing_ = true;
  ++syncs_;
  ++round_;
  target_ = written_;  // their writes have ended, so the sync covers them
  lock.unlock();
  const absl::Status synced = sync_();
  lock.lock();
  syncing_ = false;
  if (!synced.ok()) failed_ = true;
  if (failed_) {
    WakeAll();
  } else {
    durable_ = target_;
    ended_[round_ % 2].notify_all();
    ended_[(round_ + 1) % 2].notify_one();
  }
  return failed_ ? FailedForGood() : absl::OkStatus();
}

void GroupSync::Fail() {
  const std::lock_guard lock(mutex_);
  failed_ = true;
  WakeAll();
}

void GroupSync::WakeAll() {
  for (std::condition_variable& round : ended_) round.notify_all();
}

absl::Status GroupSync::status() const {
  const std::lock_guard lock(mutex_);
  return failed_ ? FailedForGood() : absl::OkStatus();
}

std::uint64_t GroupSync::last_ticket() const {
  const std::lock_guard lock(mutex_);
  return written_;
}

std::uint64_t GroupSync::syncs() const {
  const std::lock_guard lock(mutex_);
  return syncs_;
}

}  // namespace kluis::storage
