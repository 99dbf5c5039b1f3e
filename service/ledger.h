// The one place where anything is decided and written. A command is ruled on, its entry, its state
// changes and its sealed records become one batch, batches are written in the order of the log, and
// nobody is answered before the batch is durable. Threads that wait share one sync.
// Thread-safe.
#ifndef KLUIS_SERVICE_LEDGER_H_
#define KLUIS_SERVICE_LEDGER_H_

#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/checkpoint.h"
#include "audit/merkle.h"
#include "audit/verifier_key.h"
#include "crypto/ed25519.h"
#include "kluis/v1/ledger.pb.h"
#include "policy/decide.h"
#include "service/clock.h"
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
  std::function<absl::Status(const Writes&, v1::Command&)> prepare;
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

class Ledger {
 public:
  // Reads size and frontier. `signer`'s public key and `origin` make the verifier key.
  // kDataLoss: nodes are missing, or the database is not what the last checkpoint was signed over.
  static absl::StatusOr<std::unique_ptr<Ledger>> Open(storage::Database& database,
                                                      const Clock& clock, crypto::SigningKey signer,
                                                      std::string policy_digest);

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

  // A signed checkpoint over every entry that is durable when it returns. `origin` is the vault's.
  absl::StatusOr<std::string> SignCheckpoint(const std::string& origin);

  // Entries, including ones that are not durable yet.
  uint64_t size() const;
  const crypto::PublicKey& log_key() const { return signer_.public_key(); }

  absl::StatusOr<crypto::Hash> Node(uint32_t level, uint64_t index) const;
  absl::StatusOr<std::string> Entry(uint64_t index) const;

 private:
  Ledger(storage::Database& database, const Clock& clock, crypto::SigningKey signer,
         std::string policy_digest);

  absl::StatusOr<Appended> Write(std::vector<Act> acts, bool all_or_nothing);
  absl::StatusOr<Committed> Rule(Act& act, policy::Time now, audit::MerkleFrontier& frontier,
                                 Writes& writes) const;
  absl::Status LoadLast();

  storage::Database& database_;
  const Clock& clock_;
  const crypto::SigningKey signer_;
  const std::string policy_digest_;

  mutable std::mutex mutex_;  // guards what follows, and makes write order the log's order
  audit::MerkleFrontier frontier_;
  policy::Time last_time_ = 0;
  uint64_t last_ticket_ = 0;

  std::mutex checkpoint_mutex_;
  uint64_t checkpoint_size_ = 0;
};

}  // namespace kluis::service

#endif  // KLUIS_SERVICE_LEDGER_H_
