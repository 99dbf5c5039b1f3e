#include "service/ledger.h"

#include <algorithm>
#include <utility>

#include "audit/proofs.h"
#include "audit/tiles.h"
#include "policy/record_key.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr uint32_t kEntryVersion = 1;

std::string HashBytes(const crypto::Hash& hash) { return std::string(crypto::Bytes(hash)); }

}  // namespace

Ledger::Ledger(storage::Database& database, const Clock& clock, crypto::SigningKey signer,
               std::string policy_digest)
    : database_(database),
      clock_(clock),
      signer_(std::move(signer)),
      policy_digest_(std::move(policy_digest)) {}

absl::StatusOr<std::unique_ptr<Ledger>> Ledger::Open(storage::Database& database,
                                                     const Clock& clock, crypto::SigningKey signer,
                                                     std::string policy_digest) {
  std::unique_ptr<Ledger> ledger(
      new Ledger(database, clock, std::move(signer), std::move(policy_digest)));
  const absl::Status loaded = ledger->LoadLast();
  if (!loaded.ok()) return loaded;
  return ledger;
}

absl::Status Ledger::LoadLast() {
  const auto stored = database_.Get(Column::kLog, storage::LogSizeKey());
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return absl::OkStatus();
  const std::optional<uint64_t> size = storage::DecodeU64(**stored);
  if (!size.has_value()) return absl::DataLossError("log: the stored size is damaged");
  const audit::NodeReader nodes = [this](uint32_t level, uint64_t index) {
    return Node(level, index);
  };
  absl::StatusOr<audit::MerkleFrontier> frontier = audit::MerkleFrontier::Restore(*size, nodes);
  if (!frontier.ok()) return frontier.status();
  frontier_ = *std::move(frontier);

  if (*size > 0) {
    const absl::StatusOr<std::string> last = Entry(*size - 1);
    if (!last.ok()) return last.status();
    v1::Entry entry;
    if (!entry.ParseFromString(*last)) return absl::DataLossError("log: the last entry is damaged");
    last_time_ = entry.decided_at();
  }

  const auto note = database_.Get(Column::kLog, storage::CheckpointKey());
  if (!note.ok()) return note.status();
  if (!note->has_value()) return absl::OkStatus();
  const absl::StatusOr<audit::Note> parsed = audit::ParseNote(**note);
  if (!parsed.ok()) return absl::DataLossError("log: the last checkpoint is damaged");
  const absl::StatusOr<audit::Checkpoint> checkpoint = audit::ParseCheckpoint(parsed->text);
  if (!checkpoint.ok()) return absl::DataLossError("log: the last checkpoint is damaged");
  if (checkpoint->size > *size) {
    return absl::DataLossError("log: the database is behind its last checkpoint");
  }
  const absl::StatusOr<crypto::Hash> root = audit::RangeRoot(0, checkpoint->size, nodes);
  if (!root.ok()) return root.status();
  if (*root != checkpoint->root) {
    return absl::DataLossError("log: the database is not what its last checkpoint was signed over");
  }
  checkpoint_size_ = checkpoint->size;
  return absl::OkStatus();
}

absl::StatusOr<Committed> Ledger::Rule(Act& act, policy::Time now, audit::MerkleFrontier& frontier,
                                       Writes& writes) const {
  if (act.prepare) {
    const absl::Status prepared = act.prepare(writes, act.command);
    if (!prepared.ok()) return prepared;
  }
  absl::StatusOr<policy::Ruling> ruling = policy::Decide(writes, act.command, now);
  if (!ruling.ok()) return ruling.status();

  v1::Entry entry;
  entry.set_version(kEntryVersion);
  entry.set_decided_at(now);
  entry.set_kind(act.kind);
  entry.set_policy_digest(policy_digest_);
  *entry.mutable_command() = act.command;
  *entry.mutable_decision() = ruling->decision;
  entry.mutable_changes()->Assign(ruling->changes.begin(), ruling->changes.end());
  entry.mutable_envelopes()->Assign(act.envelopes.begin(), act.envelopes.end());
  entry.mutable_commitments()->Assign(act.commitments.begin(), act.commitments.end());
  const std::string bytes = entry.SerializeAsString();
  if (bytes.size() > audit::kMaxEntryBytes) {
    return absl::InvalidArgumentError("request: its statements are too long for one log entry");
  }

  Committed committed;
  committed.index = frontier.size();
  committed.leaf = audit::LeafHash(bytes);
  committed.decided_at = now;
  if (ruling->decision.allowed() && act.attach) {
    const absl::Status attached = act.attach(*ruling, committed.index, writes);
    if (!attached.ok()) return attached;
  }
  writes.Put(Column::kLog, storage::EntryKey(committed.index), bytes);
  for (const audit::Node& node : frontier.Append(committed.leaf)) {
    writes.Put(Column::kLog, storage::NodeKey(static_cast<uint8_t>(node.level), node.index),
               HashBytes(node.hash));
  }
  writes.Put(Column::kLog, storage::LogSizeKey(), storage::EncodeU64(frontier.size()));
  for (const v1::RecordChange& change : ruling->changes) {
    policy::RecordWrite write = policy::Apply(change);
    if (write.value.has_value()) {
      writes.Put(Column::kState, std::move(write.key), *std::move(write.value));
    } else {
      writes.Delete(Column::kState, std::move(write.key));
    }
  }
  committed.command = std::move(act.command);
  committed.ruling = *std::move(ruling);
  return committed;
}

