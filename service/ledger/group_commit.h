// SPDX-License-Identifier: Apache-2.0
// Group commit: acts of threads that commit at the same time share one append and one sync, and are
// decided as if each had come alone.
//
// The first to come leads a group. Who comes until the leader appends joins, 64 at most; then the
// group is closed, appended by the leader in the order of arrival, and synced, while the next group
// is appended already, but not the one after that. Who joins sleeps once, until the own act is
// durable. When the group before was of several, a leader whose turn it is first waits until as
// many are there, a moment at most: on a fast disk an append and a sync cost more work than time,
// and are worth sharing. Who is alone waits once at most. Source: commit_delay and commit_siblings
// of PostgreSQL. Thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_GROUP_COMMIT_H_
#define KLUIS_SERVICE_LEDGER_GROUP_COMMIT_H_

#include <semaphore.h>

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "service/ledger/act.h"

namespace kluis::service {

// Wakes one thread. C++20's own first yields the processor some times, in vain.
class Semaphore {
 public:
  Semaphore() { sem_init(&semaphore_, 0, 0); }
  Semaphore(const Semaphore&) = delete;
  Semaphore& operator=(const Semaphore&) = delete;
  ~Semaphore() { sem_destroy(&semaphore_); }

  void Notify() { sem_post(&semaphore_); }
  void Wait() {
    while (sem_wait(&semaphore_) != 0) {
    }
  }

 private:
  sem_t semaphore_;
};

class GroupCommit {
 public:
  // A waiting act, and what became of it.
  class Seat {
   public:
    explicit Seat(Act waiting) : act(std::move(waiting)) {}

    Act act;
    absl::StatusOr<Committed> committed = absl::UnavailableError("log: nothing was written");

   private:
    friend class GroupCommit;
    Semaphore done_;
  };

  // Fills in `committed` of every seat; one that fails leaves the others alone. Returns the ticket
  // of what was written, or what kept it from being written: nobody may count on his act then.
  using Append = std::function<absl::StatusOr<uint64_t>(std::span<Seat* const>)>;
  // Returns when everything up to the ticket is durable.
  using Sync = std::function<absl::Status(uint64_t)>;

  // Each is called by one thread at a time, and may not call back. `gather`: how long a leader
  // waits for others.
  GroupCommit(Append append, Sync sync,
              std::chrono::microseconds gather = std::chrono::microseconds(800))
      : append_(std::move(append)), sync_(std::move(sync)), gather_(gather) {}

  // Returns when the act is durable. Errors: of the act alone, of append or of sync.
  absl::StatusOr<Committed> Commit(Act act);

  // Acts that wait for their turn to be appended.
  size_t waiting() const;

 private:
  using Group = std::vector<Seat*>;  // its leader's first; they live while it works

  // An exception would leave the others of the group waiting for ever: it ends the process.
  void Lead(const std::shared_ptr<Group>& group) noexcept;
  void Close(const std::shared_ptr<Group>& group);

  const Append append_;
  const Sync sync_;
  const std::chrono::microseconds gather_;
  std::mutex append_turn_;  // taken first, and let go when the turn to sync is taken
  std::mutex sync_turn_;
  mutable std::mutex mutex_;          // guards the next, and a group while it is open
  std::shared_ptr<Group> open_;       // null: who comes leads a new one
  std::condition_variable gathered_;  // of the leader that waits for others
  size_t expected_ = 1;               // seats that it waits for
  size_t waiting_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_GROUP_COMMIT_H_
