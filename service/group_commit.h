// Group commit: acts of threads that commit at the same time share one append and one sync, and are
// decided as if each had come alone.
//
// The first to come leads a group. Who comes until the leader has its turn to append joins, 64 at
// most; then the group is closed, appended by the leader in the order of arrival, and synced, while
// the next group is appended already. Who joins sleeps once, until the own act is durable.
// Thread-safe.
#ifndef KLUIS_SERVICE_GROUP_COMMIT_H_
#define KLUIS_SERVICE_GROUP_COMMIT_H_

#include <semaphore.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "service/act.h"

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

  // `append` is called by one thread at a time; neither may call back.
  GroupCommit(Append append, Sync sync) : append_(std::move(append)), sync_(std::move(sync)) {}

  // Returns when the act is durable. Errors: of the act alone, of append or of sync.
  absl::StatusOr<Committed> Commit(Act act);

  // Acts that wait for their turn to be appended.
  size_t waiting() const;

 private:
  using Group = std::vector<Seat*>;  // its leader's first; they live while it works

  void Lead(const std::shared_ptr<Group>& group);

  const Append append_;
  const Sync sync_;
  std::mutex turn_;              // to append
  mutable std::mutex mutex_;     // guards the next, and a group while it is open
  std::shared_ptr<Group> open_;  // null: who comes leads a new one
  size_t waiting_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_GROUP_COMMIT_H_
