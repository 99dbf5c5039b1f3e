// Group commit: threads that wait for durability at the same time share one sync.
//
// The first to come is the leader: it syncs everything written so far, for all. Who comes meanwhile
// waits; when the leader is done, those that its sync covered go on, and one whose batch was
// written too late for it wakes to lead the next one. The rest sleeps on: hardly anybody wakes in
// vain. When the sync before served several, a leader first waits until as many are there, a moment
// at most: on a fast disk a sync costs more work than time, and is worth sharing. Who is alone
// waits once at most. Source: commit_delay and commit_siblings of PostgreSQL.
// Thread-safe.
#ifndef KLUIS_STORAGE_GROUP_SYNC_H_
#define KLUIS_STORAGE_GROUP_SYNC_H_

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace kluis::storage {

class GroupSync {
 public:
  // `sync` makes durable all that was written before it is called. It is called by one thread at a
  // time, without a lock, and must not call back. `gather`: how long a leader waits for others.
  explicit GroupSync(std::function<absl::Status()> sync,
                     std::chrono::microseconds gather = std::chrono::microseconds(300));

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
  // Under the lock, which it gives up meanwhile.
  void Gather(std::unique_lock<std::mutex>& lock);
  void WakeAll();

  const std::function<absl::Status()> sync_;
  const std::chrono::microseconds gather_;
  mutable std::mutex mutex_;
  std::condition_variable ended_[2];  // by the parity of the round that a thread waits for
  std::uint64_t round_ = 0;           // of the sync that runs, or ran last
  std::uint64_t target_ = 0;          // what that sync covers
  std::uint64_t written_ = 0;         // the last ticket given
  std::uint64_t durable_ = 0;         // all tickets up to here are durable
  std::uint64_t syncs_ = 0;
  std::uint64_t expected_ = 1;        // writes that the next sync waits for
  std::condition_variable gathered_;  // of the leader that waits for them
  bool syncing_ = false;              // there is a leader
  bool gathering_ = false;            // and it waits for more writes
  bool failed_ = false;
};

}  // namespace kluis::storage

#endif  // KLUIS_STORAGE_GROUP_SYNC_H_
