// SPDX-License-Identifier: Apache-2.0
// The second half of a recovery: what it says in the log, and what follows from that.
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "base/id.h"
#include "policy/record_key.h"
#include "service/ledger/database_state.h"
#include "service/ledger/log_rows.h"
#include "service/ledger/names.h"
#include "service/ledger/outcome.h"
#include "service/ledger/statements.h"
#include "service/recovery/backups.h"
#include "service/recovery/recovery.h"
#include "service/recovery/restored_rows.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

using storage::Column;

constexpr size_t kActsAtOnce = 256;

// What an earlier attempt of this recovery has in the log.
struct Done {
  std::optional<uint64_t> recovered;  // the index of the RECOVERY entry
  std::set<std::string> ended;        // ids of templates
};

absl::StatusOr<Done> FindDone(const RecoveryParts& parts, uint64_t from) {
  Done done;
  const absl::Status scanned = VisitAllowed(
      parts.database, from, parts.ledger.size(), [&](uint64_t index, const v1::Entry& entry) {
        if (entry.command().has_recover()) done.recovered = index;
        if (entry.command().has_lose_template()) {
          done.ended.insert(entry.command().lose_template().template_id());
        }
      });
  if (!scanned.ok()) return scanned;
  return done;
}

// Ids of what is to be ended, and of subjects that are to be reported.
struct Lost {
  std::set<std::string> templates;
  std::set<std::string> subjects;
  std::vector<v1::PendingErasure> keyless;  // neither of templates
  uint64_t removed_rows = 0;
};

absl::StatusOr<Lost> FindLost(const RecoveryParts& parts) {
  const absl::StatusOr<LostRows> rows = FindLostRows(parts.database);
  if (!rows.ok()) return rows.status();
  const absl::StatusOr<MatchedKeyring> matched = MatchKeyring(parts.database, parts.keyring);
  if (!matched.ok()) return matched.status();
  Lost lost;
  lost.templates.insert(rows->templates.begin(), rows->templates.end());
  lost.subjects.insert(rows->subjects.begin(), rows->subjects.end());
  lost.removed_rows = matched->removed_rows;
  for (const v1::PendingErasure& erasure : matched->keyless) {
    if (erasure.target() == v1::ERASURE_TARGET_TEMPLATE) {
      lost.templates.insert(erasure.id());
      continue;
    }
    lost.subjects.erase(erasure.id());  // forgotten, not lost
    lost.keyless.push_back(erasure);
  }
  return lost;
}

absl::StatusOr<uint64_t> CommitRecovery(const RecoveryParts& parts,
                                        const RestoredDatabase& restored, const v1::Caller& caller,
                                        const v1::Envelope& order, const Lost& lost) {
  Act act;
  act.kind = v1::LOG_KIND_UPKEEP;
  act.command.set_method("RestoreVault");
  *act.command.mutable_caller() = caller;
  v1::Recover& recover = *act.command.mutable_recover();
  absl::StatusOr<v1::StatementFacts> facts =
      TakeStatement(DatabaseState(parts.database), order, *recover.mutable_order());
  if (!facts.ok()) return facts.status();
  *recover.mutable_statement() = *std::move(facts);
  recover.set_from_size(restored.from_size);
  recover.set_to_size(restored.to_size);
  recover.set_lost_templates(lost.templates.size());
  recover.set_lost_subjects(lost.subjects.size());
  act.envelopes.push_back(order);
  const absl::StatusOr<Committed> committed = parts.ledger.Commit(std::move(act));
  if (!committed.ok()) return committed.status();
  if (!committed->ruling.decision.allowed()) return RefusalOf(*committed);
  return committed->index;
}

absl::Status EndTemplates(Ledger& ledger, const std::set<std::string>& ids) {
  std::vector<Act> acts;
  const auto append = [&]() -> absl::Status {
    if (acts.empty()) return absl::OkStatus();
    const absl::StatusOr<Appended> appended = ledger.Append(std::exchange(acts, {}));
    if (!appended.ok()) return appended.status();
    for (const Committed& committed : appended->acts) {
      if (!committed.ruling.decision.allowed()) {
        return absl::InternalError("recovery: a lost template was not active");
      }
    }
    return ledger.Sync(*appended);
  };
  for (const std::string& id : ids) {
    Act& act = acts.emplace_back();
    act.kind = v1::LOG_KIND_ERASURE;
    act.command.set_method("Recover");
    act.command.mutable_lose_template()->set_template_id(id);
    if (acts.size() < kActsAtOnce) continue;
    const absl::Status appended = append();
    if (!appended.ok()) return appended;
  }
  return append();
}

