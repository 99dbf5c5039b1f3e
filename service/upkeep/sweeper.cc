// SPDX-License-Identifier: Apache-2.0
#include "service/upkeep/sweeper.h"

#include <map>
#include <utility>
#include <vector>

#include "policy/civil_time.h"
#include "policy/facts.h"
#include "policy/record_key.h"
#include "service/custody/subject_details.h"
#include "service/ledger/database_state.h"
#include "storage/layout.h"

namespace kluis::service {
namespace {

constexpr uint64_t kUsualPeople = 20;
constexpr uint64_t kUsualShare = 10;  // a tenth

// The people of a purpose, or those whose details are kept.
struct DueShare {
  uint64_t all = 0;
  uint64_t over = 0;

  bool IsUnusual() const { return over > kUsualPeople && over * kUsualShare > all; }
};

}  // namespace

absl::Status Sweeper::Carry(Act act) {
  act.kind = v1::LOG_KIND_ERASURE;
  act.command.set_method("Sweep");
  return ledger_.Commit(std::move(act)).status();
}

// What waits until its files are rewritten is not erased yet, and must not be started again.
bool Sweeper::IsPending(v1::ErasureTarget target, const std::string& id) const {
  const auto erasure = policy::Find<v1::PendingErasure>(DatabaseState(database_),
                                                        policy::key::PendingErasure(target, id));
  return !erasure.ok() || erasure->has_value();
}

absl::Status Sweeper::EndTemplates(const v1::LegalProfile&, policy::Time now) {
  std::vector<std::string> due;
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

absl::Status Sweeper::EndCases(const v1::LegalProfile& profile, policy::Time now) {
  std::vector<std::string> due;
  const policy::Time retention = profile.case_retention_days() * policy::kDay;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::CaseRecord>(
      v1::RecordChange::kCase, [&](const v1::CaseRecord& kase) {
        const bool over = kase.ended_at() == 0 && kase.has_warrant() &&
                          kase.warrant().not_after().seconds() <= now;
        const bool lapsed =
            kase.state() == v1::CASE_STATE_AWAITING_WARRANT && kase.opened_at() + retention <= now;
        const bool kept_long_enough = kase.ended_at() > 0 && !kase.erased() &&
                                      kase.ended_at() + retention <= now &&
                                      !IsPending(v1::ERASURE_TARGET_CASE, kase.id());
        if (over || lapsed || kept_long_enough) due.push_back(kase.id());
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

absl::Status Sweeper::ForgetSubjects(const v1::LegalProfile& profile, policy::Time now) {
  std::vector<v1::SubjectRecord> due;
  const policy::Time retention = profile.details_retention_days() * policy::kDay;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::SubjectRecord>(
      v1::RecordChange::kSubject, [&](const v1::SubjectRecord& subject) {
        if (!subject.erased() && subject.live_templates() == 0 &&
            subject.last_template_ended_at() + retention <= now &&
            !IsPending(v1::ERASURE_TARGET_SUBJECT, subject.id())) {
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

absl::Status Sweeper::ForgetAuthorityYears(const v1::LegalProfile& profile, policy::Time now) {
  std::vector<v1::AuthorityYear> due;
  const absl::Status scanned = DatabaseState(database_).ForEach<v1::AuthorityYear>(
      v1::RecordChange::kAuthorityYear, [&](const v1::AuthorityYear& year) {
        if (!year.erased() && year.live_cases() == 0 &&
            policy::MonthsAfterYear(year.year(), profile.log_retention_months()) <= now &&
            !IsPending(v1::ERASURE_TARGET_AUTHORITY_YEAR,
                       policy::AuthorityYearId(year.authority_id(), year.year()))) {
          due.push_back(year);
        }
      });
  if (!scanned.ok()) return scanned;
  for (const v1::AuthorityYear& year : due) {
    Act act;
    v1::ForgetAuthorityYear& forget = *act.command.mutable_forget_authority_year();
    forget.set_authority_id(year.authority_id());
    forget.set_year(year.year());
    const absl::Status carried = Carry(std::move(act));
    if (!carried.ok()) return carried;
  }
  return absl::OkStatus();
}

// How many people a sweep at `now` would end, of all groups in which that is unusual; 0: of none.
absl::StatusOr<uint64_t> Sweeper::CountUnusual(const v1::LegalProfile& profile,
                                               policy::Time now) const {
  std::map<std::string, DueShare> shares;  // by purpose; the empty one is of details
  const DatabaseState state(database_);
  absl::Status scanned = state.ForEach<v1::TemplateRecord>(
      v1::RecordChange::kTemplate, [&](const v1::TemplateRecord& record) {
        if (record.state() != v1::TEMPLATE_STATE_ACTIVE) return;
        DueShare& share = shares[record.purpose()];
        ++share.all;
        if (record.expires_at() <= now) ++share.over;
      });
  if (!scanned.ok()) return scanned;
  const policy::Time retention = profile.details_retention_days() * policy::kDay;
  scanned = state.ForEach<v1::SubjectRecord>(
      v1::RecordChange::kSubject, [&](const v1::SubjectRecord& subject) {
        if (subject.erased()) return;
        DueShare& share = shares[""];
        ++share.all;
        if (subject.live_templates() == 0 && subject.last_template_ended_at() + retention <= now) {
          ++share.over;
        }
      });
  if (!scanned.ok()) return scanned;
  uint64_t people = 0;
  for (const auto& [purpose, share] : shares) people += share.IsUnusual() ? share.over : 0;
  return people;
}

absl::Status Sweeper::LookFirst(const v1::LegalProfile& profile,
                                const DecisionClock::Reading& clock) {
  if (clock.disturbances == seen_disturbances_) return absl::OkStatus();
  const absl::StatusOr<uint64_t> people = CountUnusual(profile, clock.time);
  if (!people.ok()) return people.status();
  if (*people <= approved_) return absl::OkStatus();
  waits_for_ = *people;
  return absl::FailedPreconditionError("sweep: waits for an operator, see `kluis clock show`");
}

absl::Status Sweeper::SweepOnce() {
  const std::lock_guard lock(mutex_);
  const auto vault = policy::Find<v1::VaultRecord>(DatabaseState(database_), policy::key::Vault());
  if (!vault.ok()) return vault.status();
  if (!vault->has_value()) return absl::FailedPreconditionError("vault: not founded");
  const v1::LegalProfile& profile = (*vault)->founding().legal_profile();
  const DecisionClock::Reading clock = ledger_.ReadClock();
  absl::Status status = clock.trusted() ? EndWhatIsOver(profile, clock)
                                        : absl::UnavailableError("sweep: nobody knows the time");
  status.Update(rotations_.FinishAll([this] { return stopping_.load(); }));
  // Whose warrant has begun since, or whose purpose was stopped or rotating.
  if (clock.trusted()) status.Update(galleries_.LoadActive(clock.time));
  return status;
}

absl::Status Sweeper::EndWhatIsOver(const v1::LegalProfile& profile,
                                    const DecisionClock::Reading& clock) {
  const absl::Status looked = LookFirst(profile, clock);
  if (!looked.ok()) return looked;
  for (const auto sweep : {&Sweeper::EndTemplates, &Sweeper::EndCases, &Sweeper::ForgetSubjects,
                           &Sweeper::ForgetAuthorityYears}) {
    const absl::Status swept = (this->*sweep)(profile, clock.time);
    if (!swept.ok()) return swept;
  }
  seen_disturbances_ = clock.disturbances;
  waits_for_ = 0;
  approved_ = 0;
  return absl::OkStatus();
}

}  // namespace kluis::service
