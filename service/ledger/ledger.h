// SPDX-License-Identifier: Apache-2.0
// The one place where anything is decided and written. A command is ruled on, its entry, its state
// changes and its sealed records become one batch, batches are written in the order of the log, and
// nobody is answered before the batch is durable. Threads that wait share one sync.
// It alone knows what time it is: whatever else decides takes the time of its act, or Now().
// It follows the digest of the state with every write. Thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_LEDGER_H_
#define KLUIS_SERVICE_LEDGER_LEDGER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "audit/state_digest.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/decide.h"
#include "policy/record_key.h"
#include "service/ledger/act.h"
#include "service/ledger/decision_clock.h"
#include "service/ledger/followers.h"
#include "service/ledger/group_commit.h"
#include "service/ledger/state_summary.h"
#include "service/ledger/writes.h"
#include "service/process/clock.h"
#include "storage/database.h"

namespace kluis::service {

struct Appended {
  std::vector<Committed> acts;
  uint64_t ticket = 0;  // for Sync
};

// The log at the closing entry of a checkpoint, which is durable and its last one.
struct Closed {
  uint64_t size = 0;
  crypto::Hash root{};
  policy::Time closed_at = 0;
};

class Ledger {
 public:
  // Whether an act may be written now; the error goes to its caller.
  using Admission = std::function<absl::Status(const v1::Command&)>;

  // Reads size, frontier, the time of the last entry, and every state record for their digest: the
  // cost of a start, see Summarize (service/ledger/state_summary.h). `database` and `clock` must
  // outlive the ledger; `policy_digest` stands in every entry; `max_gap_seconds`: see
  // DecisionClock. kDataLoss: the size, a node of the frontier or the last entry is missing or
  // damaged. Others: the store's.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(
      storage::Database& database, const Clock& clock, std::string policy_digest,
      int64_t max_gap_seconds = kDefaultMaxGapSeconds);

  // Asked before each act from now on. Not while acts are appended.
  void SetAdmission(Admission admission) { admission_ = std::move(admission); }

  // Called for every entry from now on. Null: the vault is sealed. Nobody may be inside the vault
  // (Gate), nor its own threads run, when they are taken away.
  void SetFollowers(StateFollower* state, ErasureFollower* erasures);

  // Decides and writes the acts as one batch, in order. Refusals are entries too. The result is
  // visible but not yet durable: call Sync before answering anybody.
  // kUnavailable: the store is down, or (reason CLOCK) nobody knows the time and the act must wait;
  // nothing happened, nothing will be answered.
  absl::StatusOr<Appended> Append(std::vector<Act> acts);

  // As Append, but when any act is refused nothing is written, and the result holds the acts up to
  // the refused one, which is last, without changes.
  absl::StatusOr<Appended> AppendAllOrNothing(std::vector<Act> acts);

  // As Append, but the acts are of different callers: one that fails has the error in its seat, and
  // leaves nothing behind. Plain ones that follow each other become one batch; one that brings
  // functions along is written alone, so that these find everything as if it had come alone.
  // Returns the ticket for Sync. kUnavailable: as of Append; nobody may be told that an act stands.
  absl::StatusOr<uint64_t> AppendEach(std::span<GroupCommit::Seat* const> seats);

  // Returns when what was appended is durable, and the erasures that it started are carried out.
  absl::Status Sync(const Appended& appended);

  // Appends one act, together with those of other threads, and returns as Sync does.
  absl::StatusOr<Committed> Commit(Act act);

  // Appends the closing entry of a checkpoint, with the digest of the state, and returns when it is
  // durable: only what no crash can take back may be signed. kUnavailable: as Append.
  absl::StatusOr<Closed> Close();

  // What would be decided of a command now, on the state that is visible: for what must be known
  // before anything is spent on a call. It makes no entry, gives no grant and takes no lock of the
  // ledger; the act itself is decided by Append. Errors: the store's.
  absl::StatusOr<policy::Ruling> Judge(v1::Command command) const;
  // The time that an act would be decided at now.
  policy::Time Now() const;

  // What both clocks say; never before the log's last entry.
  DecisionClock::Reading ReadClock() const;

  // Before a start is entered: whether it comes so late that its time must be confirmed. A vault
  // may have been sealed for long without ending.
  void CheckGap();

  // Of the log when the time was last known, or as it was found at the start: an order about the
  // clock must be for no earlier head. Later entries do not change it, so that two can sign in
  // peace.
  uint64_t known_size() const;

  // Entries, including ones that are not durable yet.
  uint64_t size() const;

  // The digest of the state that all entries make, and its number of records.
  StateSummary state() const;

  // The nodes of the tree; must not outlive the ledger.
  audit::NodeReader Nodes() const;

  // The bytes of one entry. kNotFound: the log does not reach that far. kDataLoss: it does, and the
  // entry is missing. Others: the store's. Not from within an Act.
  absl::StatusOr<std::string> Entry(uint64_t index) const;

  // Entry(index) for indexes in order below `end`: reads 256 at a time. The result belongs to one
  // thread and must not outlive the ledger.
  std::function<absl::StatusOr<std::string>(uint64_t)> Entries(uint64_t end) const;

 private:
  // What an append moves on, all of it or nothing.
  struct Head {
    audit::MerkleFrontier frontier;
    policy::Time time = 0;
    StateSummary state;
  };

  struct Next {
    Head head;
    DecisionClock::Reading clock;
    Writes writes;
  };

  // Decided, with what it attaches written; not yet in the log.
  struct Ruled {
    Committed committed;  // without its place
    std::string entry;
    std::vector<policy::RecordWrite> writes;  // to the state
  };

  Ledger(storage::Database& database, std::string policy_digest);

  absl::StatusOr<Appended> Write(std::vector<Act> acts, bool all_or_nothing, Closed* closed);

  // The steps of both, under the lock.
  absl::StatusOr<uint64_t> WriteEach(std::span<GroupCommit::Seat* const> batch);
  Next Begin();
  void FollowClock(const Committed& committed);
  void Follow(const Act& act, const Committed& committed);
  absl::StatusOr<std::string> Erase(std::span<const Committed> entries);
  absl::StatusOr<Ruled> Rule(Act& act, Next& next) const;
  absl::StatusOr<Committed> Enter(Ruled ruled, Next& next);  // its errors are the store's
  absl::StatusOr<uint64_t> End(Next next);
  void Forget();  // what was read and written: it may not have come to the database

  absl::Status FindSigners(Act& act, const Writes& writes) const;
  absl::Status Change(const std::vector<policy::RecordWrite>& changes, Next& next);
  absl::Status LoadLast();
  absl::Status Missing(uint64_t index) const;

  storage::Database& database_;
  const std::string policy_digest_;
  Admission admission_;
  GroupCommit group_;

  std::unique_ptr<DecisionClock> clock_;  // from Open on

  mutable std::mutex mutex_;  // guards what follows, and makes write order the log's order
  Head head_;
  std::atomic<policy::Time> last_time_ = 0;  // of `head_`, for who has no lock
  uint64_t known_size_ = 0;
  StateFollower* state_follower_ = nullptr;
  ErasureFollower* erasure_follower_ = nullptr;
  policy::RecordCache cache_;  // of the state as it is in the database
  LastWritten last_;           // likewise
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_LEDGER_H_
