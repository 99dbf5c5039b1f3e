// The one place where anything is decided and written. A command is ruled on, its entry, its state
// changes and its sealed records become one batch, batches are written in the order of the log, and
// nobody is answered before the batch is durable. Threads that wait share one sync.
// It follows the digest of the state with every write. Thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_H_
#define KLUIS_SERVICE_LEDGER_H_

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/merkle.h"
#include "audit/state_digest.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/decide.h"
#include "service/clock.h"
#include "service/state_summary.h"
#include "service/writes.h"
#include "storage/database.h"

namespace kluis::service {

// One command on its way to the log.
struct Act {
  v1::Command command;
  v1::LogKind kind = v1::LOG_KIND_UNSPECIFIED;
  std::vector<v1::Envelope> envelopes;      // stand whole in the entry
  std::vector<v1::Commitment> commitments;  // stand for what is personal

  // Completes the command from what is there at the moment of the decision. May be empty.
  std::function<absl::Status(const Writes&, policy::Time now, v1::Command&)> prepare;
  // Adds sealed records of an allowed command, whose entry has this index. May be empty.
  std::function<absl::Status(const policy::Ruling&, uint64_t index, Writes&)> attach;
  // Follows an allowed command in memory, in the order of the log, before anybody is answered.
  std::function<void(const policy::Ruling&)> applied;
};

struct Committed {
  uint64_t index = 0;
  crypto::Hash leaf{};
  policy::Time decided_at = 0;
  v1::Command command;
  policy::Ruling ruling;
};

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
  // cost of a start, see Summarize (service/state_summary.h). `database` and `clock` must outlive
  // the ledger; `policy_digest` stands in every entry. kDataLoss: the size, a node of the frontier
  // or the last entry is missing or damaged. Others: the store's.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(storage::Database& database,
                                                      const Clock& clock,
                                                      std::string policy_digest);

  // Asked before each act from now on. Not while acts are appended.
  void SetAdmission(Admission admission) { admission_ = std::move(admission); }

  // Decides and writes the acts as one batch, in order. Refusals are entries too. The result is
  // visible but not yet durable: call Sync before answering anybody.
  // kUnavailable: the store is down; nothing happened, nothing will be answered.
  absl::StatusOr<Appended> Append(std::vector<Act> acts);

  // As Append, but when any act is refused nothing is written, and the result holds the acts up to
  // the refused one, which is last.
  absl::StatusOr<Appended> AppendAllOrNothing(std::vector<Act> acts);

  absl::Status Sync(const Appended& appended) { return database_.Sync(appended.ticket); }

  // Append of one act, then Sync.
  absl::StatusOr<Committed> Commit(Act act);

  // Appends the closing entry of a checkpoint, with the digest of the state, and returns when it is
  // durable: only what no crash can take back may be signed. kUnavailable: as Append.
  absl::StatusOr<Closed> Close();

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

  Ledger(storage::Database& database, const Clock& clock, std::string policy_digest);

  absl::StatusOr<Appended> Write(std::vector<Act> acts, bool all_or_nothing, Closed* closed);
  absl::StatusOr<Committed> Rule(Act& act, Head& head, Writes& writes);
  absl::Status FindSigners(Act& act, const Writes& writes) const;
  absl::Status Change(const policy::Ruling& ruling, StateSummary& state, Writes& writes);
  absl::Status LoadLast();
  absl::Status Missing(uint64_t index) const;

  storage::Database& database_;
  const Clock& clock_;
  const std::string policy_digest_;
  Admission admission_;

  mutable std::mutex mutex_;  // guards what follows, and makes write order the log's order
  Head head_;
  policy::RecordCache cache_;  // of the state as it is in the database
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_H_