absl::StatusOr<Appended> Ledger::Write(std::vector<Act> acts, bool all_or_nothing) {
  const std::lock_guard lock(mutex_);
  const policy::Time now = std::max(last_time_, clock_.NowUnix());
  audit::MerkleFrontier frontier = frontier_;
  Writes writes(database_);
  Appended appended;
  for (Act& act : acts) {
    absl::StatusOr<Committed> committed = Rule(act, now, frontier, writes);
    if (!committed.ok()) return committed.status();
    appended.acts.push_back(*std::move(committed));
    if (all_or_nothing && !appended.acts.back().ruling.decision.allowed()) return appended;
  }
  const absl::StatusOr<uint64_t> ticket = database_.Write(writes.ToBatch());
  if (!ticket.ok()) return ticket.status();
  frontier_ = std::move(frontier);
  last_time_ = now;
  last_ticket_ = appended.ticket = *ticket;
  for (size_t i = 0; i < acts.size(); ++i) {
    const policy::Ruling& ruling = appended.acts[i].ruling;
    if (ruling.decision.allowed() && acts[i].applied) acts[i].applied(ruling);
  }
  return appended;
}

absl::StatusOr<Appended> Ledger::Append(std::vector<Act> acts) {
  return Write(std::move(acts), /*all_or_nothing=*/false);
}

absl::StatusOr<Appended> Ledger::AppendAllOrNothing(std::vector<Act> acts) {
  return Write(std::move(acts), /*all_or_nothing=*/true);
}

absl::StatusOr<Committed> Ledger::Commit(Act act) {
  std::vector<Act> acts;
  acts.push_back(std::move(act));
  absl::StatusOr<Appended> appended = Append(std::move(acts));
  if (!appended.ok()) return appended.status();
  const absl::Status synced = Sync(*appended);
  if (!synced.ok()) return synced;
  return std::move(appended->acts.front());
}

absl::StatusOr<std::string> Ledger::SignCheckpoint(const std::string& origin) {
  const std::lock_guard signing(checkpoint_mutex_);
  audit::Checkpoint checkpoint;
  checkpoint.origin = origin;
  uint64_t ticket = 0;
  {
    const std::lock_guard lock(mutex_);
    checkpoint.size = frontier_.size();
    checkpoint.root = frontier_.Root();
    ticket = last_ticket_;
  }
  // Only what is durable is signed: a root that a crash could take back would be a split view.
  if (ticket > 0) {
    const absl::Status synced = database_.Sync(ticket);
    if (!synced.ok()) return synced;
  }
  if (checkpoint.size < checkpoint_size_) {
    return absl::InternalError("log: smaller than its last checkpoint");
  }
  absl::StatusOr<std::string> note = audit::SignCheckpoint(checkpoint, signer_);
  if (!note.ok()) return note.status();
  storage::Batch batch;
  batch.Put(Column::kLog, storage::CheckpointKey(), *note);
  const absl::Status stored = database_.WriteSynced(std::move(batch));
  if (!stored.ok()) return stored;
  checkpoint_size_ = checkpoint.size;
  return note;
}

uint64_t Ledger::size() const {
  const std::lock_guard lock(mutex_);
  return frontier_.size();
}

absl::StatusOr<crypto::Hash> Ledger::Node(uint32_t level, uint64_t index) const {
  const auto stored =
      database_.Get(Column::kLog, storage::NodeKey(static_cast<uint8_t>(level), index));
  if (!stored.ok()) return stored.status();
  crypto::Hash hash;
  if (!stored->has_value() || (*stored)->size() != hash.size()) {
    return absl::DataLossError("log: a node of the tree is missing");
  }
  std::copy((*stored)->begin(), (*stored)->end(), hash.begin());
  return hash;
}

absl::StatusOr<std::string> Ledger::Entry(uint64_t index) const {
  absl::StatusOr<std::optional<std::string>> stored =
      database_.Get(Column::kLog, storage::EntryKey(index));
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) return absl::NotFoundError("log: no entry of that index");
  return **std::move(stored);
}

}  // namespace kluis::service