// Rows that nothing opens any more.
absl::StatusOr<uint64_t> RemoveKeylessRows(storage::Database& database,
                                           const std::vector<v1::PendingErasure>& keyless) {
  storage::Batch batch;
  const auto remove = [&](Column column, const std::string& prefix) {
    return database.Scan(column, prefix, [&](std::string_view key, std::string_view) {
      batch.Delete(column, key);
      return true;
    });
  };
  for (const v1::PendingErasure& erasure : keyless) {
    if (erasure.target() == v1::ERASURE_TARGET_AUTHORITY_YEAR) {
      const auto year = storage::YearIdFromBytes(erasure.id());
      if (!year.ok()) return year.status();
      const absl::Status scanned = remove(Column::kDetails, storage::WrittenPrefix(*year));
      if (!scanned.ok()) return scanned;
      continue;
    }
    const auto id = base::IdFromBytes(erasure.id());
    if (!id.ok()) return id.status();
    absl::Status scanned;
    if (erasure.target() == v1::ERASURE_TARGET_CASE) {
      scanned = remove(Column::kSealed, storage::ProbePrefix(*id));
    } else {
      scanned = remove(Column::kDetails, storage::SubjectKey(*id));
      if (scanned.ok()) scanned = remove(Column::kDetails, storage::NoticePrefix(*id));
    }
    if (!scanned.ok()) return scanned;
  }
  const uint64_t count = batch.size();
  if (count == 0) return count;
  const absl::Status written = database.WriteSynced(std::move(batch));
  if (!written.ok()) return written;
  return count;
}

// As the answer to the call that made the entry would have it.
absl::Status SetReceipt(const Ledger& ledger, uint64_t index, v1::Receipt& receipt) {
  const absl::StatusOr<std::string> bytes = ledger.Entry(index);
  if (!bytes.ok()) return bytes.status();
  v1::Entry entry;
  if (!entry.ParseFromString(*bytes)) return absl::DataLossError("log: an entry is damaged");
  receipt.set_log_index(index);
  receipt.set_leaf_hash(std::string(crypto::Bytes(audit::LeafHash(*bytes))));
  receipt.mutable_decided_at()->set_seconds(entry.decided_at());
  return absl::OkStatus();
}

absl::Status AddNames(const storage::Database& database, const std::set<std::string>& templates,
                      const std::set<std::string>& subjects, v1::RestoreVaultResponse& response) {
  std::set<std::string> names;
  for (const std::string& id : templates) {
    const auto record =
        policy::Find<v1::TemplateRecord>(DatabaseState(database), policy::key::Template(id));
    if (!record.ok()) return record.status();
    if (!record->has_value()) return absl::DataLossError("state: a template is missing");
    names.insert(TemplateName((*record)->subject_id(), id));
  }
  response.mutable_lost_templates()->Assign(names.begin(), names.end());
  for (const std::string& id : subjects) response.add_lost_subjects(NameOf("subjects", id));
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::RestoreVaultResponse> FinishRecovery(const RecoveryParts& parts,
                                                        const RestoredDatabase& restored,
                                                        const v1::Caller& caller,
                                                        const v1::Envelope& order,
                                                        const RecoveryStep& step) {
  Tell(step, "match the keyring");
  absl::StatusOr<Done> done = FindDone(parts, restored.to_size);
  if (!done.ok()) return done.status();
  const absl::StatusOr<Lost> lost = FindLost(parts);
  if (!lost.ok()) return lost.status();
  if (!done->recovered.has_value()) {
    const absl::StatusOr<uint64_t> index = CommitRecovery(parts, restored, caller, order, *lost);
    if (!index.ok()) return index.status();
    done->recovered = *index;
  }
  Tell(step, absl::StrCat("end ", lost->templates.size(), " templates that are lost"));
  absl::Status status = EndTemplates(parts.ledger, lost->templates);
  if (!status.ok()) return status;
  const absl::StatusOr<uint64_t> removed = RemoveKeylessRows(parts.database, lost->keyless);
  if (!removed.ok()) return removed.status();
  status = parts.eraser.FinishAll();
  // Also of what the backup brought back: the log says that it is in no file.
  if (status.ok()) status = parts.eraser.concluder().Conclude();
  if (!status.ok() && !Concluder::Waits(status)) return status;

  v1::RestoreVaultResponse response;
  *response.mutable_backup() = ViewOf(restored.backup);
  response.set_from_size(restored.from_size);
  response.set_to_size(restored.to_size);
  response.set_removed_rows(restored.removed_rows + lost->removed_rows + *removed);
  done->ended.insert(lost->templates.begin(), lost->templates.end());
  status = AddNames(parts.database, done->ended, lost->subjects, response);
  if (status.ok()) {
    status = SetReceipt(parts.ledger, *done->recovered, *response.mutable_receipt());
  }
  if (status.ok()) status = RemoveRecoveryMark(parts.data);
  if (!status.ok()) return status;
  return response;
}

}  // namespace kluis::service
