#include "service/sweeper.h"

#include <utility>
#include <vector>

#include "policy/facts.h"
#include "policy/record_key.h"
#include "service/database_state.h"
#include "service/subject_details.h"
#include "storage/layout.h"

namespace kluis::service {

absl::Status Sweeper::Carry(Act act) {
  act.kind = v1::LOG_KIND_ERASURE;
  act.command.set_method("Sweep");
  act.applied = [this](const policy::Ruling& ruling) {
    for (const v1::RecordChange& change : ruling.changes) {
      if (change.has_template_()) galleries_.TemplateEnded(change.template_());
      if (change.has_case_()) galleries_.CaseChanged(change.case_());
    }
  };
  const absl::StatusOr<Committed> committed = ledger_.Commit(std::move(act));
  if (!committed.ok()) return committed.status();
  for (const v1::RecordChange& change : committed->ruling.changes) {
    if (!change.has_pending_erasure()) continue;
    const absl::StatusOr<Committed> erased = eraser_.Erase(change.pending_erasure());
    if (!erased.ok()) return erased.status();
  }
  return absl::OkStatus();
}

absl::Status Sweeper::EndTemplates(const v1::LegalProfile&) {
  std::vector<std::string> due;
  const policy::Time now = clock_.NowUnix();
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        if (record.state() == v1::TEMPLATE_STATE_ACTIVE && record.expires_at() <= now) {
          due.push_back(record.id());
        }
      });
  if (!scanned.ok()) return scanned;
  for (const std::string& id : due) {
    Act act;
    act.command.mutable_expire_template()->set_template_id(id);
    const absl::Status carried = Carry(std::move(act));
    if (!carried.ok()) return carried;
  }
  return absl::OkStatus();
}

absl::Status Sweeper::EndCases(const v1::LegalProfile& profile) {
  std::vector<std::string> due;
  const policy::Time now = clock_.NowUnix();
  const policy::Time retention = profile.case_retention_days() * policy::kDay;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::CaseRecord>(
      v1::RecordChange::kCase, [&](const v1::CaseRecord& kase) {
        const bool over = kase.ended_at() == 0 && kase.has_warrant() &&
                          kase.warrant().not_after().seconds() <= now;
        const bool kept_long_enough =
            kase.ended_at() > 0 && !kase.erased() && kase.ended_at() + retention <= now;
        if (over || kept_long_enough) due.push_back(kase.id());
      });
  if (!scanned.ok()) return scanned;
  for (const std::string& id : due) {
    Act act;
    act.command.mutable_end_case()->set_case_id(id);
    const absl::Status carried = Carry(std::move(act));
    if (!carried.ok()) return carried;
  }
  return absl::OkStatus();
}

absl::Status Sweeper::ForgetSubjects(const v1::LegalProfile& profile) {
  std::vector<v1::SubjectRecord> due;
  const policy::Time now = clock_.NowUnix();
  const policy::Time retention = profile.details_retention_days() * policy::kDay;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::SubjectRecord>(
      v1::RecordChange::kSubject, [&](const v1::SubjectRecord& subject) {
        if (!subject.erased() && subject.live_templates() == 0 &&
            subject.last_template_ended_at() + retention <= now) {
          due.push_back(subject);
        }
      });
  if (!scanned.ok()) return scanned;
  for (const v1::SubjectRecord& subject : due) {
    Act act;
    act.command.mutable_forget_subject()->set_subject_id(subject.id());
    // The way from a public key to the subject goes first: after the puncture nobody can tell
    // which row it was.
    act.attach = [&](const policy::Ruling&, uint64_t, Writes& writes) {
      return ForgetPublicKey(database_, sealer_, subject, writes);
    };
    const absl::Status carried = Carry(std::move(act));
    if (!carried.ok()) return carried;
  }
  return absl::OkStatus();
}

absl::Status Sweeper::SweepOnce() {
  const std::lock_guard lock(mutex_);
  const auto vault = policy::Find<v1::VaultRecord>(DatabaseState(database_), policy::key::Vault());
  if (!vault.ok()) return vault.status();
  if (!vault->has_value()) return absl::FailedPreconditionError("vault: not founded");
  const v1::LegalProfile& profile = (*vault)->founding().legal_profile();
  for (const auto sweep : {&Sweeper::EndTemplates, &Sweeper::EndCases, &Sweeper::ForgetSubjects}) {
    const absl::Status swept = (this->*sweep)(profile);
    if (!swept.ok()) return swept;
  }
  return rotations_.FinishAll([this] { return stopping_.load(); });
}

absl::Status Sweeper::CompactErased() {
  for (const storage::Column column : {storage::Column::kSealed, storage::Column::kDetails}) {
    const absl::Status compacted = database_.CompactDeleted(column).status();
    if (!compacted.ok()) return compacted;
  }
  return absl::OkStatus();
}

void Sweeper::CompactSometimes() {
  const auto begin = std::chrono::steady_clock::now();
  if (begin < next_compaction_) return;
  CompactErased().IgnoreError();  // tried again by the next one
  const auto end = std::chrono::steady_clock::now();
  next_compaction_ = end + 19 * (end - begin);
}

}  // namespace kluis::service
