// SPDX-License-Identifier: Apache-2.0
// Group commit: threads that wait for durability at the same time share one sync.
//
// The first to come is the leader: it syncs everything written so far, for all. Who comes meanwhile
// waits; when the leader is done, those that its sync covered go on, and one whose batch was
// written too late for it wakes to lead the next one. The rest sleeps on: hardly anybody wakes in
// vain. Thread-safe.
#ifndef KLUIS_STORAGE_GROUP_SYNC_H_
#define KLUIS_STORAGE_GROUP_SYNC_H_

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::storage {

class GroupSync {
 public:
  // `sync` makes durable all that was written before it is called. It is called by one thread at a
  // time, without a lock, and must not call back.
  explicit GroupSync(std::function<absl::Status()> sync) : sync_(std::move(sync)) {}

  // The ticket of a write that has just ended: 1, 2, 3, ... kUnavailable: failed.
  absl::StatusOr<std::uint64_t> Written();

  // Returns when all writes up to `ticket` are durable. kInvalidArgument: no such ticket yet.
  // kUnavailable: this sync or an earlier one failed, or Fail was called.
  absl::Status Sync(std::uint64_t ticket);

  // From now on everything is kUnavailable, for good; also for those who wait.
  void Fail();

  // OK, or kUnavailable once failed.
  absl::Status status() const;

  std::uint64_t last_ticket() const;
  std::uint64_t syncs() const;

 private:
  void WakeAll();

  const std::function<absl::Status()> sync_;
  mutable std::mutex mutex_;
  std::condition_variable ended_[2];  // by the parity of the round that a thread waits for
  std::uint64_t round_ = 0;           // of the sync that runs, or ran last
  std::uint64_t target_ = 0;          // what that sync covers
  std::uint64_t written_ = 0;         // the last ticket given
  std::uint64_t durable_ = 0;         // all tickets up to here are durable
  std::uint64_t syncs_ = 0;
  bool syncing_ = false;  // there is a leader
  bool failed_ = false;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_GROUP_SYNC_H_
